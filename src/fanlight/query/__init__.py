"""The query language: text to a tree that prints itself, and from there to predicate, prefilter and SQL."""
