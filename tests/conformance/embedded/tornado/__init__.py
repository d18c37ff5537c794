"""Stands in for Tornado where that is not installed."""
