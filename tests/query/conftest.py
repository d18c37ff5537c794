"""Makes the readers of the tables importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
