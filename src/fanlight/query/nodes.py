"""The tree of a query: what every term is, and how it is written."""

from __future__ import annotations

from fanlight.event.lazy import lazily

OPERATORS = frozenset({"and", "or", "not"})
BOUNDS = ("from", "to", "since", "until", "last")
SEARCH, EXACT, UNLIKE, REGEX, NO_REGEX = ":", "=", "!=", "~", "!~"

BARE = lazily(r"[^\W_][\w.@/-]*")
"""Keywords that need no quotes."""
BARE_NAME = lazily(r"#\d+|[^\W\d][\w.@$\[\]-]*|@[\w.-]+")
"""Names that need no quotes."""
BARE_VALUE = lazily(r"[\w^.*\[\\+-][\w^.*\[\]\\+$?{}|%:/-]*")


class Node:
    """A part of a query: equal to another of its class with equal parts; never changed."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self.__slots__)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(repr(getattr(self, name)) for name in self.__slots__)})"


class Keyword(Node):
    """A text that some property holds."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        bare = BARE.fullmatch(self.text) and self.text.lower() not in OPERATORS
        return self.text if bare else quoted(self.text)


class Pattern(Node):
    """A regular expression that is found in some property."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return f"/{self.text.replace('/', chr(92) + '/')}/"


class Path(Node):
    """Where a value lies in an event.

    Attributes:
        text: as written, without quotes.
        exact: it was in quotes, so it is one name, whatever it holds.
    """

    __slots__ = ("exact", "text")

    def __init__(self, text: str, exact: bool = False) -> None:
        self.text = text
        self.exact = exact

    def __str__(self) -> str:
        return quoted(self.text) if self.exact else self.text


class Field(Node):
    """A comparison of a property: `:` `=` `!=` `~` `!~` `>` `>=` `<` `<=`."""

    __slots__ = ("at", "op", "path", "value")

    def __init__(self, path: Path, op: str, value: str, at: int = 0) -> None:
        self.path = path
        self.op = op
        self.value = value
        self.at = at
        """Where the value begins in the query's text; no part of what the node is."""

    def __eq__(self, other: object) -> bool:
        return type(other) is Field and self.parts() == other.parts()

    def __hash__(self) -> int:
        return hash(self.parts())

    def parts(self) -> tuple[Path, str, str]:
        """Answer what it is."""
        return self.path, self.op, self.value

    def __str__(self) -> str:
        return f"{self.path}{self.op}{worded(self.value)}"


class Among(Node):
    """A property that equals one of some values."""

    __slots__ = ("path", "values")

    def __init__(self, path: Path, values: tuple[str, ...]) -> None:
        self.path = path
        self.values = values

    def __str__(self) -> str:
        return f"{self.path} in ({', '.join(worded(value) for value in self.values)})"


class Exists(Node):
    """An event that has a property with a value."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return f"exists({self.path})"


class Not(Node):
    """What another part does not select."""

    __slots__ = ("part",)

    def __init__(self, part: Node) -> None:
        self.part = part

    def __str__(self) -> str:
        return f"NOT {grouped(self.part, And, Or)}"


class And(Node):
    """What all parts select."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Node, ...]) -> None:
        self.parts = parts

    def __str__(self) -> str:
        return " AND ".join(grouped(part, Or) for part in self.parts)


class Or(Node):
    """What some part selects."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Node, ...]) -> None:
        self.parts = parts

    def __str__(self) -> str:
        return " OR ".join(str(part) for part in self.parts)


class Bound(Node):
    """A limit of the whole query in time, as written: `from:` `to:` `since:` `until:` `last:`."""

    __slots__ = ("key", "value")

    def __init__(self, key: str, value: str) -> None:
        self.key = key
        self.value = value

    def __str__(self) -> str:
        return f"{self.key}:{worded(self.value)}"


def every(parts: list[Node]) -> Node:
    """Answer what all of one or more parts select, without an And in an And."""
    return flat(And, parts)


def some(parts: list[Node]) -> Node:
    """Answer what some of one or more parts select, without an Or in an Or."""
    return flat(Or, parts)


def flat(joint: type[And | Or], parts: list[Node]) -> Node:
    """Answer parts joined, those that are joined so already taken apart."""
    if len(parts) == 1:
        return parts[0]
    joined: list[Node] = []
    for part in parts:
        if isinstance(part, joint):
            joined += part.parts
        else:
            joined.append(part)
    return joint(tuple(joined))


def negated(part: Node) -> Node:
    """Answer what a part does not select; twice cancels."""
    return part.part if isinstance(part, Not) else Not(part)


def grouped(part: Node, *loose: type[Node]) -> str:
    """Answer a part as written, in parentheses when it binds looser than what is around it."""
    return f"({part})" if isinstance(part, loose) else str(part)


def quoted(text: str) -> str:
    """Answer a text in quotes, as the lexer reads it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def worded(value: str) -> str:
    """Answer a value, in quotes when it needs them."""
    return value if BARE_VALUE.fullmatch(value) else quoted(value)
