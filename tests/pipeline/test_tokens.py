"""A token is made once, is its owner's alone, and one that others can read is refused."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

import pytest

from fanlight.errors import ConfigError
from fanlight.pipeline.tokens import report_digest, report_token

if TYPE_CHECKING:
    from pathlib import Path


def test_one_is_made_at_the_first_start_and_stays(tmp_path: Path):
    path = tmp_path / "report.token"
    token = report_token(str(path))
    assert len(token) >= 32
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert report_token(str(path)) == token
    assert report_digest(str(path)) == hashlib.sha256(token).digest()


def test_one_that_others_can_read_is_refused(tmp_path: Path):
    path = tmp_path / "report.token"
    path.write_text("a-token-of-some-length\n")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600") as found:
        report_token(str(path))
    assert "a-token" not in str(found.value)


@pytest.mark.parametrize("text", ["", "short", "two words-of-some-length here", "ünäscii-token-of-length"])
def test_what_is_no_token_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "report.token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="holds no token"):
        report_token(str(path))
