"""Providers of market data, one file per vendor."""
