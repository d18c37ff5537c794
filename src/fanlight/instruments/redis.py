"""redis-py: commands by name alone, pipelines as a whole, of both kinds of client."""

from __future__ import annotations

from fanlight.recording.calls import recorded, recorded_async

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

NOTIFICATION = "redis.command"
LOADING = ("SCRIPT EXISTS", "SCRIPT LOAD")
"""What a pipeline sends by itself before it runs."""


def patch(module: ModuleType) -> None:
    """Record what clients send; what they listen to by subscription is no call.

    Args:
        module: `redis`.

    Raises:
        LookupError: a client or its pipeline lacks a method.
    """
    places = [(getattr(module, "client", None), recorded)]
    # Older ones have no asynchronous client.
    if hasattr(module, "asyncio"):
        places.append((getattr(module.asyncio, "client", None), recorded_async))
    for client, _ in places:
        for owner, method in (("Redis", "execute_command"), ("Pipeline", "execute"), ("Pipeline", "__len__")):
            if not hasattr(getattr(client, owner, None), method):
                raise LookupError(f"redis has no {owner}.{method}")
    for client, recording in places:
        assert client is not None
        plain, pipeline = client.Redis, client.Pipeline
        plain.execute_command = recording(plain.execute_command, NOTIFICATION, "command", command)
        pipeline.execute = recording(pipeline.execute, NOTIFICATION, "command", commands)
        # Between WATCH and MULTI a pipeline sends each command at once.
        if hasattr(pipeline, "immediate_execute_command"):
            pipeline.immediate_execute_command = recording(
                pipeline.immediate_execute_command, NOTIFICATION, "command", immediate
            )


def command(_client: Any, args: tuple[Any, ...], _options: Any) -> str | None:
    """Answer a command's name, never what it is about; None for one that carries a password."""
    name = args[0] if args else ""
    if isinstance(name, bytes):
        name = name.decode("ascii", "replace")
    if not isinstance(name, str):
        return ""
    # A whole command line in one text is allowed, so what follows may be anything.
    name = name.partition(" ")[0].upper()
    return None if name == "AUTH" else name


def immediate(client: Any, args: tuple[Any, ...], options: Any) -> str | None:
    """Answer what `command` does, except for what belongs to running the pipeline."""
    return None if args and args[0] in LOADING else command(client, args, options)


def commands(pipeline: Any, _args: tuple[Any, ...], _options: Any) -> tuple[str, int] | None:
    """Answer that this is a pipeline, and of how many commands; an empty one sends nothing."""
    count = len(pipeline)
    return ("PIPELINE", count) if count else None
