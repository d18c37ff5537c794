"""The noun: an event is an ordered list of typed, named properties, usually with a time."""
