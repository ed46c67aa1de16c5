"""Cycles, panels, the server and its streams: how fast, and what they survive."""
