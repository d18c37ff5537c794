"""Engines: what finds the lines with a hit, each by itself quick at something."""
