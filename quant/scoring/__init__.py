"""Scores of forecasts: probabilities, quantiles, calibration."""
