"""The quality gate and its checks."""
