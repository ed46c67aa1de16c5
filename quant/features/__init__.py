"""Indicators and features of prices, volumes, statements and earnings."""
