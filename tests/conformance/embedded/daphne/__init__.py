"""Stands in for Daphne, which brings Twisted along."""
