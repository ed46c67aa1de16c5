"""Orders: the ticket, open orders, fills."""
