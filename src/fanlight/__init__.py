"""Fanlight: why is this Python service slow?"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.agent.agent import flush, start, stop
    from fanlight.event.event import Event
    from fanlight.event.property import Property
    from fanlight.query.query import Query
    from fanlight.recording.asgi import asgi
    from fanlight.recording.blocks import annotate, endpoint, instrument, mark, mute, trace, unmute
    from fanlight.recording.bus import notify, publish, subscribe
    from fanlight.recording.recorder import span
    from fanlight.recording.wsgi import wsgi

__all__ = [
    "Event",
    "Property",
    "Query",
    "annotate",
    "asgi",
    "endpoint",
    "flush",
    "instrument",
    "mark",
    "mute",
    "notify",
    "publish",
    "span",
    "start",
    "stop",
    "subscribe",
    "trace",
    "unmute",
    "wsgi",
]

PLACES = {
    "Event": "fanlight.event.event",
    "Property": "fanlight.event.property",
    "Query": "fanlight.query.query",
    "annotate": "fanlight.recording.blocks",
    "asgi": "fanlight.recording.asgi",
    "endpoint": "fanlight.recording.blocks",
    "flush": "fanlight.agent.agent",
    "instrument": "fanlight.recording.blocks",
    "mark": "fanlight.recording.blocks",
    "mute": "fanlight.recording.blocks",
    "notify": "fanlight.recording.bus",
    "publish": "fanlight.recording.bus",
    "span": "fanlight.recording.recorder",
    "start": "fanlight.agent.agent",
    "stop": "fanlight.agent.agent",
    "subscribe": "fanlight.recording.bus",
    "trace": "fanlight.recording.blocks",
    "unmute": "fanlight.recording.blocks",
    "wsgi": "fanlight.recording.wsgi",
}
"""Public name to the module that holds it, imported when the name is first used."""


def __getattr__(name: str) -> object:
    """Answer a public name, and keep it, so that the next use costs nothing."""
    place = PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'fanlight' has no attribute {name!r}")
    # Not importlib, which would bring an application four modules.
    value: object = getattr(__import__(place, fromlist=(name,)), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
