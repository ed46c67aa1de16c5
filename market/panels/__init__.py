"""Stored market data turned into what agents and accounts see: panels and matrices of bars."""
