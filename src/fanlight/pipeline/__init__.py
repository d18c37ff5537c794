"""Wiring: settings become running parts here, and nowhere else are extensions named."""
