"""The page of one trace."""

from __future__ import annotations

from web_client import Page
from web_shop import MS

from fanlight.web.pages.frame import span_name
from fanlight.web.pages.trace import cpu_words, facts
from fanlight.web.pages.waterfall import DRAWN_MAX, Axis, waterfall, why

TRACE = f"/trace/{2:032x}"


def test_a_late_loop_is_told_with_by_how_much_and_that_it_may_be_anybodys():
    told = why({"cause": "loop", "late": 40_000_000})
    assert (
        told == "the event loop was held up, by this code or by another request: it was late by up to 40 ms"
    )
    assert why({"cause": "unknown", "late": 40_000_000}) == "nothing explains it"


def test_cpu_time_is_told_to_be_of_the_whole_request_where_gaps_lean_on_it():
    cpu = {"time": 3_000_000, "own": 30_000_000, "idle": 27_000_000}
    whole = "That is known of the whole request, not of each gap."
    assert cpu_words(cpu, ["waiting"]).endswith(f"or it slept. {whole}")
    assert cpu_words(cpu | {"idle": 0}, ["code"]) == f"Its thread was on a CPU for 3 ms. {whole}"
    assert whole not in cpu_words(cpu, [])
    for cause in ("waiting", "code", "both"):
        assert ("waiting for a CPU or a lock" in why({"cause": cause})) == (cause != "code")


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


def test_two_statements_that_take_turns_fold_into_one_row_each(ask_with, shop):
    """A loop of an ORM seldom sends one statement alone."""

    class Turns(type(shop)):
        def trace(self, *asked):
            found = super().trace(*asked)
            inner = [span for span in found["spans"] if span["title"] == "SELECT FROM product"]
            for span in inner[::2]:
                span["title"] = "cache read"
                span["category"] = "cache.read"
                span["description"] = ""
            return found

    page = Page(ask_with(Turns()).get(TRACE).text)
    assert f"cache read {chr(0xD7)}21" in page.words
    assert f"SELECT FROM product {chr(0xD7)}20" in page.words
    unfolded = Page(ask_with(Turns()).get(TRACE + "?fold=off").text)
    assert unfolded.words.count("cache read") == 21


def test_a_large_fold_is_drawn_from_its_first_to_its_last():
    spans = [
        {"index": 0, "parent": None, "depth": 0, "category": "app.web.request", "title": "GET"},
        *(
            {"index": place, "parent": 0, "depth": 1, "category": "db.sql.query", "title": "SELECT"}
            for place in range(1, 1_002)
        ),
    ]
    for span in spans:
        start = span["index"] * 10
        span |= {"description": "", "annotations": {}, "start": start, "duration": 8, "self": 8}
    rows = list(waterfall({"spans": spans}, Axis(0, 10_020), fold=True))
    assert [row.times for row in rows] == ["", f"{chr(0xD7)}1001"]
    assert rows[1].whole[0][0] < 10
    assert rows[1].whole[-1][0] > 990
    assert len(rows[1].whole) <= DRAWN_MAX


def test_what_was_not_kept_of_a_large_trace_says_so_in_words():
    assert span_name("agent.pruned", "") == "Parts that were not kept"


def test_a_trace_whose_view_never_ran_says_so():
    span = {"annotations": {"answered_by": "middleware"}}
    found = {"host": "a", "pid": 1, "queue": {}, "weight": 1, "spans": [span]}
    assert dict(facts(found, 1))["Answered by"].endswith("the view never ran")
    span["annotations"] = {"answered_by": "somebody"}
    assert "Answered by" not in dict(facts(found, 1))
    assert "Answered by" not in dict(facts(found | {"spans": []}, 0))


def test_a_gap_stands_where_the_part_it_is_in_goes_on_or_ends():
    """The gap behind the last child belongs to the part that ends with it, not to the next one."""
    parts = ((None, 0, 0, 100), (0, 1, 10, 30), (1, 2, 12, 8), (0, 1, 50, 40))
    spans = [
        {
            "index": place,
            "parent": parent,
            "depth": depth,
            "category": "app.step",
            "title": f"part {place}",
            "description": "",
            "annotations": {},
            "self": 0,
            "start": start * MS,
            "duration": length * MS,
        }
        for place, (parent, depth, start, length) in enumerate(parts)
    ]
    # As the server tells them: by the part, not by when.
    holes = ((0, 0, 10), (0, 40, 10), (0, 90, 10), (1, 10, 2), (1, 20, 20))
    gaps = [
        {"span": span, "start": start * MS, "duration": length * MS, "cause": "unknown"}
        for span, start, length in holes
    ]
    rows = list(waterfall({"spans": spans, "gaps": gaps}, Axis(0, 100 * MS), fold=False))
    assert [(row.level, row.start) if row.is_gap else row.title for row in rows] == [
        "part 0",
        (2, "0"),
        "part 1",
        (3, "10 ms"),
        "part 2",
        (3, "20 ms"),
        (2, "40 ms"),
        "part 3",
        (2, "90 ms"),
    ]
