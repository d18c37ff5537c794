"""Tables have no empty columns."""

from __future__ import annotations

from fanlight.web.pages.filled import filled


def test_a_column_that_no_row_tells_has_no_head():
    rows = [["3", "", "0"], ["", "", "1"]]
    assert filled(("Busy", "Late", "Waiting"), rows) == (["Busy", "Waiting"], [["3", "0"], ["", "1"]])
    assert filled(("Busy",), []) == ([], [])
