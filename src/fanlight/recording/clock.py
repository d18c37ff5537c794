"""The one clock: integer monotonic nanoseconds for every duration, one wall anchor a trace."""

from time import perf_counter_ns as clock
from time import time_ns as wall_clock

__all__ = ["clock", "wall_clock"]
