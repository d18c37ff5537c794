"""`python -m fanlight …` is `fanlight …`."""

from __future__ import annotations

import sys

from fanlight.cli import main

sys.exit(main())
