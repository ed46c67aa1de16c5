"""Orders from people and for brokers: tickets, confirmation, the broker protocol."""
