"""Settle outcomes and score forecasts."""
