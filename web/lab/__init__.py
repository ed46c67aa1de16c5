"""The RL lab's forms, views and live parts."""
