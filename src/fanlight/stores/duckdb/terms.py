"""Terms of a query as conditions on one day's tables, texts looked up in the day's own list of strings."""

# ruff: noqa: S608 - statements hold the schema's own names and integers; texts go in as literals

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.event.trace import FLAGS, PREFIX, SHAPES, SPAN, SPANS, TRACE
from fanlight.query.match import SPAN as BELOW
from fanlight.query.match import text_test
from fanlight.query.nodes import Exists, Field, Keyword, Path, Pattern
from fanlight.query.plan import Prefilter, required
from fanlight.query.sql import FALSE, TRUE, names_of, negated, some, within
from fanlight.query.values import tests_of
from fanlight.stores.duckdb.engine import literal
from fanlight.stores.duckdb.noted import are_plain, decided
from fanlight.stores.readings import ASKED
from fanlight.wire.messages import NOTE_BOOL, NOTE_FLOAT, NOTE_INT, NOTE_TEXT, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.query.setting import Setting
    from fanlight.query.sql import Leaf, Word
    from fanlight.query.values import Interval, Test
    from fanlight.stores.duckdb.reads import View

MOST_IDS = 20_000
"""Ids that a statement lists; a term that more texts meet nominates without them."""
GROUP_PARTS = {"service": 0, "endpoint": 1, "segment": 2, "environment": 3}
INTEGERS = {"duration": "duration", "span-count": "spans", "lost": "lost", "pid": "pid"}
HEX = "format('{:016x}{:016x}', high, low)"
INT64 = 2**63
OWN = frozenset({*TRACE.names, "time", ASKED})
HAS_SPANS = f"(flags & {WHOLE}) <> 0"


class DayTerms:
    """Says terms for one day; a condition is on `traces`.

    Args:
        view: of the day.
        setting: of the query.
        beyond: names that more than the day's tables may have.
    """

    def __init__(self, view: View, setting: Setting, beyond: frozenset[str] = frozenset()) -> None:
        self.view = view
        self.beyond = beyond
        self.setting = setting
        self.alias = view.alias
        self.groups = view.all_groups()

    def odd(self) -> str:
        """Answer where a trace has annotations of types that the tables do not tell."""
        keys = self.keys((SHAPES,))
        return self.noted(f"key IN ({keys})") if keys else FALSE

    def word(self, node: Word) -> tuple[str, bool]:
        """Answer where a keyword or a pattern may be found."""
        test = text_test(node, self.setting)
        groups = [number for number, group in self.groups.items() if any(map(test, group))]
        found = [listed("grp", groups), self.identity(node)]
        ids = self.strings(test, node)
        if ids is None:
            return TRUE, False
        matched = [f"type = {NOTE_TEXT} AND {listed('value', ids)}"] if ids else []
        if ids:
            kinds = some([listed(part, ids) for part in ("category", "title", "description")])
            found.append(listed("host", ids))
            found.append(self.spanned(f"kind IN (SELECT id FROM {self.alias}.kinds WHERE {kinds})"))
        numbers = self.integers(test, "true")
        if numbers is None:
            matched.append(f"type = {NOTE_INT}")
        elif numbers:
            matched.append(f"type = {NOTE_INT} AND {listed('value', numbers)}")
        found += map(self.noted, matched)
        is_exact = numbers is not None and isinstance(node, Keyword) and are_plain(self, matched)
        return some(found), is_exact

    def identity(self, node: Word) -> str:
        """Answer where a trace's id may hold a word."""
        if isinstance(node, Pattern):
            return f"regexp_matches({HEX}, {literal(self.folded(node))})"
        text = node.text.lower() if self.setting.fold_keywords else node.text
        return f"contains({HEX}, {literal(text)})" if set(text) <= set("0123456789abcdef") else FALSE

    def folded(self, node: Pattern) -> str:
        """Answer a pattern as the engine reads it."""
        return f"(?i:{node.text})" if self.setting.fold_keywords else node.text

    def leaf(self, node: Leaf) -> tuple[str, bool]:
        """Answer where what is asked of a property may hold."""
        text = node.path.text
        is_index = text.startswith("#") and not node.path.exact
        if is_index or text in (SPANS, "raw", "line") or self.is_elsewhere(names_of(node.path)):
            return TRUE, False
        tests = tests_of(node, self.setting)
        if text.startswith(BELOW) and not node.path.exact:
            return self.below(names_of(Path(text[len(BELOW) :])), node, tests), False
        if text in OWN:
            return (TRUE, True) if isinstance(node, Exists) else self.column(text, node, tests)
        names = names_of(node.path)
        if names[-1] in OWN and not self.keys(names[:1]):
            return (TRUE, True) if isinstance(node, Exists) else self.column(names[-1], node, tests)
        exact = decided(self, names, node)
        if exact is not None:
            return exact, True
        found = self.below(names, node, tests)
        # By another spelling of a column's name an annotation is meant, where there is one.
        if names[-1] in OWN:
            own = TRUE if isinstance(node, Exists) else self.column(names[-1], node, tests)[0]
            found = some([found, own])
        return found, False

    def is_elsewhere(self, names: tuple[str, ...]) -> bool:
        """Tell whether more than the tables' own columns may have what is called so."""
        return bool(self.beyond.intersection(names) or (ASKED in names and self.keys((ASKED,))))

    def column(self, name: str, node: Leaf, tests: list[Test]) -> tuple[str, bool]:
        """Answer where a trace's own column meets one of the tests."""
        if name == ASKED:
            return (TRUE if any(test.of("trace") for test in tests) else FALSE), True
        if name in GROUP_PARTS:
            part = GROUP_PARTS[name]
            chosen = [
                number for number, group in self.groups.items() if any(test.of(group[part]) for test in tests)
            ]
            return listed("grp", chosen), True
        if name == "host":
            ids = self.strings(lambda text: any(test.of(text) for test in tests), node)
            return (TRUE, False) if ids is None else (listed("host", ids), True)
        said = [self.number(name, test) for test in tests]
        return some([each for each, _ in said]), all(exact for _, exact in said)

    def number(self, name: str, test: Test) -> tuple[str, bool]:
        """Answer where a number, a time or a flag of a trace meets a test."""
        if name in FLAGS:
            bit = f"(flags & {FLAGS[name]}) <> 0"
            said = FALSE if test.truth is None else bit if test.truth else negated(bit)
        elif name == "time":
            said = FALSE if test.times is None else within("start", test.times, 0)
        elif name in INTEGERS and test.numbers is not None:
            said = within(INTEGERS[name], test.numbers, 0)
        else:
            # The trace's id, its weight, and patterns on digits.
            return TRUE, False
        return (negated(said) if test.inverse else said), True

    def below(self, names: tuple[str, ...], node: Leaf, tests: list[Test]) -> str:
        """Answer where an annotation or a span meets one of the tests."""
        found = [self.of_spans(name, node, tests) for name in names if name in SPAN.names]
        keys = self.keys(tuple({*names, *(name.removeprefix(PREFIX) for name in names)}))
        # `a.b` may be a key of a map: those are odd, and odd traces are nominated anyway.
        if keys:
            noted = [self.annotation(keys, test, node) for test in tests]
            found.append(some(noted) if tests else self.noted(f"key IN ({keys})"))
        return some(found)

    def of_spans(self, name: str, node: Leaf, tests: list[Test]) -> str:
        """Answer where a span's own column meets one of the tests."""
        if name in ("start", "duration") and tests and not any(test.inverse for test in tests):
            ranges = [within(name, test.numbers, 0) for test in tests if test.numbers]
            return self.spanned(some(ranges)) if ranges else FALSE
        if isinstance(node, Exists) or name not in ("category", "title", "description"):
            return HAS_SPANS
        ids = self.strings(lambda text: any(test.of(text) for test in tests), node)
        if ids is None:
            return HAS_SPANS
        chosen = listed(name, ids)
        if chosen == FALSE:
            return FALSE
        return self.spanned(f"kind IN (SELECT id FROM {self.alias}.kinds WHERE {chosen})")

    def annotation(self, keys: str, test: Test, node: Leaf) -> str:
        """Answer where an annotation of some keys meets a test."""
        named = f"key IN ({keys})"
        if test.inverse:
            return self.noted(named)
        held = []
        ids = self.strings(lambda text: bool(test.of(text)), node)
        if ids is None:
            held.append(f"type = {NOTE_TEXT}")
        elif ids:
            held.append(f"type = {NOTE_TEXT} AND {listed('value', ids)}")
        if test.truth is not None:
            held.append(f"type = {NOTE_BOOL} AND value = {int(test.truth)}")
        if test.numbers is not None:
            held += [f"type = {NOTE_FLOAT}", f"type = {NOTE_INT} AND {signed('value', test.numbers)}"]
        found = [self.noted(f"{named} AND ({' OR '.join(f'({each})' for each in held)})")] if held else []
        if test.numbers is None and test.digits:
            found.append(self.whole_numbers(test.digits, named))
        return some(found)

    def whole_numbers(self, test: Callable[[str], Any], named: str) -> str:
        """Answer where an annotation holds a whole number whose digits meet a test."""
        numbers = self.integers(test, named)
        if numbers is None:
            return self.noted(f"type = {NOTE_INT} AND {named}")
        condition = f"type = {NOTE_INT} AND {named} AND {listed('value', numbers)}"
        return self.noted(condition) if numbers else FALSE

    def integers(self, test: Callable[[str], Any], named: str) -> list[int] | None:
        """Answer the whole numbers of annotations whose digits meet a test; None when they are too many."""
        source = f"FROM {self.alias}.notes WHERE type = {NOTE_INT} AND {named}"
        numbers = self.view.ask(f"SELECT DISTINCT value {source} LIMIT {MOST_IDS + 1}")
        if len(numbers) > MOST_IDS:
            return None
        return [n for (n,) in numbers if test(str(n - 2 * INT64 if n >= INT64 else n))]

    def noted(self, condition: str) -> str:
        """Answer the traces with an annotation that meets a condition."""
        return f"number IN (SELECT trace FROM {self.alias}.notes WHERE {condition})"

    def spanned(self, condition: str) -> str:
        """Answer the traces with a span that meets a condition."""
        return f"number IN (SELECT trace FROM {self.alias}.spans WHERE {condition})"

    def keys(self, names: tuple[str, ...]) -> str:
        """Answer the ids of some texts, with commas; "" when the day has none of them."""
        marks = ", ".join("?" for _ in names)
        rows = self.view.ask(f"SELECT id FROM {self.alias}.strings WHERE text IN ({marks})", list(names))
        return ", ".join(str(number) for (number,) in rows)

    def strings(self, test: Callable[[str], Any], node: Leaf | Word) -> list[int] | None:
        """Answer the ids of the texts that meet a test; None when they are too many to list."""
        rows = self.view.ask(f"SELECT id, text FROM {self.alias}.strings WHERE {self.likely(node)}")
        found = [number for number, text in rows if test(text)]
        return found if len(found) <= MOST_IDS else None

    def likely(self, node: Leaf | Word) -> str:
        """Answer which texts are worth a look: those that hold what every one must that is meant."""
        if isinstance(node, Field) and node.op not in ("=", ":", "~"):
            return TRUE
        conjuncts = list(required(node, self.setting))
        if not conjuncts or (isinstance(node, Keyword) and not node.text.isascii()):
            return TRUE
        return some(
            [
                f"contains({'lower(text)' if one.fold else 'text'}, {literal(one.text.decode())})"
                for one in Prefilter(conjuncts).best()
            ]
        )


def listed(column: str, numbers: list[int]) -> str:
    """Answer where a column holds one of some numbers."""
    return f"{column} IN ({', '.join(map(str, numbers))})" if numbers else FALSE


def signed(column: str, interval: Interval) -> str:
    """Answer where 64 bits that hold a signed number lie in an interval."""
    below = f"{column} >= {INT64} AND {within(f'({column}::HUGEINT - {2 * INT64})', interval, -INT64, -1)}"
    above = f"{column} < {INT64} AND {within(column, interval, 0, INT64 - 1)}"
    return f"(({below}) OR ({above}))"
