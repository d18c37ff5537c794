"""Fanlight: why is this Python service slow?"""

__version__ = "0.1.0"
