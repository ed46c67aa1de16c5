"""Forms and filters of orders."""
