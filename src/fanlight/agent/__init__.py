"""Carries finished traces out of the application: queue, background task, wire, start and stop."""
