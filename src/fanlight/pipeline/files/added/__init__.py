"""What stages add up without an event for each line, format by format."""
