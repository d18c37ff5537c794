"""Files that nobody ingested: opened, cut at events, searched as bytes, decided by the query."""
