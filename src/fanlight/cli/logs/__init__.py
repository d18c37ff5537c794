"""Commands about log files that nobody ingested, one file each."""
