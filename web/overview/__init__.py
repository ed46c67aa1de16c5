"""The overview: what the committee decided, ranked by edge."""
