"""Orders that people and brokers place: tickets, confirmation, the broker protocol."""
