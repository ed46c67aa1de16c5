"""The composition root: settings become the parts that the commands and the server work with.

A home is opened (`home.py`), and what a command needs is built from it and passed on as an
argument. No other package chooses an implementation.
"""
