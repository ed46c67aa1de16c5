"""Outcomes settled and forecasts scored."""
