"""Cycles, panels, the server and its streams: speed and reliability."""
