"""Events of imported files: how they are kept, and what the engine decides on them."""
