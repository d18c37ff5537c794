"""What a supervised child asks for before it begins its work."""

import subprocess
import sys

import pytest

BEGINS = """
import os, sys
from fanlight.pipeline.child import die_with_parent
die_with_parent(os.getppid() if sys.argv[1] == "alive" else os.getpid())
print(oct(os.umask(0)))
"""


@pytest.mark.parametrize(("parent", "said"), [("alive", "0o77\n"), ("gone", "")])
def test_a_child_makes_files_for_its_user_alone_and_works_for_its_own_parent_only(parent, said):
    done = subprocess.run(
        [sys.executable, "-P", "-c", BEGINS, parent],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        umask=0o022,
    )
    assert (done.returncode, done.stdout) == (0, said), done.stderr
