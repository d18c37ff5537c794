"""The page of one trace."""

from __future__ import annotations

from fanlight.web.pages.waterfall import why

TRACE = f"/trace/{2:032x}"


def test_a_late_loop_is_told_with_by_how_much_and_that_it_may_be_anybodys():
    told = why({"cause": "loop", "late": 40_000_000})
    assert (
        told == "the event loop was held up, by this code or by another request: it was late by up to 40 ms"
    )
    assert why({"cause": "unknown", "late": 40_000_000}) == "nothing explains it"


def test_a_trace_says_of_each_part_how_many_of_its_kind_took_less(look, ask_with, shop):
    page = look(TRACE)
    assert "compared with 4,912 requests of its endpoint in the hour around it" in page.words
    assert "its parts with those of 88 kept ones" in page.words
    assert "93%" in page.words
    # The fold of 41 statements is compared as a whole.
    assert "71%" in page.words
    assert "71%" not in look(TRACE + "?fold=off").words

    class Older(type(shop)):
        def trace(self, *asked):
            spans = [
                {key: value for key, value in span.items() if not key.startswith("percentile")}
                for span in super().trace(*asked)["spans"]
            ]
            return super().trace(*asked) | {"kin": None, "spans": spans}

    assert "Slower than" not in ask_with(Older()).get(TRACE).text
