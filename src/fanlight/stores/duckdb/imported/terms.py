"""Terms as conditions on imported events: one that all selected ones meet, one that only those do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.coding import value_in
from fanlight.event.packing import is_unicode
from fanlight.query.match import index_of, value_test
from fanlight.query.nodes import EXACT, SEARCH, Among, And, Exists, Field, Keyword, Not, Or, Pattern
from fanlight.query.nodes import UNLIKE as UNLIKE_TEXT
from fanlight.query.plan import required
from fanlight.query.regex import literal_parentheses, plain
from fanlight.query.sql import FALSE, TRUE, every, names_of, negated, some, within
from fanlight.query.values import ORDERS, fold, ratio, tests_of
from fanlight.stores.duckdb.engine import literal
from fanlight.stores.duckdb.imported.places import INSIDE, Variant, is_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fanlight.query.nodes import Node
    from fanlight.query.plan import Literal
    from fanlight.query.setting import Setting
    from fanlight.query.sql import Leaf, Word
    from fanlight.query.values import Interval, Test
    from fanlight.stores.duckdb.imported.lines import Lines

    Said = tuple[str, str]
    """What every selected event meets, and what only selected ones do."""

MOST_VALUES = 5_000
"""Different values that are tested one by one; of more, the predicate decides on each event."""
TIME_MIN, TIME_MAX = -(2**63), 2**63 - 1
QUOTED = frozenset('"\\')
"""Characters that JSON writes as escapes; other than ASCII there is none in a literal."""
UNLIKE = frozenset("\u03c3\ue000\ue001")
"""Letters in lower case that the engine and the predicate make of different ones."""


def both_of(node: Node, terms: LineTerms, among: str = TRUE) -> Said:
    """Answer both conditions of a part, for events that meet a condition already."""
    if isinstance(node, And):
        mays: list[str] = []
        musts: list[str] = []
        # The quick ones first: on what they rule out, nothing has to be tried.
        for part in sorted(node.parts, key=terms.is_dear):
            may, must = both_of(part, terms, every([among, *mays]))
            mays.append(may)
            musts.append(must)
        return every(mays), every(musts)
    if isinstance(node, Or):
        parts = [both_of(part, terms, among) for part in node.parts]
        return some([may for may, _ in parts]), some([must for _, must in parts])
    if isinstance(node, Not):
        may, must = both_of(node.part, terms, among)
        return negated(must), negated(may)
    if isinstance(node, Keyword | Pattern):
        return terms.word(node)
    assert isinstance(node, Field | Among | Exists)
    said = terms.leaf(node, among)
    return said, said


class LineTerms:
    """Says terms of imported events that the engine can read.

    Args:
        lines: the events.
        setting: of the query.
    """

    def __init__(self, lines: Lines, setting: Setting) -> None:
        self.lines = lines
        self.setting = setting

    def word(self, node: Word) -> Said:
        """Answer where a keyword or a pattern may be found, and where it is for sure."""
        may = every([held(each) for each in showing(required(node, self.setting))])
        seen = self.seen(node)
        if seen is None:
            return may, FALSE
        hit, sure = seen

        def found(hit: Callable[[str], str], nested: str) -> str:
            # Step by step, for each is dearer than the one before.
            values = some([hit(f"v[{at}]") for at in range(1, self.lines.most_texts + 1)])
            within = f"CASE WHEN {hit('raw')} THEN true WHEN {values} THEN true ELSE {nested} END"
            return within if may == TRUE else f"CASE WHEN {may} THEN {within} ELSE false END"

        nested = f"coalesce(len(list_filter(w, lambda x: {hit('x')})) > 0, false)"
        return found(hit, nested if self.lines.has_nested else FALSE), found(sure, FALSE)

    def seen(self, node: Word) -> tuple[Callable[[str], str], Callable[[str], str]] | None:
        """Answer what says that a word may be in a text, and that it is; None when only Python can."""
        if not node.text or "\0" in node.text or not is_unicode(node.text):
            return None
        if isinstance(node, Pattern):
            asked = matching(node.text, fold=self.setting.fold_keywords)
            return asked, asked
        if not self.setting.fold_keywords:
            plain = containing(node.text)
            return plain, plain
        folded = fold(node.text)
        if UNLIKE & set(folded):
            return None

        def hit(text: str) -> str:
            return f"coalesce(contains(lower({text}), {literal(folded)}), false)"

        def sure(text: str) -> str:
            odd = f"contains({text}, '\u212a') OR contains({text}, '\u0130')"
            return f"({hit(text)} AND NOT coalesce({odd}, false))"

        return hit, sure

    def is_dear(self, node: Node) -> bool:
        """Tell whether values have to be tried one by one to find where a part holds."""
        if isinstance(node, And | Or):
            return any(map(self.is_dear, node.parts))
        if isinstance(node, Not):
            return self.is_dear(node.part)
        if isinstance(node, Exists) or not isinstance(node, Field | Among) or is_below(node.path):
            return False
        found = self.lines.variants(str(node.path))
        return any(self.simply(node, test, "", each) is None for each in found for test in self.tests(node))

    def tests(self, node: Leaf) -> list[Test]:
        """Answer what a term asks of a value."""
        return tests_of(node, self.setting)

    def leaf(self, node: Leaf, among: str) -> str:
        """Answer where what is asked of a property holds."""
        if is_below(node.path):
            # What the engine can read holds no events.
            return FALSE
        name = str(node.path)
        found = []
        for each in self.lines.variants(name):
            value = (
                f"({self.lines.held_at(name)})::VARCHAR" if each.is_json else f"p[{self.lines.slots[name]}]"
            )
            found.append(self.of_variant(node, value, each, among))
        return some([*found, self.beside(node, among)])

    def beside(self, node: Leaf, among: str) -> str:
        """Answer where a term holds of what an event has beside its properties, where none is called so."""
        bare = [number for number, places in self.lines.places.items() if places[str(node.path)] is None]
        index = index_of(node.path)
        if index is not None:
            bare = [number for number in bare if number in self.lines.timed] if index == 0 else []
        own = "time" if index == 0 else names_of(node.path)[-1]
        if not bare:
            return FALSE
        where = f"shape IN ({', '.join(map(str, bare))})"
        if own == "time":
            return every([where, self.of_time(node)])
        if own == "kind":
            return every([where, self.of_kind(node)])
        if own == "line":
            return self.of_variant(node, "nullif(line, 0)::VARCHAR", Variant(types.INT, None, bare), among)
        return (
            self.of_variant(node, "raw", Variant(types.STRING, None, bare), among) if own == "raw" else FALSE
        )

    def of_time(self, node: Leaf) -> str:
        """Answer where an event's time meets a term."""
        if isinstance(node, Exists):
            return "time IS NOT NULL"
        said = []
        for test in tests_of(node, self.setting):
            within_times = FALSE if test.times is None else within("time", test.times, TIME_MIN, TIME_MAX)
            said.append(negated(within_times) if test.inverse else within_times)
        return every(["time IS NOT NULL", some(said)])

    def of_kind(self, node: Leaf) -> str:
        """Answer where an event's kind meets a term."""
        holds = value_test(node, self.setting)
        chosen = [
            str(number) for number, schema in self.lines.shapes.items() if holds(schema.kind, None, None)
        ]
        return f"shape IN ({', '.join(chosen)})" if chosen else FALSE

    def of_variant(self, node: Leaf, value: str, variant: Variant, among: str) -> str:
        """Answer where a value meets a term, in shapes that have it alike."""
        there = every([variant.where, f"{value} IS NOT NULL"])
        if isinstance(node, Exists):
            return there
        tests = self.tests(node)
        said = [self.simply(node, test, value, variant) for test in tests]
        if None in said:
            return self.tried(node, value, variant, every([among, there]))
        # The engine may look at other shapes' values as well, which are of another type.
        mine = some(
            [
                negated(each) if test.inverse else each
                for each, test in zip(said, tests, strict=True)
                if each is not None
            ]
        )
        if mine == TRUE:
            return there
        return mine if mine == FALSE else f"CASE WHEN {there} THEN {mine} ELSE false END"

    def tried(self, node: Leaf, value: str, variant: Variant, among: str) -> str:
        """Answer where a value meets a term, by trying each different one, or all where those are many."""
        of_value = value_test(node, self.setting)
        kind = None if variant.type == INSIDE else variant.type

        def holds(text: str) -> bool:
            return of_value(read(text, variant.type), variant.unit, kind)

        source = (
            f"FROM ({self.lines.source()}) WHERE {every([self.lines.bounds, self.lines.decided(), among])}"
        )
        texts = self.lines.asker.ask(f"SELECT DISTINCT {value} {source} LIMIT {MOST_VALUES + 1}")
        if len(texts) > MOST_VALUES:
            batches = self.lines.asker.batches(f"SELECT place, {value} {source}")
            places = [place for rows in batches for place, text in rows if holds(text)]
            return self.lines.asker.among("place", places)
        chosen = [text for (text,) in texts if holds(text)]
        if not chosen:
            return FALSE
        mine = every([variant.where, f"{value} IN ({', '.join(map(literal, chosen))})"])
        return f"coalesce({mine}, false)"

    def simply(self, node: Leaf, test: Test, value: str, variant: Variant) -> str | None:
        """Answer where a value meets a test before it is inverted; None when only the values tell."""
        if variant.is_json:
            return None
        if variant.type in (types.INT, types.DURATION) and test.numbers is not None:
            unit = "ns" if variant.type == types.DURATION else variant.unit
            return of_int(f"{value}::BIGINT", test.numbers, ratio(unit, test.numbers.unit))
        if variant.type == types.FLOAT:
            found = test.numbers
            if found is None:
                return FALSE
            return of_float(f"{value}::DOUBLE", found, ratio(variant.unit, found.unit))
        if variant.type == types.BOOL:
            return FALSE if test.truth is None else f"{value} = '{str(test.truth).lower()}'"
        is_text = variant.type == types.STRING and isinstance(node, Field)
        return self.of_text(node, value) if is_text and isinstance(node, Field) else None

    def of_text(self, node: Field, value: str) -> str | None:
        """Answer where a text meets a comparison before it is inverted; None when only the texts tell."""
        asked, can_fold = node.value, self.setting.fold_fields
        if "\0" in asked or not is_unicode(asked):
            return None
        if node.op in (EXACT, UNLIKE_TEXT):
            return None if can_fold else f"{value} = {literal(asked)}"
        if node.op in ORDERS or (node.op == SEARCH and (".." in asked or asked[-1:] in ("x", "X"))):
            # Numbers that were read as text are compared as numbers.
            return None
        pattern = literal_parentheses(asked) if node.op == SEARCH else asked
        text = plain(pattern)
        found = matching(pattern, fold=can_fold) if text is None or can_fold else containing(text)
        return found(value)


def containing(sought: str) -> Callable[[str], str]:
    """Answer what says that a text holds another."""
    return lambda text: f"coalesce(contains({text}, {literal(sought)}), false)"


def matching(pattern: str, *, fold: bool) -> Callable[[str], str]:
    """Answer what says that a pattern is found in a text; the engine has the same dialect."""
    # The dot leaves line ends out.
    asked = f"{literal(pattern)}, '{'i' if fold else 'c'}n'"
    return lambda text: f"coalesce(regexp_matches({text}, {asked}), false)"


def of_int(value: str, numbers: Interval, times: int) -> str:
    """Answer where a whole number lies in an interval, when it is multiplied."""
    if times == 1:
        return within(value, numbers, TIME_MIN, TIME_MAX)
    return within(f"({value}::HUGEINT * {times})", numbers, TIME_MIN * times, TIME_MAX * times)


def of_float(value: str, numbers: Interval, times: int) -> str | None:
    """Answer where a number with a fraction lies in an interval; None where an end is no such number."""
    ends = numbers.low, numbers.high
    if any(float(end) != end for end in ends):
        return None
    low, high = (f"'{float(end)!r}'::DOUBLE" for end in ends)
    scaled = value if times == 1 else f"({value} * {float(times)!r}::DOUBLE)"
    above = f"{scaled} {'>' if numbers.open_low else '>='} {low}"
    below = f"{scaled} {'<' if numbers.open_high else '<='} {high}"
    return f"(NOT isnan({value}) AND {above} AND {below})"


def showing(conjuncts: Iterable[tuple[Literal, ...]]) -> list[tuple[Literal, ...]]:
    """Answer the conjuncts that a text as JSON shows as they are."""
    return [some for some in conjuncts if not any(QUOTED & set(one.text.decode()) for one in some)]


def held(conjunct: tuple[Literal, ...]) -> str:
    """Answer where a raw text or the values hold one of some texts."""
    found = [
        f"contains({f'lower({column})' if one.fold else column}, {literal(one.text.decode())})"
        for one in conjunct
        for column in ("raw", "told")
    ]
    # Without a raw text the values hold it.
    return f"coalesce({some(found)}, false)"


def read(text: str, kind: str) -> Any:
    """Answer the value of a type that the engine tells as text, or as JSON."""
    if kind in (types.INT, types.DURATION):
        return int(text)
    if kind == types.FLOAT:
        return float(text)
    if kind in (types.STRING, types.BOOL):
        return text if kind == types.STRING else text == "true"
    return json.loads(text) if kind == INSIDE else value_in(kind, json.loads(text), 1)
