"""How slow each part of a merged trace is among its kind, when some durations are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from fanlight.stores.answers import Pace

    Json = dict[str, Any]


def ranked(nodes: list[Json], paces: Iterable[Pace], octaves: Collection[int] | None) -> list[Json]:
    """Answer a merged tree's nodes with `percentile`: the share of requests in which such a part is quicker.

    A part is known by octave of its requests' duration: those octaves whose mean is below that of the
    chosen ones count, and half of the chosen ones themselves. Without a choice there is none.

    Args:
        nodes: as `shape.tree` tells them, of the chosen octaves.
        paces: of all octaves.
        octaves: the chosen ones; None for all.
    """
    if octaves is None:
        return [node | {"percentile": None} for node in nodes]
    by_path: dict[str, dict[int, tuple[int, int]]] = {}
    for each in paces:
        by_path.setdefault(f"{each.path:016x}", {})[each.octave] = each.traces, each.total_ns
    return [node | {"percentile": percentile(by_path.get(node["path"], {}), octaves)} for node in nodes]


def percentile(known: Mapping[int, tuple[int, int]], octaves: Collection[int]) -> float | None:
    """Answer the share of requests in which a part took less than in the chosen ones; None when unknown.

    Args:
        known: by octave, the requests that have the part, and the ns that it took in all of them.
        octaves: the chosen ones.
    """
    own = [known[octave] for octave in octaves if octave in known]
    mine, took_ns = sum(traces for traces, _ in own), sum(total_ns for _, total_ns in own)
    whole = sum(traces for traces, _ in known.values())
    if not mine or whole == mine:
        return None
    mean_ns = took_ns / mine
    quicker = sum(
        traces
        for octave, (traces, total_ns) in known.items()
        if octave not in octaves and traces and total_ns / traces < mean_ns
    )
    return (quicker + mine / 2) / whole
