"""What pages and streams read again and again, kept in memory: latest votes and prices."""
