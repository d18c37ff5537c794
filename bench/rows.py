"""A measured number beside its limit, and the table of them."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    """None where the number only informs."""
    at_least: bool = False
    note: str = ""

    @property
    def passed(self) -> bool:
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def table(rows: list[Row]) -> str:
    """Answer the rows as a Markdown table."""
    lines = ["| what | measured | limit | | |", "|---|---:|---:|---|---|"]
    for row in rows:
        sign = "≥" if row.at_least else "≤"
        limit = "" if row.limit is None else f"{sign} {number(row.limit)} {row.unit}"
        mark = "" if row.limit is None else ("ok" if row.passed else "**missed**")
        lines.append(f"| {row.what} | {number(row.value)} {row.unit} | {limit} | {mark} | {row.note} |")
    return "\n".join(lines)


def number(value: float) -> str:
    """Answer three significant digits, thousands separated."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
