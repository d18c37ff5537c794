"""One kept trace: where each span stands among its kind, why it has gaps, and what went on beside it."""
