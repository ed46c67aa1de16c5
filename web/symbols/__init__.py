"""One symbol: its chart, votes, news and filings."""
