"""Market data: fetching, importing, checking, and building panels from it."""
