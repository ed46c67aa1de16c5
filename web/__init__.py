"""The web application: pages, a JSON API and live streams, all read from the records."""
