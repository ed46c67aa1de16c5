"""The JSON API under /api/v1, in the schemas of the command line."""
