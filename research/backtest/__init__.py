"""The committee over history: runs, baselines, results."""
