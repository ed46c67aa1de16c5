"""What is drawn, frozen and already worded, the same for page and stream: one file a noun."""
