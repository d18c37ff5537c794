"""One dialect of regular expressions, RE2's with ASCII classes, on google-re2 or on the standard library.

What only one of them reads is refused, with the place; what they read differently is rewritten.
"""

from __future__ import annotations

import re
from functools import lru_cache

from fanlight.errors import QueryError
from fanlight.event.lazy import lazily

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

WORD = "0-9A-Za-z_"
CLASSES = {
    "d": "0-9",
    "w": WORD,
    "s": r"\t\n\f\r ",
    "D": r"\x00-/:-\U0010ffff",
    "W": r"\x00-/:-@\[-\^`{-\U0010ffff",
    "S": r"\x00-\x08\x0b\x0e-\x1f!-\U0010ffff",
}
EDGE = f"(?:(?<=[{WORD}])(?![{WORD}])|(?<![{WORD}])(?=[{WORD}]))"
NO_EDGE = f"(?:(?<=[{WORD}])(?=[{WORD}])|(?<![{WORD}])(?![{WORD}]))"
PLACES = {"b": EDGE, "B": NO_EDGE, "A": r"\A", "z": r"\Z"}
CONTROLS = "aftnrv"
REPEAT = lazily(r"\{(\d+)(,(\d*))?\}")
REPEAT_MAX = 1000
FLAGS = lazily(r"\(\?([ims]+)\)")
SCOPED = lazily(r"\(\?([is]*)(?:-[is]+)?:")
NAMED = lazily(r"\(\?P<[A-Za-z_]\w*>", re.ASCII)
REFUSED = (
    ("(?=", "look-ahead"),
    ("(?!", "look-ahead"),
    ("(?<=", "look-behind"),
    ("(?<!", "look-behind"),
    ("(?P=", "a back-reference"),
    ("(?(", "a condition"),
    ("(?>", "an atomic group"),
)
SPECIAL = frozenset(".^$*+?{}[]\\|()")


class Reading:
    """A pattern read from left to right: checked, and written anew for the standard library."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.out: list[str] = []
        self.groups: list[tuple[int, bool]] = []
        """Of each open group: where it begins, and whether a repetition without end is in it."""
        self.endless = False
        self.nested: int | None = None
        """Where a repetition of a repetition was seen; the standard library may take for ever over it."""
        self.lines = False
        self.can_repeat = False

    def fail(self, what: str, at: int | None = None) -> None:
        """Raise the error at a place of the pattern."""
        raise QueryError("bad-regex", what, self.pattern, self.at if at is None else at)

    def run(self) -> str:
        """Answer the pattern for the standard library."""
        leading = FLAGS.match(self.pattern)
        if leading:
            self.lines = "m" in leading.group(1)
            self.out.append(leading.group())
            self.at = leading.end()
        while self.at < len(self.pattern):
            self.step(self.pattern[self.at])
        if self.groups:
            self.fail("the ( that opens here is never closed", self.groups[-1][0])
        return "".join(self.out)

    def step(self, char: str) -> None:
        """Read one thing."""
        if char == "\\":
            self.put(self.escape(within=False), 0)
        elif char == "[":
            self.put(self.bracket(), 0)
        elif char == "(":
            self.opening()
        elif char == ")":
            self.closing()
        elif char in "*+?" or (char == "{" and REPEAT.match(self.pattern, self.at)):
            self.repetition()
        elif char == "|":
            self.put("|", 1, repeatable=False)
        elif char == "^":
            self.put("^" if self.lines else r"\A", 1, repeatable=False)
        elif char == "$":
            self.put("$" if self.lines else r"\Z", 1, repeatable=False)
        else:
            self.put("\\" + char if char in "{}]" else char, 1)

    def put(self, text: str, length: int, *, repeatable: bool = True) -> None:
        """Write something and go on."""
        self.out.append(text)
        self.at += length
        self.can_repeat = repeatable

    def escape(self, *, within: bool) -> str:
        """Answer what a backslash and what follows it say, and go behind it."""
        char = self.pattern[self.at + 1 : self.at + 2]
        if not char:
            self.fail("a lone backslash at the end; write \\\\ for the character")
        if char.isdigit():
            self.fail(f"back-references such as \\{char} are not in this dialect")
        found = char if char in CONTROLS else ""
        if char == "x":
            found = self.hexadecimal()
        elif char in CLASSES:
            self.at += 2
            return CLASSES[char] if within else f"[{CLASSES[char]}]"
        elif char in PLACES and not within:
            self.at += 2
            return PLACES[char]
        elif char.isalpha() and not found:
            self.fail(f"\\{char} is not in this dialect")
        self.at += 2 if char != "x" else 0
        if char == "x":
            return found
        return "\\" + char if char.isascii() and (found or not char.isalnum()) else char

    def hexadecimal(self) -> str:
        r"""Answer the character of `\x41` or `\x{1F600}`."""
        found = re.compile(r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})").match(self.pattern, self.at)
        number = int(found.group(1) or found.group(2), 16) if found else -1
        if not found or number > 0x10FFFF:
            self.fail("\\x takes two hexadecimal digits, or up to six in braces")
            return ""
        self.at = found.end()
        return re.escape(chr(number))

    def bracket(self) -> str:
        """Answer a class of characters."""
        opened = self.at
        self.at += 1
        parts = ["["]
        if self.pattern.startswith("^", self.at):
            parts.append("^")
            self.at += 1
        first = True
        while True:
            char = self.pattern[self.at : self.at + 1]
            if not char:
                self.fail("the [ that opens here is never closed", opened)
            if char == "]" and not first:
                self.at += 1
                return "".join([*parts, "]"])
            parts.append(self.member())
            if self.pattern.startswith("-", self.at) and self.pattern[self.at + 1 : self.at + 2] not in (
                "",
                "]",
            ):
                self.at += 1
                parts += ["-", self.member()]
            first = False

    def member(self) -> str:
        """Answer a character of a class; a hyphen that stands for itself is told from a range's."""
        if self.pattern.startswith("[:", self.at):
            self.fail("classes such as [:alpha:] are not in this dialect; write a-zA-Z")
        char = self.pattern[self.at]
        if char == "\\":
            return self.escape(within=True)
        self.at += 1
        return "\\" + char if char in "[]&~|-" else char

    def opening(self) -> None:
        """Read the beginning of a group."""
        rest = self.pattern[self.at : self.at + 4]
        for start, name in REFUSED:
            if rest.startswith(start):
                self.fail(f"{name} is not in this dialect; say it with AND and NOT")
        head = SCOPED.match(self.pattern, self.at) or NAMED.match(self.pattern, self.at)
        if rest.startswith("(?") and not head:
            self.fail("a group begins with ( or (?: or (?i: or (?P<name>; flags stand first, as in (?i)")
        text = head.group() if head else "("
        self.groups.append((self.at, self.endless))
        self.endless = False
        self.put(text, len(text), repeatable=False)

    def closing(self) -> None:
        """Read the end of a group."""
        if not self.groups:
            self.fail("this ) closes nothing")
        _, before = self.groups.pop()
        inner = self.endless
        self.put(")", 1)
        # What repeats inside repeats outside when this group is repeated at once.
        following = self.pattern[self.at : self.at + 1]
        unending = following and (following in "*+" or self.pattern.startswith("{", self.at))
        if inner and unending and self.nested is None:
            self.nested = self.at
        self.endless = before or inner

    def repetition(self) -> None:
        """Read `*`, `+`, `?` or `{n,m}`, and the `?` that makes it lazy."""
        if not self.can_repeat:
            self.fail("nothing to repeat here")
        counted = REPEAT.match(self.pattern, self.at)
        text = counted.group() if counted else self.pattern[self.at]
        if counted:
            least, most = int(counted.group(1)), int(counted.group(3) or counted.group(1))
            if most > REPEAT_MAX or least > most:
                self.fail(f"a repetition counts upward and to {REPEAT_MAX} at most")
        if text in "*+" or (counted and counted.group(2) == ","):
            self.endless = True
        self.put(text, len(text), repeatable=False)
        if self.pattern.startswith("?", self.at):
            self.put("?", 1, repeatable=False)


def literal_parentheses(pattern: str) -> str:
    """Answer a pattern whose parentheses stand for themselves."""
    if "(" not in pattern and ")" not in pattern:
        return pattern
    out: list[str] = []
    at = 0
    bracket = False
    while at < len(pattern):
        char = pattern[at]
        if char == "\\" and at + 1 < len(pattern):
            out.append(pattern[at : at + 2])
            at += 2
            continue
        if char == "[":
            bracket = True
        elif char == "]":
            bracket = False
        out.append("\\" + char if char in "()" and not bracket else char)
        at += 1
    return "".join(out)


def plain(pattern: str) -> str | None:
    """Answer the text that a pattern without anything special in it stands for."""
    if "\\" in pattern:
        bare = re.sub(r"\\([^\w\s])", "", pattern)
        return None if SPECIAL & set(bare) else re.sub(r"\\([^\w\s])", r"\1", pattern)
    return None if SPECIAL & set(pattern) else pattern


def comparing(pattern: str) -> Callable[[str], bool] | None:
    """Answer what a pattern asks when it is a text, perhaps at the beginning or the end.

    FAST PATH: no engine, neither loaded nor called.
    """
    begins = pattern.startswith("^")
    ends = pattern.endswith("$")
    text = plain(pattern[begins : len(pattern) - ends])
    # Behind a backslash the dollar stands for itself.
    if not text or pattern.endswith("\\$"):
        return None
    if begins and ends:
        return text.__eq__
    if begins:
        return lambda value: value.startswith(text)
    return (lambda value: value.endswith(text)) if ends else (lambda value: text in value)


@lru_cache(256)
def searcher(pattern: str, *, fold: bool = False) -> Callable[[str], Any]:
    """Answer a function that answers something true of a text that the pattern is found in.

    Args:
        pattern: in the dialect.
        fold: case does not matter.

    Raises:
        QueryError: not in the dialect; its column is the pattern's.
    """
    quick = None if fold else comparing(pattern)
    if quick is not None:
        return quick
    reading = Reading(pattern)
    rewritten = reading.run()
    try:
        standard = re.compile(rewritten, re.IGNORECASE if fold else 0)
    except (re.error, OverflowError) as error:
        at = getattr(error, "pos", None) or 0
        raise QueryError("bad-regex", f"not a regular expression: {error}", pattern, at) from None
    engine = re2_engine()
    # RE2 reads UTF-8 alone; bytes that are none come from a command line as lone surrogates.
    is_text = pattern.isascii() or not any("\ud800" <= char <= "\udfff" for char in pattern)
    if engine is None or not is_text:
        if reading.nested is not None:
            way = (
                "install fanlight[server], whose engine reads it"
                if is_text
                else "leave bytes out that are no UTF-8"
            )
            reason = f"a repetition of a repetition may take for ever here; {way}"
            raise QueryError("bad-regex", reason, pattern, reading.nested)
        return standard.search
    options = engine.Options()
    options.log_errors = False
    options.case_sensitive = not fold
    try:
        found = engine.compile(pattern, options).search
    except engine.error as error:
        reason = f"not a regular expression: {error}"
        raise QueryError("bad-regex", reason, pattern) from None

    def search(text: str) -> Any:
        try:
            return found(text)
        except UnicodeEncodeError:
            # Bytes that were no UTF-8 are lone surrogates here.
            return found(text.encode("utf-8", "replace").decode())

    return search


def re2_engine() -> Any:
    """Answer google-re2, or None where it is not installed."""
    try:
        import re2  # type: ignore[import-untyped]
    except ImportError:
        return None
    return re2
