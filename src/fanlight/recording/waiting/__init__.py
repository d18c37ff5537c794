"""How long a request waited before the application saw it: by the kernel, and by a proxy."""
