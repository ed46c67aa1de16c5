"""What pages and API do with the paper account."""
