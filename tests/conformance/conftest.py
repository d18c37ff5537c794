"""Makes the commit builder of `tests/stores` importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "stores"))
