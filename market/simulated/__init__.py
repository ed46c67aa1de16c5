"""The simulated market: prices, headlines and statements from a seed."""
