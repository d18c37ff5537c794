"""What `import fanlight; fanlight.start()` adds to a bare interpreter: modules and CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median

from rows import Row

# `time` is loaded before the first reading, since the reading itself needs it.
CODE = """
import sys, time
before, began = set(sys.modules), time.process_time_ns()
import fanlight
fanlight.start("bench")
spent = time.process_time_ns() - began
print('[%d, %d]' % (len(set(sys.modules) - before), spent))
"""


def run(rounds: int) -> list[Row]:
    """Answer the two rows; medians over as many fresh interpreters as is worth the time."""
    readings = [reading() for _ in range(max(5, 3 * rounds))]
    return [
        Row("modules added by import and start()", median(r[0] for r in readings), "", 60),
        Row("CPU of import and start()", median(r[1] for r in readings) / 1e6, "ms", 25),
    ]


def reading() -> list[int]:
    command = [sys.executable, "-I", "-c", CODE]
    answer: list[int] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return answer
