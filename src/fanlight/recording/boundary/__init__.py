"""A server and what it calls: the traced application in its place, and the end of the process that serves."""
