"""Jinja2: templates with those they include inside, streamed ones too; what one extends is part of it."""

from __future__ import annotations

import sys

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.recorder import current
from fanlight.recording.views import named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import ModuleType
    from typing import Any

    from fanlight.recording.lanes import Lane

NOTIFICATION = "view.render"
MARK = "fanlight_records"
"""Attribute of a template's root function that records by itself."""


def patch(module: ModuleType) -> None:
    """Record the root function of every template, which rendering, streaming and including go through.

    Args:
        module: `jinja2.environment`.

    Raises:
        LookupError: `Template` lacks one of the methods.
    """
    template = getattr(module, "Template", None)
    for name in ("render", "render_async"):
        if not hasattr(template, name):
            raise LookupError(f"jinja2 has no Template.{name}")
    assert template is not None
    made = vars(template).get("_from_namespace")
    if isinstance(made, classmethod):
        template._from_namespace = classmethod(recorded_making(made.__func__))  # noqa: SLF001 the one door
    template.render = recorded_render(template.render)
    template.render_async = recorded_render_async(template.render_async)
    # What the library leaves out of the tracebacks that it rewrites.
    internal = getattr(sys.modules.get("jinja2.utils"), "internal_code", None)
    if isinstance(internal, set):
        internal.update(function.__code__ for function in (within, within_async))


def recorded_making(make: Any) -> Any:
    """Answer a method that makes the same templates, whose root functions record."""

    def make_recording(cls: Any, *args: Any, **options: Any) -> Any:
        template = make(cls, *args, **options)
        template.root_render_func = recorded_root(template)
        return template

    return make_recording


def recorded_root(template: Any) -> Any:
    """Answer a template's root function such that it records itself as a span."""
    root, name = template.root_render_func, template.name
    shown = named(name, template.environment.loader)
    around: Any = within_async if template.environment.is_async else within

    def render(context: Any, *rest: Any, **options: Any) -> Any:
        parts = root(context, *rest, **options)
        # A template that this one is extended by goes on in a context of its own name.
        if getattr(context, "name", name) != name or (lane := current()) is None:
            return parts
        return around(parts, lane, shown)

    setattr(render, MARK, True)
    return render


def within(parts: Iterator[Any], lane: Lane, name: str | None) -> Iterator[Any]:
    """Yield the parts of a text inside of a span."""
    handle, start_ns = lane.start(NOTIFICATION, name), clock()
    try:
        yield from parts
    finally:
        over(lane, handle, name, start_ns)


async def within_async(parts: Any, lane: Lane, name: str | None) -> AsyncIterator[Any]:
    """Yield the parts of a text that is made asynchronously inside of a span."""
    handle, start_ns = lane.start(NOTIFICATION, name), clock()
    try:
        async for part in parts:
            yield part
    finally:
        try:
            await parts.aclose()
        finally:
            over(lane, handle, name, start_ns)


def over(lane: Lane, handle: int, name: str | None, start_ns: int) -> None:
    """Close the span of a template, and tell those who listen."""
    lane.stop(handle)
    if BUS.subscriptions:
        BUS.report(NOTIFICATION, {"template": name}, start_ns, clock())


def recorded_render(render: Any) -> Any:
    """Answer a method that does the same and records a template that was made before the hooks."""

    def recorded(self: Any, *args: Any, **values: Any) -> Any:
        lane = current()
        # A fast path; an asynchronous one goes through the other method.
        if lane is None or hasattr(self.root_render_func, MARK) or self.environment.is_async:
            return render(self, *args, **values)
        name = named(self.name, self.environment.loader)
        handle, start_ns = lane.start(NOTIFICATION, name), clock()
        try:
            return render(self, *args, **values)
        finally:
            over(lane, handle, name, start_ns)

    return recorded


def recorded_render_async(render: Any) -> Any:
    """Answer what `recorded_render` does, for the asynchronous method."""

    async def recorded(self: Any, *args: Any, **values: Any) -> Any:
        lane = current()
        if lane is None or hasattr(self.root_render_func, MARK):
            return await render(self, *args, **values)
        name = named(self.name, self.environment.loader)
        handle, start_ns = lane.start(NOTIFICATION, name), clock()
        try:
            return await render(self, *args, **values)
        finally:
            over(lane, handle, name, start_ns)

    return recorded
