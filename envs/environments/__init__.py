"""The parts of an environment: batches, observations, actions, rewards and episodes."""
