"""Terms as conditions on imported events: one that all selected ones meet, one that only those do."""

# ruff: noqa: S608 - statements hold the schema's own names and integers; texts go in as literals

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.event.packing import is_unicode
from fanlight.query.match import value_test
from fanlight.query.nodes import Among, And, Exists, Field, Keyword, Not, Or, Pattern
from fanlight.query.plan import required
from fanlight.query.sql import FALSE, TRUE, every, names_of, negated, some, within
from fanlight.query.values import ratio, tests_of
from fanlight.stores.duckdb.engine import literal
from fanlight.stores.duckdb.imported.places import INSIDE, inner_at, is_below

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fanlight.query.nodes import Node
    from fanlight.query.plan import Literal
    from fanlight.query.setting import Setting
    from fanlight.query.sql import Leaf, Word
    from fanlight.query.values import Interval, Test
    from fanlight.stores.duckdb.imported.lines import Lines, Variant

    Said = tuple[str, str]
    """What every selected event meets, and what only selected ones do."""

MOST_VALUES = 5_000
"""Different values that are tested one by one; of more, the predicate decides on each event."""
TIME_MIN, TIME_MAX = -(2**63), 2**63 - 1
QUOTED = frozenset('"\\')
"""Characters that JSON writes as escapes; other than ASCII there is none in a literal."""
FOLDED = "(contains(raw, '\u212a') OR contains(raw, '\u0130'))"
"""Texts with letters that are ASCII to the engine in lower case, and not to the predicate."""


def both_of(node: Node, terms: LineTerms) -> Said:
    """Answer both conditions of a part."""
    if isinstance(node, And | Or):
        parts = [both_of(part, terms) for part in node.parts]
        joined = every if isinstance(node, And) else some
        return joined([may for may, _ in parts]), joined([must for _, must in parts])
    if isinstance(node, Not):
        may, must = both_of(node.part, terms)
        return negated(must), negated(may)
    if isinstance(node, Keyword | Pattern):
        return terms.word(node)
    assert isinstance(node, Field | Among | Exists)
    return terms.leaf(node)


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
        """Answer where a keyword or a pattern may be found, and where a keyword is for sure."""
        may = every([held(each) for each in showing(required(node, self.setting))])
        if isinstance(node, Pattern):
            return self.pattern(node, may)
        if not node.text.isascii() or "\0" in node.text or not node.text:
            return may, FALSE
        if not self.setting.fold_keywords:
            return may, f"coalesce(contains(raw, {literal(node.text)}), false)"
        found = f"contains(lower(raw), {literal(node.text.lower())})"
        return may, f"coalesce({found} AND NOT {FOLDED}, false)"

    def pattern(self, node: Pattern, may: str) -> Said:
        """Answer where a pattern may be found, and where it is for sure; the engine has the same dialect."""
        if "\0" in node.text or not is_unicode(node.text):
            return may, FALSE
        # The dot leaves line ends out.
        asked = f"{literal(node.text)}, '{'i' if self.setting.fold_keywords else 'c'}n'"
        raw = f"coalesce(regexp_matches(raw, {asked}), false)"
        simple = f"shape IN ({', '.join(map(str, self.lines.texts))})" if self.lines.texts else FALSE
        values = some(
            [
                f"coalesce(regexp_matches(v[{at}], {asked}), false)"
                for at in range(1, self.lines.most_texts + 1)
            ]
        )

        def found(beside: str) -> str:
            # Step by step, for each is dearer than the one before.
            within = f"CASE WHEN {raw} THEN true WHEN {simple} THEN {values} ELSE {beside} END"
            return within if may == TRUE else f"CASE WHEN {may} THEN {within} ELSE false END"

        return found(TRUE if len(self.lines.texts) < len(self.lines.shapes) else FALSE), found(FALSE)

    def leaf(self, node: Leaf) -> Said:
        """Answer where what is asked of a property may hold, and where it does for sure."""
        if is_below(node.path):
            # What the engine can read holds no events.
            return FALSE, FALSE
        name = str(node.path)
        slot = self.lines.slots[name]
        found = [self.of_variant(node, slot, each) for each in self.lines.variants(name)]
        own = names_of(node.path)[-1]
        bare = self.lines.without(node.path)
        among = f"shape IN ({', '.join(bare)})" if bare else FALSE
        if own == "time":
            said = every([among, self.of_time(node)])
            found.append((said, said))
        elif own == "kind":
            said = every([among, self.of_kind(node)])
            found.append((said, said))
        return some([may for may, _ in found]), some([must for _, must in found])

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

    def of_variant(self, node: Leaf, slot: int, variant: Variant) -> Said:
        """Answer where the value of a slot meets a term, in shapes that have it alike."""
        is_inside = variant.type == INSIDE
        value = f"({inner_at(slot)})::VARCHAR" if is_inside else f"p[{slot}]"
        there = every([variant.where, f"{value} IS NOT NULL"])
        if isinstance(node, Exists):
            return there, there
        tests = tests_of(node, self.setting)
        said = [None if is_inside else self.simply(node, test, value, variant) for test in tests]
        if None not in said:
            held_by = [
                negated(each) if test.inverse else each
                for each, test in zip(said, tests, strict=True)
                if each is not None
            ]
            # The engine may look at other shapes' values as well, which are of another type.
            mine = some(held_by)
            if mine not in (FALSE, TRUE):
                mine = f"CASE WHEN {there} THEN {mine} ELSE false END"
            return (mine, mine) if mine != TRUE else (there, there)
        texts = self.lines.ask(
            f"SELECT DISTINCT {value} FROM ({self.lines.source()}) "
            f"WHERE {every([self.lines.bounds, self.lines.decided(), there])} LIMIT {MOST_VALUES + 1}"
        )
        if len(texts) > MOST_VALUES:
            return there, FALSE
        holds = value_test(node, self.setting)
        chosen = [
            text
            for (text,) in texts
            if holds(read(text, variant.type), variant.unit, None if is_inside else variant.type)
        ]
        mine = every([variant.where, f"{value} IN ({', '.join(map(literal, chosen))})"]) if chosen else FALSE
        mine = mine if mine == FALSE else f"coalesce({mine}, false)"
        return mine, mine

    def simply(self, node: Leaf, test: Test, value: str, variant: Variant) -> str | None:
        """Answer where a value meets a test before it is inverted; None when only the values tell."""
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
        text = node.value if isinstance(node, Field) and node.op in ("=", "!=") else None
        if text is None or self.setting.fold_fields or "\0" in text or not is_unicode(text):
            return None
        return f"{value} = {literal(text)}"


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
    """Answer the value of a type that the engine tells as text."""
    if kind == INSIDE:
        return json.loads(text)
    if kind in (types.INT, types.DURATION):
        return int(text)
    if kind == types.FLOAT:
        return float(text)
    return text == "true" if kind == types.BOOL else text
