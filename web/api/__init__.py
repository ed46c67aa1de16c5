"""The JSON API under /api/v1, in the shapes of the command line."""
