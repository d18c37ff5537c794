"""Servers, each hooked at the callable that it loads or calls: one file each."""
