"""Indicators and features of prices, volumes and statements."""
