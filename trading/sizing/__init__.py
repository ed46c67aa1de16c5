"""From decisions to target positions: size, profile, correlation."""
