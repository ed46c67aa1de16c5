"""What an order is held against before it is taken."""
