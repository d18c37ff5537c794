"""Django's templates: each under its name, inside the one that includes it, and the text unchanged."""

from __future__ import annotations

from typing import Any

import pytest
from django.template import Context, Engine, Library, TemplateSyntaxError
from django.utils.safestring import SafeString

from fanlight import normalizers
from fanlight.recording.recorder import begin, finish

REGISTER = Library()

SOURCES = {
    "base.html": "<{% block body %}{% endblock %}>",
    "shop/cart.html": "{% extends 'base.html' %}{% block body %}{% include 'shop/item.html' %}"
    "{% for n in numbers %}{% include 'shop/item.html' with n=n only %}{% endfor %}{% endblock %}",
    "shop/item.html": "item {{ n }}",
    "shop/badge.html": "badge",
    "tagged.html": "{% load fanlight_tags %}{% badge %}",
    "broken.html": "{% include 'shop/item.html' %}{{ fail }}",
}


@REGISTER.inclusion_tag("shop/badge.html")
def badge() -> dict[str, Any]:
    return {}


ENGINE = Engine(loaders=[("django.template.loaders.locmem.Loader", SOURCES)])
ENGINE.template_libraries["fanlight_tags"] = REGISTER


def rendered(name: str, seen: Any, **values: Any) -> tuple[str, list[Any]]:
    """Answer the text, and the titles and depths of the spans."""
    opened = begin("app.test", "t", "e")
    try:
        text = ENGINE.get_template(name).render(Context(values))
    finally:
        finish(opened)
    depth, spans = 0, []
    for event in seen[-1].records[0][0]:
        if len(event) == 6:
            spans.append((normalizers.normalize(event[1], event[3])[1], depth))
            depth += 1
        elif len(event) == 2:
            depth -= 1
    assert depth == 0
    return text, spans


def test_what_a_template_includes_stands_inside_and_what_it_extends_is_part_of_it(seen: Any) -> None:
    text, spans = rendered("shop/cart.html", seen, numbers=[1, 2], n=0)
    assert text == "<item 0item 1item 2>"
    assert spans == [("shop/cart.html", 0)] + [("shop/item.html", 1)] * 3


def test_an_inclusion_tag_is_a_template_of_its_own(seen: Any) -> None:
    assert rendered("tagged.html", seen) == ("badge", [("tagged.html", 0), ("shop/badge.html", 1)])


def test_a_failing_template_ends_and_raises(seen: Any) -> None:
    class Failing:
        def __str__(self) -> str:
            raise KeyError("hunter2")

    with pytest.raises(KeyError):
        rendered("broken.html", seen, fail=Failing())
    opened, closed = [event for event in seen[0].records[0][0] if len(event) == 6], seen[0].records[0][0][-1]
    assert [event[3] for event in opened] == ["broken.html", "shop/item.html"]
    assert closed[0] == opened[0][4]


@pytest.mark.parametrize(("name", "payload"), [(None, None), (SafeString("a.html"), "a.html"), (7, None)])
def test_any_name_is_recorded_as_plain_text(name: Any, payload: Any, seen: Any) -> None:
    opened = begin("app.test", "t", "e")
    template = ENGINE.from_string("x")
    template.name = name
    assert template.render(Context()) == "x"
    finish(opened)
    assert seen.handled() == [("view.render", payload)]
    assert seen.handled()[0][1].__class__ in (str, type(None))


def test_outside_of_a_trace_nothing_is_recorded(seen: Any) -> None:
    assert ENGINE.get_template("shop/item.html").render(Context({"n": 1})) == "item 1"
    with pytest.raises(TemplateSyntaxError):
        ENGINE.from_string("{% nothing %}")
    assert not seen
