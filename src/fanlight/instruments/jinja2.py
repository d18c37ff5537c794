"""Jinja2: templates rendered as a whole; what they include and extend is part of them."""

from __future__ import annotations

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.recorder import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

NOTIFICATION = "view.render"


def patch(module: ModuleType) -> None:
    """Record `render` and `render_async` of every template.

    Args:
        module: `jinja2.environment`.

    Raises:
        LookupError: `Template` lacks one of the methods.
    """
    template = getattr(module, "Template", None)
    if template is None or not hasattr(template, "render") or not hasattr(template, "render_async"):
        raise LookupError("jinja2 has no Template.render and Template.render_async")
    render, render_async = template.render, template.render_async

    def recorded(self: Any, *args: Any, **values: Any) -> Any:
        lane = current()
        if lane is None or self.environment.is_async:  # an asynchronous one goes through the other
            return render(self, *args, **values)
        start_ns = clock() if BUS.subscriptions else 0
        handle = lane.start(NOTIFICATION, self.name)
        try:
            return render(self, *args, **values)
        finally:
            lane.stop(handle)
            if BUS.subscriptions:
                BUS.report(NOTIFICATION, {"template": self.name}, start_ns, clock())

    async def recorded_async(self: Any, *args: Any, **values: Any) -> Any:
        lane = current()
        if lane is None:
            return await render_async(self, *args, **values)
        start_ns = clock() if BUS.subscriptions else 0
        handle = lane.start(NOTIFICATION, self.name)
        try:
            return await render_async(self, *args, **values)
        finally:
            lane.stop(handle)
            if BUS.subscriptions:
                BUS.report(NOTIFICATION, {"template": self.name}, start_ns, clock())

    template.render, template.render_async = recorded, recorded_async
