"""The commands on the paper account."""
