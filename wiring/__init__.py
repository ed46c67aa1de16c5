"""The composition root: settings become the parts that the commands and the server work with.

Everything is built here once and passed on as an argument. No other package chooses an
implementation.
"""
