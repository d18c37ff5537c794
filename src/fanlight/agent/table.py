"""The string and kind tables of the wire, and the names that fill them."""

from __future__ import annotations

from array import array

from fanlight.normalizers import TABLE as NORMALIZED
from fanlight.recording.nesting import SKIP
from fanlight.recording.recorder import ALONE
from fanlight.recording.reduction import characters
from fanlight.wire.codec import encode
from fanlight.wire.frames import TABLE, frame
from fanlight.wire.messages import ERROR
from fanlight.wire.messages import TABLE as SCHEMA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from fanlight.recording.pauses import Seen
    from fanlight.recording.recorder import Trace
    from fanlight.wire.trail import Name

    Normalize = Callable[[str, Any], tuple[str, str, str, dict[str, Any] | None] | None]

STRINGS = 8_192
CHARACTERS = 1 << 20
KINDS = 16_384
"""Sizes past which a new generation begins before the next batch."""
SPARE = 3
"""A trace in between may go on up to this many times `CHARACTERS` and `KINDS`, and less than twice
`STRINGS`: the collector takes that much and refuses more."""
TEXT_CHARACTERS = 4_096
FRAME_BYTES = 1 << 20
TOO_MANY = "<too many texts>"

TIERS = frozenset({"app", "view", "db", "api", "cache", "job", "noise", "agent", "other"})
NO_CATEGORY = (
    "a span's category is letters, digits, - and _ between dots, such as 'view.cart';\n"
    "  spans of any other are left out, what stands below them stays"
)
MEMO_CHARACTERS = 1 << 20
MEMO_ENTRIES = 8_192
MEMO_KEYS = 4
TEMPLATE = "view.render.template"
"""Category whose spans are folded where they stand side by side."""


class Table:
    """Strings and kinds of one generation, numbered as they come.

    Attributes:
        generation: goes up with each new start, from 1.
        strings: text to number; "" is 0 and never sent.
        kinds: (category, title, description) numbers to the kind's number.
        string_list: the texts by number, `kind_list` likewise: what is sent is cut off their ends.
        characters: of all strings together.
    """

    __slots__ = ("characters", "generation", "kind_list", "kinds", "string_list", "strings")

    def __init__(self) -> None:
        self.generation = 0
        self.renew()

    def renew(self) -> None:
        """Begin a new generation."""
        self.generation += 1
        self.strings = {"": 0, TOO_MANY: 1}
        self.kinds: dict[tuple[int, int, int], int] = {}
        self.string_list = list(self.strings)
        self.kind_list: list[tuple[int, int, int]] = []
        self.characters = len(TOO_MANY)

    def is_full(self) -> bool:
        """Answer whether the next batch must begin a new generation."""
        return len(self.strings) > STRINGS or self.characters > CHARACTERS or len(self.kinds) > KINDS

    def string(self, text: str) -> int:
        """Answer a text's number."""
        number = self.strings.get(text)
        if number is not None:
            return number
        if len(text) > TEXT_CHARACTERS:
            return self.string(text[: TEXT_CHARACTERS - 1] + "…")
        number = len(self.strings)
        # One trace may bring more texts than the other end takes; its numbers stay true.
        if self.characters > SPARE * CHARACTERS or number >= 2 * STRINGS - 1:
            return self.strings[TOO_MANY]
        self.strings[text] = number
        self.string_list.append(text)
        self.characters += len(text)
        return number

    def kind(self, category: str, title: str, description: str) -> int:
        """Answer a kind's number."""
        key = self.string(category), self.string(title), self.string(description)
        number = self.kinds.get(key)
        if number is None and len(self.kinds) >= SPARE * KINDS:
            # One trace may bring more kinds too; of those beyond, only the tier is told.
            key = self.string(category.partition(".")[0]), self.strings[TOO_MANY], 0
            number = self.kinds.get(key)
        if number is None:
            number = self.kinds[key] = len(self.kinds)
            self.kind_list.append(key)
        return number

    def frames(self, first_string: int, first_kind: int) -> bytes:
        """Answer the TABLE frames with all entries from these numbers on; none when there are none."""
        strings = self.string_list[first_string:]
        kinds = self.kind_list[first_kind:]
        out = []
        while strings or kinds:
            part: list[str] = []
            size = 0
            for text in strings:
                size += 4 + 4 * len(text)
                if part and size > FRAME_BYTES:
                    break
                part.append(text)
            strings = strings[len(part) :]
            # Kinds name strings, so they come with the last of those.
            columns = list(zip(*kinds, strict=True)) if kinds and not strings else [(), (), ()]
            out.append(frame(TABLE, encode(SCHEMA, self.message(first_string, part, first_kind, columns))))
            first_string += len(part)
            if not strings:
                break
        return b"".join(out)

    def message(
        self, first_string: int, strings: list[str], first_kind: int, columns: list[tuple[int, ...]]
    ) -> dict[str, Any]:
        """Answer one TABLE message."""
        return {
            "generation": self.generation,
            "first_string": first_string,
            "strings": strings,
            "first_kind": first_kind,
            "kind_category": array("I", columns[0]),
            "kind_title": array("I", columns[1]),
            "kind_description": array("I", columns[2]),
        }


class Names:
    """Recorded names to the table's kinds, remembered while the table lasts.

    Args:
        table: where kinds get their numbers.
        normalize: (name, payload) → (category, title, description, annotations), None to skip.
        complain: told once what a person should know.
    """

    __slots__ = (
        *("blocks", "complain", "generation", "memo", "memo_characters", "normalize", "roots", "table"),
        "templates",
    )

    def __init__(self, table: Table, normalize: Normalize, complain: Callable[[str], object]) -> None:
        self.table = table
        self.normalize = normalize
        self.complain = complain
        self.renew()

    def renew(self) -> None:
        """Forget what belongs to an earlier generation of the table."""
        self.generation = self.table.generation
        self.blocks: dict[tuple[str, str], int] = {}
        self.memo: dict[Any, tuple[int, dict[str, Any] | None]] = {}
        self.memo_characters = 0
        self.roots: dict[tuple[Any, ...], tuple[int, int, int, int]] = {}
        self.templates: dict[int, str] = {}

    def block(self, category: str, title: str) -> int:
        """Answer the kind of a block that the application named itself; `SKIP` for a bad category."""
        key = (category, title)
        kind = self.blocks.get(key)
        if kind is None:
            path = in_tier(category)
            if not path:
                # One text for all of them, so that it is told once however many there are.
                self.complain(NO_CATEGORY)
            kind = self.table.kind(path, title if title.__class__ is str else "", "") if path else SKIP
            if len(self.blocks) < MEMO_ENTRIES and characters(key) <= TEXT_CHARACTERS:
                self.blocks[key] = kind
        return kind

    def root(self, trace: Trace, seen: Seen) -> tuple[int, int, int, int] | None:
        """Answer the numbers of a trace of which nothing was recorded but its root, a fast path.

        Returns:
            endpoint, segment, kind and flags; None where there is more to tell.
        """
        if trace.records is not ALONE or trace.notes or trace.error is not None:
            return None
        if trace.lost or seen.between(trace.start_ns, trace.end_ns):
            return None
        key = (str(trace.endpoint), trace.status, trace.segment, trace.category, trace.title)
        try:
            found = self.roots.get(key)
        except TypeError:  # a title of the application's own sort
            return None
        return self.rooted(trace, key) if found is None else found

    def rooted(self, trace: Trace, key: tuple[Any, ...]) -> tuple[int, int, int, int] | None:
        """Answer the same of the first one of its sort."""
        string, segment = self.table.string, segment_of(trace)
        # Before the kind: there is always room for these.
        endpoint_number, segment_number = string(key[0]), string(segment)
        kind, notes = self.named(trace.category, trace.title, None)
        if notes or kind == SKIP:
            return None
        found = endpoint_number, segment_number, kind, ERROR if segment == "error" else 0
        if len(self.roots) < MEMO_ENTRIES and characters(key) <= TEXT_CHARACTERS:
            self.roots[key] = found
        return found

    def named(self, name: str, title: str | None, payload: Any) -> tuple[int, dict[str, Any] | None]:
        """Answer kind and annotations of a notification."""
        if payload.__class__ is dict:
            if len(payload) > MEMO_KEYS:
                return self.normalized(name, title, payload)
            # Requests differ in few ways; what else has a dict has few entries or is not remembered.
            # The types belong to it, since True and 1 are the same key.
            key: Any = (name, title, *payload.items(), *map(type, payload.values()))
        else:
            key = (name, title, payload)
        try:
            found = self.memo.get(key)
        except TypeError:  # a dict inside
            return self.normalized(name, title, payload)
        if found is None:
            found = self.normalized(name, title, payload)
            size = max(64, characters(key))
            if self.memo_characters + size > MEMO_CHARACTERS or len(self.memo) >= MEMO_ENTRIES:
                self.memo.clear()
                self.memo_characters = 0
            self.memo[key] = found
            self.memo_characters += size
        return found

    def normalized(self, name: str, title: str | None, payload: Any) -> tuple[int, dict[str, Any] | None]:
        """Ask the normalizer."""
        answer = self.normalize(name, payload)
        if answer is None:
            return SKIP, None
        category, given, description, notes = answer
        title = given if title is None else title
        kind = self.table.kind(category, title, description)
        if category == TEMPLATE:
            self.templates[kind] = title
        return kind, notes

    def own(self, category: str, title: str) -> int:
        """Answer the kind of a span that Fanlight adds."""
        return self.table.kind(category, title, "")


def in_tier(category: str) -> str:
    """Answer a category with a tier before it when it has none; "" when it is none at all."""
    if category.__class__ is not str:
        return ""
    parts = category.lower().split(".")
    for part in parts:
        if not part.isascii() or not part.replace("-", "").replace("_", "").isalnum():
            return ""
    path = ".".join(parts)
    return path if parts[0] in TIERS else f"other.{path}"


def segment_of(trace: Trace) -> str:
    """Answer a trace's segment: how it ended, else the response's format."""
    status = trace.status
    if trace.error is not None or status >= 400:
        return "error"
    if status == 304:
        return "not modified"
    if 300 <= status < 400:
        return "redirect"
    return str(trace.segment)


def told_of(trace: Trace, ignored: Mapping[str, bool], make: Callable[..., Name]) -> Name | None:
    """Answer what a trace shares with others of its sort; None where that is not known so soon.

    Args:
        trace: a finished one.
        ignored: endpoint to whether nobody wants to hear of it.
        make: the class of what is answered, which most processes never import.
    """
    endpoint, category = str(trace.endpoint), str(trace.category)
    # A name that is no category stands for others, which the background knows.
    if in_tier(category) != category or category in NORMALIZED or len(endpoint) > TEXT_CHARACTERS:
        return None
    return make(endpoint, segment_of(trace), category, str(trace.title), ignored=ignored[endpoint])
