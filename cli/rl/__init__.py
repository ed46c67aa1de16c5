"""The commands of the RL lab."""
