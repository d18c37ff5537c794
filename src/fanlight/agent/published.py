"""What the embedded strategy publishes to: callables that settings name or code gives."""

from __future__ import annotations

from fanlight.agent.outgoing import Outgoing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from fanlight.agent.task import Task
    from fanlight.wire.readings import Snapshot

PREFIX = "FANLIGHT_TELEMETRY__"
NO = ("false", "no", "off", "0")


def begin(
    task: Task,
    calls: Iterable[Callable[[Snapshot], object]],
    environ: Mapping[str, str],
    complain: Callable[[str], object],
) -> None:
    """Let this process's server be looked at as long as a task lasts, if it is a worker of one.

    Args:
        task: carries its traces to a server.
        calls: told of each snapshot, besides those whom the environment names.
        environ: variables.
        complain: told once what a person should know.
    """
    from fanlight.agent.embedded import Reporter
    from fanlight.agent.gauge import Gauge, own_slot

    link, here = task.link, own_slot()
    if not isinstance(link, Reporter) or not is_wanted(environ) or here is None:
        return
    gauge = Gauge(outgoing(calls, environ, complain), link.keep, link.aggregator.waited.get, here)
    gauge.delay_s = seconds(environ, "INITIAL_DELAY_S", gauge.delay_s)
    gauge.period_s = seconds(environ, "FREQUENCY_S", gauge.period_s)
    gauge.sees_sockets = environ.get(PREFIX + "SOCKETS", "").lower() not in NO
    gauge.spawn(lambda: task.ended)


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Answer whether anybody wants to hear of servers: everybody who does not say otherwise."""
    return environ.get(PREFIX + "ENABLED", "").lower() not in NO


def seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    """Answer a time of the environment; what is none there was refused by `run`, and here is left aside."""
    try:
        found = float(environ.get(PREFIX + name, "") or default)
    except ValueError:
        return default
    return found if 0 < found < float("inf") else default


def outgoing(
    calls: Iterable[Callable[[Snapshot], object]],
    environ: Mapping[str, str],
    complain: Callable[[str], object],
) -> list[Outgoing]:
    """Answer who is told of this process's server; who cannot be is complained of, and left out.

    Args:
        calls: given in code; each is called with every snapshot.
        environ: may have entries, as JSON.
        complain: told once what a person should know.
    """
    found = [Outgoing(name_of(call), calling(call), complain) for call in calls]
    text = environ.get(PREFIX + "TARGETS", "")
    if not text:
        return found
    import json

    try:
        names = [entry["type"] for entry in json.loads(text)]
    except (ValueError, TypeError, KeyError):
        complain(f"{PREFIX}TARGETS is no JSON array of objects, each with a type; nobody is told")
        return found
    for name in names:
        try:
            found.append(Outgoing(str(name), calling(imported(str(name))), complain))
        except Exception as error:
            # Importing runs somebody's code, which may raise anything.
            complain(f"target {name} cannot be called: {type(error).__name__}: {error}"[:300])
    return found


def imported(name: str) -> Callable[[Snapshot], object]:
    """Answer what `package.module:callable`, or with a dot before the callable, stands for.

    Raises:
        Exception: whatever importing it raises, or there is no such thing.
    """
    module, _, attribute = name.rpartition(":" if ":" in name else ".")
    found: Any = __import__(module, fromlist=("*",))
    for each in attribute.split("."):
        found = getattr(found, each)
    if not callable(found):
        raise TypeError(f"it is no callable but a {type(found).__name__}")
    made: Callable[[Snapshot], object] = found
    return made


def calling(call: Callable[[Snapshot], object]) -> Callable[[Sequence[Snapshot]], None]:
    """Answer what calls once for each snapshot."""

    def deliver(snapshots: Sequence[Snapshot]) -> None:
        for each in snapshots:
            call(each)

    return deliver


def name_of(call: Any) -> str:
    """Answer what a callable is called, for people."""
    return str(getattr(call, "__qualname__", None) or type(call).__name__)
