"""A statement sent to a database: `SELECT FROM product`, and its text without literals."""

from __future__ import annotations

from fanlight.normalizers.sql import lexer, shape
from fanlight.normalizers.sql import title as titles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CATEGORY = "db.sql.query"
UNKNOWN = "SQL"
"""Title of a statement whose verb is not known."""

INPUT_CHARS = 65_536
"""What is read of a statement; a cut inside a literal loses only the literal."""

TEXT_CHARS = 4_000
DIALECTS = {"sql.query.mysql": "mysql", "sql.query.sqlite": "sqlite"}
"""Dialect of the statements that an instrument announces under a name of their own."""
MEMO_ENTRIES = 2_048
MEMO_CHARS = 1_048_576


class Memo:
    """Sanitised statements by raw text: bounded in entries and characters, emptied when full."""

    def __init__(self, dialect: str = "") -> None:
        self.dialect = dialect
        self.known: dict[str, tuple[str, str]] = {}
        self.chars = 0

    def get(self, sql: str) -> tuple[str, str]:
        """Answer (title, text) of a statement."""
        known = self.known.get(sql)
        if known is None:
            known = sanitize(sql, self.dialect)
            # A statement with literals in it never comes again; emptying costs the others one look.
            if len(self.known) >= MEMO_ENTRIES or self.chars > MEMO_CHARS:
                self.known.clear()
                self.chars = 0
            self.known[sql] = known
            self.chars += len(sql) + len(known[1])
        return known


MEMOS = {name: Memo(dialect) for name, dialect in {"sql.query": "", **DIALECTS}.items()}


def normalize(name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None]:
    """Answer `db.sql.query` with a title and the sanitised text.

    Args:
        name: `sql.query`, or one of `DIALECTS`.
        payload: the statement; or (statement, error), error the exception's class name; or a dict
            with `sql` and perhaps `error`.
    """
    error: Any = None
    if isinstance(payload, dict):
        payload, error = payload.get("sql"), payload.get("error")
    elif isinstance(payload, tuple) and len(payload) == 2:
        payload, error = payload
    title, text = MEMOS[name].get(payload) if isinstance(payload, str) else (UNKNOWN, "")
    return CATEGORY, title, text, {"error": error} if isinstance(error, str) and error else None


def sanitize(sql: str, dialect: str = "") -> tuple[str, str]:
    """Answer (title, text) of a statement in a dialect as `lexer.tokens` takes it; never raises.

    A statement that begins with no verb, or that dialects read differently, has no text: what
    cannot be read for certain does not leave the process.
    """
    cut = sql[:INPUT_CHARS]
    try:
        tokens = lexer.tokens(cut, dialect)
    except lexer.Unreadable:
        return verb(cut), ""
    title = titles.title(tokens)
    if not title:
        return UNKNOWN, ""
    text = shape.text(tokens)
    return title, text if len(text) <= TEXT_CHARS else text[: TEXT_CHARS - 1] + "…"


def verb(sql: str) -> str:
    """Answer the statement's first word when it is a verb of SQL."""
    word = sql[:200].lstrip(" \t\r\n(").partition(" ")[0].strip().upper()
    return word if word in titles.VERBS else UNKNOWN
