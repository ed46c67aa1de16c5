"""What the environments are made of: batches, observations, actions, rewards, episodes."""
