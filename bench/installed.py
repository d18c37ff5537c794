"""What `pip install 'fanlight[server]'` brings into a fresh environment; downloads, so it runs on demand."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from rows import Row, table

ROOT = Path(__file__).resolve().parent.parent
UNWANTED = ("pandas", "pyarrow")


def run(_rounds: int) -> list[Row]:
    """Answer the row: bytes of the environment with the extra less those of an empty one."""
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-") as folder:
        home = Path(folder) / "env"
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        packages = next(home.glob("lib/python*/site-packages"))
        before = size(packages)
        command = [home / "bin" / "python", "-m", "pip", "install", "-q", f"{ROOT}[server]"]
        subprocess.run(command, check=True)
        unwanted = [name for name in UNWANTED if (packages / name).exists()]
        if unwanted:
            raise SystemExit(f"[server] brings {', '.join(unwanted)}")
        brought = sorted(
            path.name.partition("-")[0]
            for path in packages.glob("*.dist-info")
            if not path.name.startswith(("pip-", "setuptools-"))
        )
        note = f"{len(brought)} packages, no {' or '.join(UNWANTED)}"
        return [Row("[server] installed", (size(packages) - before) / 1e6, "MB", 250, note=note)]


def size(folder: Path) -> int:
    """Answer the bytes that a folder's files take on disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    rows = run(1)
    print(table(rows))
    sys.exit(not all(row.passed for row in rows))
