"""The RL lab: training runs and models."""
