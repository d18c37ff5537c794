"""How busy this process is, in memory that the collector reads; imported when a worker boots."""
