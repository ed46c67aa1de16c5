"""The commands of research: backtests, fitting, checks."""
