"""The page of one trace."""

from __future__ import annotations

TRACE = f"/trace/{2:032x}"


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
