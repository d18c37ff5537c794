"""Annotations on their way out: what form they have, and that none is lost without a word."""

from __future__ import annotations

import fanlight
from fanlight.agent.batch import NOTES
from fanlight.recording.reduction import ENTRIES


def test_annotations_keep_their_type_and_one_nested_level(agent, receiver):
    cart = {"items": 3, "total": 12.5, "currency": "EUR", "gift": False, "lines": [1, {"deep": 2}]}
    with agent.trace("job") as trace, agent.span("pack", cart=cart):
        agent.annotate(count=7, ratio=0.25, text="ada", pair=(1, "b"), nothing=None, empty={})
        agent.mark("packed", "app.mark", box={"number": 4})
        trace.annotate("about", {"kind": "test"})
        cart["items"] = 4
    assert agent.flush(10)
    (received,) = receiver.traces
    assert received.root.find("pack").notes == {
        "cart.items": 3,
        "cart.total": 12.5,
        "cart.currency": "EUR",
        "cart.gift": False,
        "cart.lines": "[1, {'deep': 2}]",
        "count": 7,
        "ratio": 0.25,
        "text": "ada",
        "pair": "[1, 'b']",
    }
    assert received.root.find("packed").notes == {"box.number": 4}
    assert received.root.notes == {"about.kind": "test"}


def test_a_payloads_tuples_and_dicts_are_annotations_too(agent, receiver):
    payload = {"title": "load", "ids": (1, 2), "page": {"size": 20, "of": 3}}
    with agent.trace("job"), agent.notify("app.load", payload):
        pass
    assert agent.flush(10)
    assert receiver.traces[0].root.find("load").notes == {"ids": "[1, 2]", "page.size": 20, "page.of": 3}


def test_secrets_one_level_down_never_leave(agent, receiver):
    headers = {"Authorization": "planted", "host": "example", "X-Api-Key": 4711}
    with agent.trace("job"), agent.span("a", headers=headers, token={"first": "planted"}):
        pass
    assert agent.flush(10)
    assert receiver.traces[0].root.find("a").notes == {
        "headers.Authorization": "<redacted>",
        "headers.host": "example",
        "headers.X-Api-Key": "<redacted>",
        "token": "<redacted>",
    }
    assert b"planted" not in b"".join(body for _, _, body in receiver.batches)


def test_a_large_dict_keeps_its_first_entries_and_tells_how_many_more_there_were(agent, receiver):
    with agent.trace("job"), agent.span("a", rows={str(n): n for n in range(ENTRIES + 5)}):
        pass
    assert agent.flush(10)
    notes = receiver.traces[0].root.find("a").notes
    assert notes == {**{f"rows.{n}": n for n in range(ENTRIES)}, "rows.…": 5}


def test_dicts_do_not_pass_the_bound_of_a_traces_annotations(agent, receiver):
    entries = {str(n): n for n in range(ENTRIES)}
    with agent.trace("job"):
        for _ in range(NOTES // ENTRIES + 3):
            agent.mark("a", "app.mark", rows=entries, n=1)
    assert agent.flush(10)
    assert sum(len(span.notes) for span in receiver.traces[0].spans) == NOTES


def test_a_category_without_a_tier_is_other_and_a_wrong_one_is_told_once(agent, receiver, capfd):
    fanlight.agent.agent.AGENT.told.clear()  # type: ignore[attr-defined]
    with agent.trace("job"), agent.span("kept", "Foo.Bar"):
        for category in ("not a category", "a..b", "", "ü", 7):
            with agent.span("left out", category), agent.span("below"):
                pass
            agent.mark("left out", category)
    assert agent.flush(10)
    (received,) = receiver.traces
    assert received.root.shape() == ("job", [("kept", ["below"] * 5)])
    assert received.root.find("kept").category == "other.foo.bar"
    said = capfd.readouterr().err
    assert said.count("fanlight: a span's category is") == 1
    assert len(said.splitlines()) == 2
