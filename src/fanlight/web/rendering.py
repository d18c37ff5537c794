"""Templates to HTML: autoescape always on, an unknown name an error, no loader but our own files."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

from fanlight.web.assets import hrefs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import jinja2


@cache
def templates() -> jinja2.Environment:
    """Answer the one environment; made at first use, because jinja2 takes 60 ms to load."""
    import jinja2

    from fanlight.web import wording

    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.PackageLoader("fanlight.web"),
        finalize=wording.visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["clock"] = wording.clock
    environment.filters["day_and_clock"] = wording.day_and_clock
    environment.filters["level"] = wording.level
    environment.globals["assets"] = hrefs()
    return environment


def page(name: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """Answer a page as a response."""
    html = templates().get_template(name).render(context)
    return HTMLResponse(html, status)
