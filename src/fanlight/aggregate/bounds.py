"""What keeps names and trees finite: bounded sets of what has been seen, with a name for the rest."""

from __future__ import annotations

OTHER = "<other>"
"""The name that stands for all beyond the bound: services, endpoints and the like, nodes of a tree."""
TOO_MANY = "<too many unique descriptions>"

SERVICES = 200
ENDPOINTS = 1_000
SEGMENTS = 50
"""Distinct segments of one service."""
RELEASES = 100
"""Distinct releases of one service."""
ENVIRONMENTS = 20
"""Distinct environments of one service: each multiplies its endpoints."""
NAME_CHARACTERS = 200
"""Characters of such a name; a longer one is cut, for it would push all else off the list."""
NODES = 2_000
"""Nodes of one merged tree."""
DESCRIPTIONS = 100
"""Distinct descriptions per (category, title) of one tree."""
NODES_PER_SERVICE = 100_000
NODES_IN_ALL = 400_000
"""Nodes remembered at once, some 100 bytes each: all trees of this hour and the last one."""

TREES = 50_000
"""Trees remembered at once; one beyond is bounded within each record only."""

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS


class Names:
    """Services, and each service's endpoints, segments, releases and environments, seen this day (UTC)."""

    __slots__ = ("day", "endpoints", "environments", "releases", "segments", "services")

    def __init__(self) -> None:
        self.day = 0
        self.services: set[str] = set()
        self.endpoints: dict[str, set[str]] = {}
        self.segments: dict[str, set[str]] = {}
        self.releases: dict[str, set[str]] = {}
        self.environments: dict[str, set[str]] = {}

    def turn(self, now_ns: int) -> None:
        """Forget the names when a new day begins, so that what is gone makes room."""
        if now_ns // DAY_NS != self.day:
            self.day = now_ns // DAY_NS
            self.services.clear()
            self.endpoints.clear()
            self.segments.clear()
            self.releases.clear()
            self.environments.clear()

    def service(self, name: str) -> str:
        """Answer the name that a service is kept under."""
        return admitted(name, self.services, SERVICES)

    def endpoint(self, service: str, name: str) -> str:
        """Answer the name that an endpoint of a (kept) service is kept under."""
        return admitted(name, self.endpoints.setdefault(service, set()), ENDPOINTS)

    def segment(self, service: str, name: str) -> str:
        """Answer the name that a segment of a (kept) service is kept under."""
        return admitted(name, self.segments.setdefault(service, set()), SEGMENTS)

    def release(self, service: str, name: str) -> str:
        """Answer the name that a release of a (kept) service is kept under."""
        return admitted(name, self.releases.setdefault(service, set()), RELEASES)

    def environment(self, service: str, name: str) -> str:
        """Answer the name that an environment of a (kept) service is kept under; "" where it told none."""
        return admitted(name, self.environments.setdefault(service, set()), ENVIRONMENTS) if name else ""


def admitted(name: str, known: set[str], limit: int) -> str:
    """Answer `name` when it is known or there is room for it, else the one for all others."""
    if len(name) > NAME_CHARACTERS:
        name = name[: NAME_CHARACTERS - 1] + "…"
    if name not in known:
        if len(known) >= limit:
            return OTHER
        known.add(name)
    return name


class KnownTree:
    """What one merged tree holds so far, over all records of its hour."""

    __slots__ = ("descriptions", "forest", "paths", "service", "touched")

    def __init__(self, forest: Forest, service: str) -> None:
        self.forest = forest
        self.service = service
        self.touched = 0
        self.paths: set[int] = set()
        self.descriptions: dict[tuple[str, str], set[int]] = {}

    def admits_path(self, path: int) -> bool:
        """Answer whether the tree has this node, or room for it."""
        if path in self.paths:
            return True
        if len(self.paths) >= NODES or not self.forest.room(self.service):
            return False
        self.paths.add(path)
        return True

    def admits_description(self, category: str, title: str, description: str) -> bool:
        """Answer whether a kind may keep its own description in this tree."""
        if len(self.paths) >= NODES:
            return False
        seen = self.descriptions.setdefault((category, title), set())
        # Only the hash is kept: descriptions are long, and a clash merely admits one more.
        mark = hash(description)
        if mark in seen:
            return True
        if len(seen) >= DESCRIPTIONS:
            return False
        seen.add(mark)
        return True


class Forest:
    """All trees that may still grow; forgotten an hour after they last did."""

    __slots__ = ("hour", "nodes", "nodes_in_all", "trees")

    def __init__(self) -> None:
        self.hour = 0
        self.trees: dict[tuple[str, str, str, str, int, int], KnownTree] = {}
        self.nodes: dict[str, int] = {}
        self.nodes_in_all = 0

    def turn(self, now_ns: int) -> None:
        """Forget what has not grown for an hour, once an hour."""
        hour = now_ns // HOUR_NS
        if hour == self.hour:
            return
        self.hour = hour
        self.trees = {key: tree for key, tree in self.trees.items() if tree.touched >= hour - 1}
        self.nodes = {}
        for tree in self.trees.values():
            self.nodes[tree.service] = self.nodes.get(tree.service, 0) + len(tree.paths)
        self.nodes_in_all = sum(self.nodes.values())

    def tree(self, group: tuple[str, str, str, str], hour: int, octave: int) -> KnownTree:
        """Answer what is known of a group's tree of an hour and an octave of duration."""
        key = (*group, hour, octave)
        tree = self.trees.get(key)
        if tree is None:
            tree = KnownTree(self, group[0])
            if len(self.trees) < TREES:
                self.trees[key] = tree
        tree.touched = self.hour
        return tree

    def room(self, service: str) -> bool:
        """Count one more node of a service, or answer False when it, or all together, has too many."""
        there = self.nodes.get(service, 0)
        if there >= NODES_PER_SERVICE or self.nodes_in_all >= NODES_IN_ALL:
            return False
        self.nodes[service] = there + 1
        self.nodes_in_all += 1
        return True
