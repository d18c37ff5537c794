"""Makes the commit builder of `tests/stores` importable, and what tests of this folder share."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "stores"), str(Path(__file__).parent)]
