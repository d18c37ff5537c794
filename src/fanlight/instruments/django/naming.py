"""Django's endpoints (HOT): named by the route, at the end also where a middleware answered before it."""

from __future__ import annotations

import sys

from fanlight.recording.exchange import TITLES
from fanlight.recording.lanes import lane_here, set_lane
from fanlight.recording.location import count_as_own
from fanlight.recording.patterns import ROUTES_MAX, TEMPLATES
from fanlight.recording.recorder import ROUTER, SWITCH
from fanlight.recording.routes import ANSWERED_BY, LATE, MOUNTS, mounted_prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fanlight.recording.recorder import Trace


def hook(handler: Any, same_face: Callable[[Any, Any], Any]) -> None:
    """Name the requests of a class of handlers.

    Args:
        handler: Django's class.
        same_face: gives a hook the name of what it calls.
    """
    resolve = handler.resolve_request

    def named(self: Any, request: Any) -> Any:
        try:
            match = resolve(self, request)
        except BaseException:
            note_tried()
            raise
        lane = lane_here()
        # The first router names it: an application called from within another's request does not.
        if lane is not None and (trace := lane.trace) is not None and trace.rank < ROUTER:
            try:
                key = (request.method, match.route)
                name = NAMES.known.get(key) or NAMES.new(*key)
                if trace.asked is request:
                    trace.asked = None
                # Under WSGI nobody asks for the mounts around it at the end.
                elif name and MOUNTS in (environ := request.__dict__.get("environ", ())):
                    name = mounted(name, environ)
                if name:
                    trace.endpoint = name
                    trace.rank = ROUTER
            except Exception:
                # Request and resolver may be of the project's own classes.
                trace.asked = None
                SWITCH.faults += 1
        return match

    handler.resolve_request = same_face(named, resolve)
    LATE.name = name_late
    load = getattr(handler, "load_middleware", None)
    if load is None:  # only whose lines are the project's own is told by it
        return

    def loaded(self: Any, *args: Any, **options: Any) -> Any:
        result = load(self, *args, **options)
        count_as_own(str(getattr(settings(), "ROOT_URLCONF", "")))
        return result

    handler.load_middleware = same_face(loaded, load)


def settings() -> Any:
    """Answer the project's settings, None without any."""
    return getattr(sys.modules.get("django.conf"), "settings", None)


def mounted(name: str, environ: Any) -> str:
    """Answer a name with the mounts around a WSGI application before its route."""
    method, _, route = name.partition(" ")
    return f"{method} {mounted_prefix(environ)}{route}"


class Names:
    """Endpoints by method and route; as many as the project has, at the most.

    Attributes:
        known: those that came so far; a plain dict is a fast path.
    """

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: dict[tuple[Any, Any], str] = {}

    def new(self, method: Any, route: Any) -> str:
        """Answer and keep the name of one that is not known; "" for what is no route."""
        if not isinstance(route, str):
            return ""
        name = f"{TITLES[method]} {TEMPLATES[route]}"
        if method in TITLES and len(self.known) < ROUTES_MAX:
            self.known[method, str.__str__(route)] = name
        return name


NAMES = Names()


def note_tried() -> None:
    """Take note that the resolver was asked in vain: nobody will ask it again."""
    lane = lane_here()
    if lane is not None and lane.trace is not None and lane.trace.rank < ROUTER:
        lane.trace.asked = False


def name_answered(trace: Trace, response: Any) -> None:
    """Name a request that Django answered without having asked for its route, under WSGI."""
    if trace.asked is False:
        return
    try:
        # The one way back from a response to its request: it closes it.
        for closer in response._resource_closers:  # noqa: SLF001 no public name tells
            request = getattr(closer, "__self__", None)
            if hasattr(request, "path_info"):
                name_late(trace, request)
                return
    except Exception:
        # A response of the project's own making, or the server's wrapper of a file: it stays unnamed.
        return


def name_late(trace: Trace, request: Any) -> None:
    """Name a request whose view never ran by the route that its view has, if it has one.

    Args:
        trace: the request's, answered.
        request: Django's.
    """
    # Whatever the project's converters do is not part of the request, and may fail in any way.
    here = lane_here()
    set_lane(None)
    try:
        match = asked(request)
        key = (request.method, getattr(match, "route", None))
        name = NAMES.known.get(key) or NAMES.new(*key)
        environ = request.__dict__.get("environ")
        if environ is not None and MOUNTS in environ and name:
            name = mounted(name, environ)
    except Exception:
        # No route has it: Django would have answered 404.
        return
    finally:
        set_lane(here)
    if name:
        trace.set_endpoint(name, ROUTER)
        trace.annotate(ANSWERED_BY, "middleware")


def asked(request: Any) -> Any:
    """Answer what takes a request, as Django would have found it; nothing of the request changes.

    Raises:
        Exception: nothing does, its routes are not there yet, or what the project's own code raises.
    """
    urls = getattr(request, "urlconf", None) or settings().ROOT_URLCONF
    # A project imports its views when the first request comes to a route, which is not for us to do.
    if isinstance(urls, str) and not hasattr(sys.modules.get(urls), "urlpatterns"):
        raise LookupError(urls)
    resolver = sys.modules["django.urls"].get_resolver(urls)
    if "django.conf.urls.i18n" not in sys.modules:
        return resolver.resolve(request.path_info)
    # Prefixes go by the language, which a thread keeps from one request to the next where none was chosen.
    translation, path = sys.modules["django.utils.translation"], request.path_info
    language = getattr(request, "LANGUAGE_CODE", None) or translation.get_language_from_path(path)
    with translation.override(language or settings().LANGUAGE_CODE):
        return resolver.resolve(path)
