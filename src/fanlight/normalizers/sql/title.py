"""A statement's title: its verb, and the first table that it names."""

from __future__ import annotations

from fanlight.normalizers.sql.lexer import HOLE, NAME, WORD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.normalizers.sql.lexer import Token

PREPOSITION = {"SELECT": "FROM", "INSERT": "INTO", "REPLACE": "INTO", "DELETE": "FROM", "MERGE": "INTO"}
"""Verbs that have a word between them and their table."""

NAMED_AT_ONCE = frozenset({"UPDATE", "CALL", "EXEC", "EXECUTE", "PRAGMA", "TRUNCATE", "COPY"})
OBJECTS = frozenset({"TABLE", "INDEX", "VIEW", "SCHEMA", "DATABASE", "TRIGGER", "FUNCTION", "SEQUENCE"})
DEFINING = frozenset({"CREATE", "ALTER", "DROP"})
BARE = frozenset(
    {
        *("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "ABORT", "SET", "RESET"),
        *("SHOW", "EXPLAIN", "ANALYZE", "ANALYSE", "VACUUM", "LOCK", "UNLOCK", "GRANT", "REVOKE", "USE"),
        *("VALUES", "WITH", "DECLARE", "FETCH", "CLOSE", "DEALLOCATE", "PREPARE", "DISCARD", "LISTEN"),
        *("NOTIFY", "UNLISTEN", "ATTACH", "DETACH", "REINDEX", "CHECKPOINT", "DESCRIBE", "DESC", "OPTIMIZE"),
        *("COMMENT", "REFRESH", "CLUSTER", "DO", "IMPORT", "EXPORT", "INSTALL", "LOAD", "KILL", "RENAME"),
    }
)
VERBS = frozenset(PREPOSITION) | NAMED_AT_ONCE | DEFINING | BARE
MAIN = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "VALUES"})
"""Verbs that a WITH can lead to."""

PASSED = frozenset(
    {
        *("ONLY", "LATERAL", "IGNORE", "LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "INTO", "TABLE"),
        *("OVERWRITE", "IF", "NOT", "EXISTS", "CONCURRENTLY", "FROM", "TOP"),
    }
)
ALTERNATIVES = frozenset({"REPLACE", "ROLLBACK", "ABORT", "FAIL", "IGNORE"})
SELECTS_ENTERED = 16
TITLE_CHARS = 120


def title(tokens: list[Token]) -> str:
    """Answer `SELECT FROM product`, the verb alone, or "" when the text begins with no verb."""
    start = 0
    while start < len(tokens) and tokens[start].text == "(":
        start += 1
    if start == len(tokens) or tokens[start].kind != WORD or tokens[start].upper not in VERBS:
        return ""
    start = main_verb(tokens, start)
    verb = tokens[start].upper
    if verb in ("ANALYSE", "EXEC", "DESC"):
        verb = {"ANALYSE": "ANALYZE", "EXEC": "EXECUTE", "DESC": "DESCRIBE"}[verb]
    if verb in DEFINING:
        return defined(tokens, start, verb)
    if verb == "SELECT":
        place = source(tokens, start + 1)
        if place < 0:
            place = asked_inside(tokens, start + 1)
    elif verb == "DELETE":
        place = deleted(tokens, start + 1)
    elif verb in PREPOSITION or verb in NAMED_AT_ONCE:
        place = passed(tokens, start + 1)
    else:
        return verb
    name = table(tokens, place)
    words = (verb, PREPOSITION.get(verb, ""), name) if name else (verb,)
    return " ".join(word for word in words if word)[:TITLE_CHARS]


def main_verb(tokens: list[Token], start: int) -> int:
    """Answer where the verb stands that a WITH leads to, `start` itself otherwise."""
    if tokens[start].upper != "WITH":
        return start
    depth = 0
    for at in range(start + 1, len(tokens)):
        text = tokens[at].text
        depth += (text == "(") - (text == ")")
        if depth == 0 and tokens[at].kind == WORD and tokens[at].upper in MAIN:
            return at
    return start


def source(tokens: list[Token], start: int) -> int:
    """Answer where the first table of a SELECT's FROM stands, inner selects entered; -1 for none."""
    depth = 0
    entered = 0
    at = start
    while at < len(tokens):
        token = tokens[at]
        depth += (token.text == "(") - (token.text == ")")
        if depth < 0 or token.text == ";":
            return -1
        # `extract(year FROM t)` stands deeper; `IS DISTINCT FROM` compares.
        if depth == 0 and token.upper == "FROM" and tokens[at - 1].upper != "DISTINCT":
            at += 1
            while at < len(tokens) and (tokens[at].text == "(" or tokens[at].upper in PASSED):
                at += 1
            if at < len(tokens) and tokens[at].upper in ("SELECT", "WITH") and entered < SELECTS_ENTERED:
                at = main_verb(tokens, at)
                entered += 1
                depth = 0
            else:
                return -1 if at < len(tokens) and tokens[at].upper == "VALUES" else at
        at += 1
    return -1


def asked_inside(tokens: list[Token], start: int) -> int:
    """Answer where the first table of `SELECT EXISTS (SELECT … FROM product)` stands; -1 for none."""
    entered = 0
    for at in range(start, len(tokens)):
        if tokens[at].text == ";":
            break
        if tokens[at].kind == WORD and tokens[at].upper == "SELECT" and entered < SELECTS_ENTERED:
            entered += 1
            place = source(tokens, at + 1)
            if place >= 0:
                return place
    return -1


def deleted(tokens: list[Token], start: int) -> int:
    """Answer where a DELETE's table stands, also in `DELETE a FROM a JOIN b`."""
    for at in range(start, min(len(tokens), start + 8)):
        if tokens[at].upper == "FROM":
            return passed(tokens, at + 1)
    return passed(tokens, start)


def passed(tokens: list[Token], start: int) -> int:
    """Answer where the table stands after a verb, past `OR REPLACE`, `TOP (?)` and the like."""
    at = start
    while at < len(tokens):
        upper = tokens[at].upper
        if upper == "OR" and at + 1 < len(tokens) and tokens[at + 1].upper in ALTERNATIVES:
            at += 2
        elif upper in PASSED or (tokens[at - 1].upper == "TOP" and tokens[at].kind == HOLE):
            at += 1
        elif upper == "(" and tokens[at - 1].upper == "TOP":
            at += 3
        else:
            break
    return at


def defined(tokens: list[Token], start: int, verb: str) -> str:
    """Answer the title of CREATE, ALTER and DROP: verb, kind of object, and a table's or view's name."""
    for at in range(start + 1, min(len(tokens), start + 6)):
        kind = tokens[at].upper
        if kind in OBJECTS and tokens[at].kind == WORD:
            name = table(tokens, passed(tokens, at + 1)) if kind in ("TABLE", "VIEW", "INDEX") else ""
            return f"{verb} {kind} {name}".rstrip()[:TITLE_CHARS]
    return verb


def table(tokens: list[Token], at: int) -> str:
    """Answer the name at `at`, its schema with it, without quotes; "" when no name stands there."""
    parts: list[str] = []
    while 0 <= at < len(tokens):
        token = tokens[at]
        if token.kind not in (WORD, NAME):
            break
        parts.append(token.text if token.kind == WORD else bare(token.text))
        if at + 1 >= len(tokens) or tokens[at + 1].text != ".":
            break
        at += 2
    return ".".join(parts)


def bare(quoted: str) -> str:
    """Answer a quoted name without its quotes."""
    return quoted[1:-1].replace(quoted[-1] * 2, quoted[-1])
