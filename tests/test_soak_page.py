"""The page and the table of the long tests: what pytest's reports say, the newest word on each test."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import soak_page
from soak_page import Case, Result

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

REPORT = """<testsuites><testsuite>
<testcase name="test_it_holds[x]" time="1"><properties>
<property name="measured" value="3 MiB"/><property name="limit" value="5 MiB"/></properties></testcase>
<testcase name="test_it_holds[y]" time="1"><failure>no</failure></testcase>
<testcase name="test_it_holds[z]" time="1"><error>no</error></testcase>
<testcase time="1"/>
<testcase name="test_it_holds[not here]" time="0"><skipped>no</skipped></testcase>
</testsuite></testsuites>"""
HOLDS, LASTS = "tests/a/test_b.py::test_it_holds", "tests/a/test_b.py::test_it_lasts"


def result(proof: str, hour: int, *cases: Case, lasted_s: float = 90.0, whole: bool = True) -> Result:
    return Result(proof, datetime(2026, 1, 31, hour, 5, tzinfo=UTC), lasted_s, list(cases), whole)


def row(page: str, what: str) -> str:
    (found,) = [line for line in page.splitlines() if line.startswith(f"| {what} |")]
    return found


def test_a_report_tells_what_ran_and_what_it_measured(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_text(REPORT)
    assert soak_page.read(path) == [
        Case("test_it_holds[x]", True, "3 MiB", "5 MiB"),
        Case("test_it_holds[y]", False, "", ""),
        Case("test_it_holds[z]", False, "", ""),
    ]
    assert soak_page.read(tmp_path / "none.xml") == []


def test_a_page_has_a_line_for_each_test_and_names_what_failed() -> None:
    fine, same, broken = Case("x", True, "3 | 4", "5"), Case("y", True, "1", "5"), Case("z", False, "", "")
    page = soak_page.page([result(HOLDS, 10, fine, same, broken)], 5000, "more")
    assert "began 2026-01-31 10:05 UTC and lasted 83 min: 1 tests with 3 cases, of which\n2 passed" in page
    assert "All of them have not run at once." in soak_page.page([result(HOLDS, 10, fine)], 0, "more")
    assert (
        row(page, "it holds") == f"| it holds | 3 | 2 | 90 s | 3 / 4; 1 | 5 | 2026-01-31 10:05 | `{HOLDS}` |"
    )
    assert "* failed: `tests/a/test_b.py::z`" in page.splitlines()


def test_a_page_keeps_what_was_not_brought_to_its_end_but_for_tests_that_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak_page, "ROOT", tmp_path)
    (tmp_path / "tests" / "a").mkdir(parents=True)
    (tmp_path / "tests" / "a" / "test_b.py").write_text(
        "def test_it_holds(): ...\ndef test_it_lasts(): ...\n"
    )
    one, broken = Case("x", True, "", ""), Case("test_it_lasts[y]", False, "", "")
    gone = result("tests/a/test_b.py::test_it_is_gone", 10, one)
    before = soak_page.page(
        [result(HOLDS, 10, one), result(LASTS, 10, one, broken, lasted_s=660), gone], 5, "more"
    )
    assert soak_page.took_s(before) == {HOLDS: 90.0, LASTS: 660.0}
    later = [result(HOLDS, 12, one, one), result(LASTS, 12, one, whole=False)]
    page = soak_page.page(later, 0, "more", before)
    assert "began 2026-01-31 10:05 UTC and lasted 5 s: 3 tests" in page
    assert f"* failed: `{LASTS}[y]`" in page.splitlines()
    assert "failed" not in soak_page.page([result(LASTS, 13, one)], 0, "more", page)
    assert row(page, "it holds").startswith("| it holds | 2 | 2 | 90 s |")
    assert "2026-01-31 10:05" in row(page, "it lasts")
    assert "gone" not in page


def test_a_table_has_what_was_measured_and_its_limit_once_below_each_test() -> None:
    cases = [Case("x", True, "3", "5"), Case("y", False, "4", "5")]
    table = soak_page.table([result(HOLDS, 10, *cases), result(LASTS, 10, lasted_s=660, whole=False)])
    assert table.splitlines() == [
        "what      cases  passed    took",
        "it holds      2       1    90 s  FAILED",
        "    3; 4",
        "    limit: 5",
        "it lasts      0       0  11 min  broken off",
    ]
