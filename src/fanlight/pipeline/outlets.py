"""Settings to targets: each entry of `telemetry.targets` checked, and made with transform and formatter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.config.options import Option, check, complete
from fanlight.errors import ConfigError
from fanlight.formatters import SNAPSHOTS, snapshot_formatter, snapshot_part
from fanlight.registry import known_or_error
from fanlight.targets import TABLE, Place, part, target
from fanlight.targets.habits import Habits
from fanlight.transforms import TABLE as TRANSFORMS
from fanlight.transforms import part as transform_part
from fanlight.transforms import transform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.collector.outlet import Outlet
    from fanlight.config import Settings
    from fanlight.wire.readings import Snapshot

KEY = "telemetry.targets"
TYPE = "type"
COMMON: dict[str, Option] = {
    TYPE: Option("text", "", "name of the target, or package.module:callable"),
    "formatter": Option("text", "", "name of the formatter; else the one that the target goes with"),
    "transform": Option("text", "", "name of the transform, or a list of them; else the target's own"),
    "per_worker": Option("flag", False, "whether it is also given a row for each worker; else as the target"),
    "timeout_s": Option("seconds", 5, "how long one delivery may take"),
}
"""What every entry may say besides the options of its target, transforms and formatter."""


class Chain:
    """A target with what stands before it, as one entry describes it.

    Args:
        entry: the table of the settings.
        streams: descriptors of a program's streams, by `stdout` and `stderr`.

    Raises:
        ConfigError: a name or value that cannot be; nothing is opened yet.
    """

    def __init__(self, entry: Mapping[str, Any], streams: Mapping[str, int]) -> None:
        name, formatter, transforms = names_of(entry)
        habits = part(name).HABITS
        common = {key: value for key, value in entry.items() if key in COMMON}
        given = {key: value for key, value in entry.items() if key not in COMMON}
        known = known_options(entry)
        for key in given:
            known_or_error(key, list(known), f"option of target {name!r}")
        chosen = complete(COMMON, {**common, "transform": ""}, f"target {name!r}")

        def own(options: Mapping[str, Option]) -> dict[str, Any]:
            return {key: value for key, value in given.items() if key in options}

        usual = {"labels": list(habits.labels)} if habits.labels else {}
        formatted = {key: each for key, each in usual.items() if key in snapshot_part(formatter).OPTIONS}
        self.name = name
        self.per_worker: bool = common.get("per_worker", habits.per_worker)
        self.timeout_s: float = chosen["timeout_s"]
        self.transforms = [transform(each, own(transform_part(each).OPTIONS)) for each in transforms]
        self.format = snapshot_formatter(formatter, formatted | own(snapshot_part(formatter).OPTIONS))
        self.target = target(name, Place(streams, self.timeout_s), own(part(name).OPTIONS))

    def messages(self, snapshots: Sequence[Snapshot]) -> list[Any]:
        """Answer what the target is given of the snapshots of one instant."""
        rows = [each for each in snapshots if self.per_worker or "worker" not in each.labels]
        for changed in self.transforms:
            rows = [changed(each) for each in rows]
        return self.format(rows)

    def deliver(self, snapshots: Sequence[Snapshot]) -> None:
        """Give the target the snapshots of one instant; raises whatever it raises."""
        self.target.send(self.messages(snapshots))


def names_of(entry: Mapping[str, Any], habits: Habits | None = None) -> tuple[str, str, list[str]]:
    """Answer the names of target, formatter and transforms in an entry.

    Args:
        entry: the table of the settings.
        habits: of its target, where that cannot be had here.

    Raises:
        ConfigError: there is no type, or the formatter is none that the target can read.
    """
    if TYPE not in entry:
        raise ConfigError(f"there is no `type`; known: {', '.join(TABLE)}, or package.module:callable")
    for key in (TYPE, "formatter"):
        check(COMMON[key], key, entry.get(key, ""), "a target")
    name: str = entry[TYPE]
    habits = habits or part(name).HABITS
    formatter: str = entry.get("formatter") or habits.formatter
    if habits.only and formatter != habits.formatter:
        known_or_error(formatter, list(SNAPSHOTS), "formatter")
        raise ConfigError(
            f"target {name!r} has a notation of its own, so `formatter` cannot be {formatter!r}"
        )
    wanted = entry.get("transform") or habits.transform
    transforms = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(transforms, list) or not all(isinstance(each, str) for each in transforms):
        known = ", ".join(TRANSFORMS)
        raise ConfigError(f"{wanted!r} is no transform; expected a name or a list of names; known: {known}")
    return name, formatter, transforms


def known_options(entry: Mapping[str, Any]) -> dict[str, Option]:
    """Answer all that an entry may say, with the target, transforms and formatter that it names.

    Raises:
        ConfigError: as for `Chain`.
    """
    name, formatter, transforms = names_of(entry)
    return options_of(formatter, transforms) | part(name).OPTIONS


def options_of(formatter: str, transforms: Sequence[str]) -> dict[str, Option]:
    """Answer what may be said of any target, and of what stands before it.

    Raises:
        ConfigError: there is no such formatter or transform; says the nearest.
    """
    found = dict(COMMON)
    for options in (*(transform_part(each).OPTIONS for each in transforms), snapshot_part(formatter).OPTIONS):
        found |= options
    return found


def check_all_but_the_call(entry: Mapping[str, Any]) -> None:
    """Refuse an entry of a callable that cannot be, without importing it.

    Raises:
        ConfigError: a name or value that cannot be.
    """
    name, formatter, transforms = names_of(entry, Habits())
    known = options_of(formatter, transforms)
    # Checked by the way, as if made; what a list of transforms is was seen before.
    complete(known, {**entry, "transform": ""}, f"target {name!r}")


def chains(settings: Settings, streams: Mapping[str, int], *, elsewhere: bool = False) -> list[Chain]:
    """Answer the targets that the settings describe, opened by nobody yet.

    Args:
        settings: with the entries.
        streams: as for `Chain`.
        elsewhere: whether callables are imported in another environment; they are left out here then,
            when all else that is said of them was checked.

    Raises:
        ConfigError: an entry that cannot be used; says where it stands and what would do.
    """
    found = []
    for number, entry in enumerate(settings[KEY], 1):
        try:
            if elsewhere and is_callable_name(entry.get(TYPE)):
                check_all_but_the_call(entry)
            else:
                found.append(Chain(entry, streams))
        except ConfigError as error:
            raise ConfigError(f"{settings.origin(KEY)}: {KEY} {number}: {error}") from error
    return found


def check_calls(settings: Settings) -> None:
    """Refuse what the embedded strategy cannot publish to: it has no collector, and so only calls.

    Raises:
        ConfigError: an entry that is no callable's name, or says more than that.
    """
    for number, entry in enumerate(settings[KEY], 1):
        where = f"{settings.origin(KEY)}: {KEY} {number}"
        name = entry.get(TYPE)
        if not is_callable_name(name):
            raise ConfigError(
                f"{where}: target {name!r} runs in a collector, and there is none where an application "
                "reports to a server by itself; expected package.module:callable"
            )
        for key in entry:
            if key != TYPE:
                raise ConfigError(
                    f"{where}: {key!r} is for targets of a collector; without one {name!r} is called with "
                    "each snapshot as it is"
                )


def is_callable_name(name: object) -> bool:
    """Answer whether a type names somebody's callable rather than a target of ours."""
    return isinstance(name, str) and name not in TABLE and bool({".", ":"} & set(name))


def wants_streams(settings: Settings) -> bool:
    """Answer whether a target writes to the program's streams, so that they are to be handed over."""
    names = [entry.get(TYPE) for entry in settings[KEY]]
    return any(name in TABLE and part(str(name)).HABITS.streams for name in names)


def outlets(settings: Settings, streams: Mapping[str, int]) -> list[Outlet]:
    """Answer an outlet for each target that the settings describe; none has begun to deliver.

    Raises:
        ConfigError: as for `chains`.
    """
    from fanlight.collector.outlet import Outlet

    found: list[Outlet] = []
    for chain in chains(settings, streams):
        same = sum(each.name.partition(" ")[0] == chain.name for each in found)
        name = f"{chain.name} {same + 1}" if same else chain.name
        found.append(Outlet(name, chain.deliver, chain.target.close, chain.timeout_s))
    return found
