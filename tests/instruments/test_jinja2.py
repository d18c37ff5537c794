"""Jinja2: each template under its name, inside the one that includes it, and the text unchanged."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import jinja2
import pytest

from fanlight.instruments.jinja2 import within_async
from fanlight.recording.recorder import SWITCH, begin, current, finish

SOURCES = {
    "base.html": "<{% block body %}{% endblock %}>",
    "cart.html": "{% extends 'base.html' %}{% block body %}{% for n in numbers %}{% include 'item.html' %}"
    "{% endfor %}{% include 'item.html' %}{% endblock %}",
    "item.html": "[{{ n }}]",
    "missing.html": "{% include 'nowhere.html' ignore missing %}{% include ['nowhere.html', 'item.html'] %}",
    "alone.html": "{% include 'item.html' without context %}",
    "macros.html": "{% macro badge() %}badge{% endmacro %}",
    "imports.html": "{% from 'macros.html' import badge %}{{ badge() }}",
    "broken.html": "\n{% include 'fails.html' %}",
    "fails.html": "\n\n{{ 1 // 0 }}",
}


def environment(**options: Any) -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.DictLoader(SOURCES), autoescape=True, **options)


def shown(seen: Any) -> list[tuple[str | None, int]]:
    """Answer names and depths of the templates."""
    depth, spans = 0, []
    # A task has a lane of its own.
    for event in (event for events, _, _ in seen[-1].records for event in events):
        if len(event) == 6:
            spans.append((event[3], depth))
            depth += 1
        elif len(event) == 2:
            depth -= 1
    assert depth == 0
    return spans


def rendered(name: str, seen: Any, **options: Any) -> tuple[str, list[tuple[str | None, int]]]:
    opened = begin("app.test", "t", "e")
    try:
        template = environment(**options).get_template(name)
        if options.get("enable_async"):
            text = asyncio.run(template.render_async(numbers=[1, 2]))
        else:
            text = template.render(numbers=[1, 2])
    finally:
        finish(opened)
    return text, shown(seen)


@pytest.mark.parametrize("options", [{}, {"enable_async": True}])
@pytest.mark.parametrize(
    ("name", "text", "spans"),
    [
        ("cart.html", "<[1][2][]>", [("cart.html", 0), *[("item.html", 1)] * 3]),
        ("missing.html", "[]", [("missing.html", 0), ("item.html", 1)]),
        ("alone.html", "[]", [("alone.html", 0), ("item.html", 1)]),
        ("imports.html", "badge", [("imports.html", 0), ("macros.html", 1)]),
    ],
)
def test_what_a_template_includes_stands_inside_and_what_it_extends_is_part_of_it(
    options: Any, name: str, text: str, spans: Any, seen: Any
) -> None:
    assert rendered(name, seen, **options) == (text, spans)


def test_an_asynchronous_template_rendered_the_other_way_is_seen_once(seen: Any) -> None:
    opened = begin("app.test", "t", "e")
    assert environment(enable_async=True).get_template("item.html").render(n=1) == "[1]"
    finish(opened)
    handled = [payload for _, payload in seen.handled()]
    assert handled == ["item.html"]


def test_a_streamed_template_is_a_span_from_its_first_part_to_its_last(seen: Any) -> None:
    opened = begin("app.test", "t", "e")
    parts = environment().get_template("cart.html").generate(numbers=[1])
    assert "".join(parts) == "<[1][]>"
    left = environment().get_template("cart.html").generate(numbers=[1])
    assert next(left) == "<"
    left.close()
    finish(opened)
    assert shown(seen) == [("cart.html", 0), ("item.html", 1), ("item.html", 1), ("cart.html", 0)]


def test_an_error_shows_the_templates_lines_and_none_of_ours(seen: Any) -> None:
    def lines() -> list[str]:
        with pytest.raises(ZeroDivisionError) as raised:
            environment().get_template("broken.html").render()
        frames = traceback.extract_tb(raised.value.__traceback__)
        return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]

    opened = begin("app.test", "t", "e")
    with_us = lines()
    finish(opened)
    assert shown(seen) == [("broken.html", 0), ("fails.html", 1)]
    assert with_us[-2:] == ["<template>:2", "<template>:3"]
    SWITCH.sink = None
    assert lines() == with_us


@pytest.mark.parametrize("enable_async", [False, True])
def test_a_template_from_before_the_hooks_is_seen_as_a_whole(enable_async: bool, seen: Any) -> None:
    template = environment(enable_async=enable_async).get_template("item.html")
    namespace = template.root_render_func.__closure__
    assert namespace is not None
    # As it would have been made: without the hook around its root function.
    template.root_render_func = next(
        cell.cell_contents for cell in namespace if getattr(cell.cell_contents, "__name__", "") == "root"
    )
    opened = begin("app.test", "t", "e")
    text = asyncio.run(template.render_async(n=1)) if enable_async else template.render(n=1)
    finish(opened)
    assert text == "[1]"
    # A task has a lane of its own.
    assert shown(seen) == [("item.html", 0)]


def test_an_asynchronous_template_that_is_left_half_way_is_over_before_its_span_is(seen: Any) -> None:
    told: list[str] = []

    async def parts() -> Any:
        try:
            yield "a"
            yield "b"
        finally:
            told.append("parts are over")

    async def left() -> None:
        lane = current()
        assert lane is not None
        within = within_async(parts(), lane, "cart.html")
        assert await anext(within) == "a"
        await within.aclose()
        told.append("left")

    opened = begin("app.test", "t", "e")
    try:
        asyncio.run(left())
    finally:
        finish(opened)
    assert told == ["parts are over", "left"]
    assert shown(seen) == [("cart.html", 0)]


def test_outside_of_a_trace_nothing_is_recorded(seen: Any) -> None:
    assert environment().get_template("cart.html").render(numbers=[]) == "<[]>"
    assert not seen
