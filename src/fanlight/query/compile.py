"""Stages to SQL: what a store runs by itself, up to the first that adds up; the rest is run over events.

A store says how it has a property, as `Column`s of one relation with a row for each selected event;
everything here is composed of those. What memory does stands in `stages/` and `functions.py`: the two
answer the same, which `tests/conformance/test_store_stages.py` holds them to.
"""

# ruff: noqa: S608 - statements hold the store's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.query.functions import PERCENTILE, Extreme, Percentile, hashable, whole
from fanlight.query.grouping import Grouping, groups_told
from fanlight.query.stages.head import Head
from fanlight.query.stages.sort import Sort
from fanlight.query.stages.stats import Stats
from fanlight.query.stages.tail import Tail
from fanlight.query.stages.timechart import Timechart
from fanlight.query.stages.top import Top
from fanlight.query.stages.uniq import Uniq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.grouping import Function, Shape
    from fanlight.query.nodes import Path
    from fanlight.query.stages import Stage

    Columns = dict[str, "Column"]
    Rows = list[tuple[Any, ...]]
    Ask = Callable[[str], Rows]

WEIGHT, TIME = "w", "start"
"""Columns that the relation has besides: what a row stands for, and its time."""


class Column(NamedTuple):
    """A property as columns of the relation.

    Attributes:
        parts: names of columns that together are the value; all NULL where there is none.
        value: answers the value of the parts.
        ranks: expressions in whose order values are sorted; not NULL where there is a value.
        whole_number: expression of the value where it is a whole number, else NULL.
        fraction: of the value where it is a number with a fraction, which may be NaN, else NULL.
        shape: type and unit of the property.
    """

    parts: tuple[str, ...]
    value: Callable[..., Any]
    ranks: tuple[str, ...]
    whole_number: str | None = None
    fraction: str | None = None
    shape: Shape = (None, None)

    @property
    def is_there(self) -> str:
        """The condition that there is a value."""
        return " OR ".join(f"{part} IS NOT NULL" for part in self.parts)


class Compiled:
    """Stages of which the store runs the first ones.

    Args:
        stages: of a query.
        columns: how the store has the properties of a stage, by path; what it does not have is not in it.
        order: columns in whose order the events are, oldest first.

    Attributes:
        pushed: what the store runs.
        rest: what is run over what the store answers.
        summing: the last of `pushed`, when it adds up.
    """

    def __init__(self, stages: tuple[Stage, ...], columns: Columns, order: tuple[str, ...]) -> None:
        self.columns = columns
        self.steps: list[Callable[[str], str]] = []
        self.order: list[tuple[str, bool]] = [(name, False) for name in order]
        self.summing: Stage | None = None
        taken = 0
        for stage in stages:
            if self.summing is not None or not self.take(stage):
                break
            taken += 1
        self.pushed = stages[:taken]
        self.rest = stages[taken:]

    def take(self, stage: Stage) -> bool:
        """Take over a stage; answer whether it can be."""
        if isinstance(stage, Head | Tail):
            ordered = self.ordering(backwards=isinstance(stage, Tail))
            limit = stage.limit
            self.steps.append(lambda rows: f"SELECT * FROM ({rows}) ORDER BY {ordered} LIMIT {limit}")
            return True
        if isinstance(stage, Sort | Uniq):
            column = self.columns.get(str(stage.path))
            if column is None:
                return False
            if isinstance(stage, Sort):
                self.sort(column, down=stage.down)
            else:
                self.uniq(column)
            return True
        if isinstance(stage, Stats | Timechart | Top) and all(
            str(path) in self.columns for path in paths_of(stage)
        ):
            self.summing = stage
            return True
        return False

    def sort(self, column: Column, *, down: bool) -> None:
        """Put a property before what the events were sorted by; those without it come last."""
        is_sorted = column.is_there
        if column.fraction is not None:
            is_sorted = f"({column.is_there}) AND NOT {nan(column.fraction)}"
        missing = f"CASE WHEN {is_sorted} THEN 0 ELSE 1 END"
        # The ones that come last are equal: what they were sorted by before decides.
        ranks = [f"CASE WHEN {is_sorted} THEN {rank} END" for rank in column.ranks]
        self.order = [(missing, False), *((rank, down) for rank in ranks), *self.order]

    def uniq(self, column: Column) -> None:
        """Leave the first event of each value."""
        parts, ordered = ", ".join(column.parts), self.ordering()
        place = f"row_number() OVER (PARTITION BY {parts} ORDER BY {ordered})"
        self.steps.append(
            lambda rows: (
                f"SELECT * EXCLUDE (place) FROM (SELECT *, {place} AS place FROM ({rows}) "
                f"WHERE {column.is_there}) WHERE place = 1"
            )
        )

    def ordering(self, *, backwards: bool = False) -> str:
        """Answer what the events are ordered by."""
        return ", ".join(f"{name} {'DESC' if down is not backwards else 'ASC'}" for name, down in self.order)

    def rows(self, relation: str) -> str:
        """Answer the statement of the rows that the stages leave before they are added up."""
        for step in self.steps:
            relation = step(relation)
        return relation

    def groups(self, relation: str, ask: Ask) -> Iterator[Event]:
        """Yield the groups that a relation adds up to."""
        stage = self.summing
        assert isinstance(stage, Stats | Timechart | Top)
        rows = self.rows(relation)
        if isinstance(stage, Top):
            summed = Sums((stage.function,), Grouping((stage.path,)), self.columns)
            return stage.largest(summed.events(rows, ask))
        functions = stage.functions if isinstance(stage, Stats) else (stage.function,)
        return Sums(functions, stage.grouping, self.columns).events(rows, ask)


def stage_paths(stages: tuple[Stage, ...]) -> list[Path]:
    """Answer the paths that the stages look up which a store may run."""
    found: list[Path] = []
    for stage in stages:
        if isinstance(stage, Sort | Uniq):
            found.append(stage.path)
        elif isinstance(stage, Stats | Timechart | Top):
            return found + paths_of(stage)
    return found


def paths_of(stage: Stats | Timechart | Top) -> list[Path]:
    """Answer the paths that a stage looks up, the time's own aside."""
    if isinstance(stage, Top):
        return [stage.path, *([stage.function.path] if stage.function.path else [])]
    functions = stage.functions if isinstance(stage, Stats) else (stage.function,)
    return [*stage.grouping.paths, *(each.path for each in functions if each.path)]


class Sums:
    """What functions say of groups.

    Args:
        functions: what is added up.
        grouping: by what.
        columns: of the relation.
        entering: is told how many rows a group has, and what their weights add up to.
    """

    def __init__(
        self,
        functions: tuple[Function, ...],
        grouping: Grouping,
        columns: Columns,
        entering: Callable[[int, float], None] | None = None,
    ) -> None:
        self.entering = entering
        self.functions = functions
        self.grouping = grouping
        self.columns = columns
        self.keys = [columns[str(path)] for path in grouping.paths]
        self.key_parts = [part for key in self.keys for part in key.parts]
        if grouping.step_ns is not None:
            self.key_parts.insert(0, f"({TIME} - {TIME} % {grouping.step_ns}::UBIGINT)")

    def key_of(self, parts: tuple[Any, ...]) -> tuple[Any, ...]:
        """Answer a group's values of the columns by which it was grouped."""
        found: list[Any] = []
        at = 0
        if self.grouping.step_ns is not None:
            found.append(None if parts[0] is None else int(parts[0]))
            at = 1
        for key in self.keys:
            mine = parts[at : at + len(key.parts)]
            found.append(None if all(part is None for part in mine) else hashable(key.value(*mine)))
            at += len(key.parts)
        return tuple(found)

    def events(self, rows: str, ask: Ask) -> Iterator[Event]:
        """Yield an event for each group, as memory does."""
        width = len(self.key_parts)
        grouped = f" GROUP BY {', '.join(map(str, range(1, width + 1)))}" if width else ""
        selected = [*self.key_parts]
        for each in self.functions:
            selected += self.partials(each)
        units = [each for each in self.functions if each.path and self.columns[str(each.path)].shape[1]]
        selected += [f"bool_or({self.columns[str(each.path)].is_there})" for each in units]
        found: dict[tuple[Any, ...], list[Any]] = {}
        counted: set[str] = set()
        for row in self.told(selected, f"({rows}){grouped}", ask):
            # Without groups there is a row of nothing; it is the answer of no events as well.
            at = width
            values = []
            for each in self.functions:
                size = len(self.partials(each))
                values.append(self.finish(each, row[at : at + size]))
                at += size
            found[self.key_of(row[:width])] = values
            counted |= {str(each) for each, is_there in zip(units, row[at:-1], strict=True) if is_there}
        for path in dict.fromkeys(str(each.path) for each in self.functions if is_percentile(each)):
            mine = [place for place, each in enumerate(self.functions) if str(each.path) == path]
            mine = [place for place in mine if is_percentile(self.functions[place])]
            for key, values in self.percentiles(
                path, [self.functions[place].name for place in mine], rows, ask
            ):
                for place, value in zip(mine, values, strict=True):
                    found[key][place] = value
        # What no event has is of no unit.
        bare = {str(each) for each in units} - counted
        shapes = {
            str(each): self.columns[str(each.path)].shape
            for each in self.functions
            if each.path and str(each) not in bare
        }
        return groups_told(found, self.functions, self.grouping, shapes)

    def told(self, columns: list[str], source: str, ask: Ask) -> Iterator[tuple[Any, ...]]:
        """Yield the groups of a source, last how many rows they have, which is entered in passing."""
        asked = ", ".join([*columns, f"coalesce(sum({WEIGHT}), 0)", "count(*)"])
        for *row, weight, count in ask(f"SELECT {asked} FROM {source}"):
            if self.entering is not None:
                self.entering(count, weight)
            yield (*row, count)

    def partials(self, each: Function) -> list[str]:
        """Answer the expressions from which a function's answer is put together."""
        if each.path is None:
            return [f"sum({WEIGHT})"]
        column = self.columns[str(each.path)]
        if each.name == "count":
            return [f"sum({WEIGHT}) FILTER (WHERE {column.is_there})"]
        if each.name == "distinct":
            packed = ", ".join(f"p{place} := {part}" for place, part in enumerate(column.parts))
            return [f"count(DISTINCT struct_pack({packed})) FILTER (WHERE {column.is_there})"]
        if is_percentile(each):
            return []
        whole_number, fraction = column.whole_number or "NULL::BIGINT", column.fraction or "NULL::DOUBLE"
        real = f"CASE WHEN {nan(fraction)} THEN NULL ELSE {fraction} END"
        if each.name in ("min", "max"):
            return [f"{each.name}({whole_number})", f"{each.name}({real})"]
        number = f"coalesce({whole_number}::DOUBLE, {real})"
        return [
            f"sum({whole_number}) FILTER (WHERE {WEIGHT} = 1)",
            f"sum({number} * {WEIGHT}) FILTER (WHERE {WEIGHT} <> 1 OR ({whole_number}) IS NULL)",
            f"sum({WEIGHT}) FILTER (WHERE {number} IS NOT NULL)",
        ]

    def finish(self, each: Function, parts: tuple[Any, ...]) -> Any:
        """Answer what a function says, from its parts."""
        if each.name == "count":
            return whole(parts[0] or 0)
        if each.name == "distinct":
            return parts[0]
        if each.name in ("min", "max"):
            extreme = Extreme(min if each.name == "min" else max)
            for part in parts:
                extreme.add(part, 1)
            return extreme.answer()
        if not parts:
            return None
        exact, rest, weight = parts
        if not weight:
            return None
        total = (0 if exact is None else int(exact)) + (0 if rest is None else rest)
        return total / weight if each.name == "avg" else total

    def percentiles(
        self, path: str, names: list[str], rows: str, ask: Ask
    ) -> Iterator[tuple[tuple[Any, ...], list[Any]]]:
        """Yield each group's percentiles: the smallest numbers that enough of the weight does not exceed.

        The numbers of a group are sorted once for all of them.
        """
        column = self.columns[path]
        width = len(self.key_parts)
        keys = "".join(f"{part} AS k{place}, " for place, part in enumerate(self.key_parts))
        group = ", ".join(f"k{place}" for place in range(width))
        if column.fraction is None and column.whole_number is not None:
            over = f"PARTITION BY {group} " if width else ""
            source = f"SELECT {keys}{column.whole_number} AS v, {WEIGHT} FROM ({rows}) WHERE v IS NOT NULL"
            reached = (
                f"SELECT *, sum({WEIGHT}) OVER ({over}ORDER BY v) AS reached, "
                f"sum({WEIGHT}) OVER ({over.strip()}) AS total FROM ({source})"
            )
            least = [
                f"min(v) FILTER (WHERE reached >= CAST('{share_of(name)!r}' AS DOUBLE) * total)"
                for name in names
            ]
            chosen = ", ".join([group, *least] if width else least)
            for row in ask(f"SELECT {chosen} FROM ({reached}){f' GROUP BY {group}' if width else ''}"):
                yield self.key_of(row[:width]), list(row[width:])
            return
        made: dict[tuple[Any, ...], list[Any]] = {}
        numbers = [part or "NULL" for part in (column.whole_number, column.fraction)]
        grouped = ", ".join(map(str, range(1, width + 3)))
        for row in ask(f"SELECT {keys}{', '.join(numbers)}, sum({WEIGHT}) FROM ({rows}) GROUP BY {grouped}"):
            value = row[width] if row[width] is not None else row[width + 1]
            for added in made.setdefault(row[:width], [Percentile(share_of(name)) for name in names]):
                added.add(value, row[-1])
        for parts, some in made.items():
            yield self.key_of(parts), [added.answer() for added in some]


def is_percentile(each: Function) -> bool:
    """Tell whether a function is a percentile."""
    return PERCENTILE.fullmatch(each.name) is not None


def share_of(name: str) -> float:
    """Answer the share of the weight that a percentile is of."""
    found = PERCENTILE.fullmatch(name)
    assert found
    return float(found[1]) / 100


def nan(expression: str) -> str:
    """Answer the condition that a number is none; of NULL it is false."""
    return f"coalesce(isnan({expression}), false)"
