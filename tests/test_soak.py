"""The page of the long tests: what pytest's reports say, the newest word on each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import soak

if TYPE_CHECKING:
    from pathlib import Path

REPORT = (
    """<testsuites><testsuite timestamp="2026-01-31T{hour}:05:00+00:00" time="{time}">"""
    "{cases}</testsuite></testsuites>"
)
FINE = """<testcase classname="tests.a.test_b" name="test_it_holds[{0}]" time="1.4"/>"""
BROKEN = FINE.replace("1.4", "1").replace("/>", "><failure>no</failure></testcase>")
TELLS = """<testcase classname="tests.a.test_c" name="test_idle" time="60">
<system-out>--- Captured Out ---
it took 0.1 %
</system-out></testcase>"""


def report(folder: Path, hour: int, *cases: str, time: float = 90.0) -> Path:
    path = folder / f"{hour}.xml"
    path.write_text(REPORT.format(hour=hour, time=time, cases="".join(cases)))
    return path


def test_a_page_tells_each_run_and_the_newest_word_on_each_test(tmp_path: Path) -> None:
    first = report(tmp_path, 10, FINE.format("x"), BROKEN.format("y"), TELLS, time=5000)
    second = report(tmp_path, 12, FINE.format("y"))
    lines = soak.page([soak.read(first), soak.read(second)]).splitlines()
    assert "| 1 | 2026-01-31 10:05 | 83 min | 3 | 2 |" in lines
    assert "| 2 | 2026-01-31 12:05 | 90 s | 1 | 1 |" in lines
    assert "* failed in run 1: `tests/a/test_b.py::test_it_holds` y" in lines
    assert "| it holds | 2 | 2 | 3 s | 1, 2 | `tests/a/test_b.py::test_it_holds` |" in lines
    assert "* `tests/a/test_c.py::test_idle`: it took 0.1 %" in lines


def test_a_page_is_carried_on_but_for_tests_that_are_gone(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(soak, "ROOT", tmp_path)
    (tmp_path / "tests" / "a").mkdir(parents=True)
    for name in ("test_b.py", "test_c.py"):
        (tmp_path / "tests" / "a" / name).write_text("def test_it_holds(): ...\ndef test_idle(): ...\n")
    gone = BROKEN.format("x").replace("test_it_holds", "test_gone")
    page = soak.page([soak.read(report(tmp_path, 10, BROKEN.format("x"), TELLS, gone))])
    again = soak.page([soak.read(report(tmp_path, 12, FINE.format("x")))], page)
    lines = again.splitlines()
    assert "gone" not in again
    assert [line[:7] for line in lines if "2026-01-31" in line] == ["| 1 | 2", "| 2 | 2"]
    assert "* failed in run 1: `tests/a/test_b.py::test_it_holds` x" in lines
    assert "| it holds | 1 | 1 | 1 s | 2 | `tests/a/test_b.py::test_it_holds` |" in lines
    assert "| idle | 1 | 1 | 60 s | 1 | `tests/a/test_c.py::test_idle` |" in lines
    assert "* `tests/a/test_c.py::test_idle`: it took 0.1 %" in lines
    assert soak.page([soak.read(report(tmp_path, 13, TELLS))], again).count("it took") == 1


def test_what_fails_last_stands_as_failed(tmp_path: Path) -> None:
    runs = [soak.read(report(tmp_path, hour, text)) for hour, text in ((10, FINE), (12, BROKEN))]
    assert "| it holds | 1 | 0 | 1 s | 2 | `tests/a/test_b.py::test_it_holds` |" in soak.page(runs)


def test_a_test_that_was_given_parameters_is_known_by_those_alone(tmp_path: Path) -> None:
    plain = BROKEN.replace("[{0}]", "")
    runs = [soak.read(report(tmp_path, hour, text)) for hour, text in ((10, plain), (12, FINE.format("x")))]
    assert "| it holds | 1 | 1 | 1 s | 2 | `tests/a/test_b.py::test_it_holds` |" in soak.page(runs)


@pytest.mark.parametrize(
    "text", ["<testsuites/>", "<testsuites><testsuite timestamp='2026-01-31' time='1'/></testsuites>"]
)
def test_a_report_of_nothing_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "empty.xml"
    path.write_text(text)
    with pytest.raises(SystemExit, match=r"empty\.xml"):
        soak.read(path)
