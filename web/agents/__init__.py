"""The agents and their record."""
