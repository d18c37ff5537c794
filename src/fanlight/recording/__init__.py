"""In the application: the recorder and its lanes, the clock, GC pauses, and what instruments share."""
