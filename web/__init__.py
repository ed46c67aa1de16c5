"""What a browser and a program see: pages, JSON and the live stream, all read from the records."""
