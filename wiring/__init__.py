"""The composition root: settings become the parts that the verbs and the server work with.

Everything is built here once and handed on as an argument. Nothing else chooses an implementation.
"""
