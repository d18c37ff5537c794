r"""SQL text to tokens in which no literal is left: each stands as `?`.

One regular expression steers, strings and comments are walked by hand; every step moves on, so the
time is linear in the text. Dialects disagree on where some strings end (`\'`, `#`, nested comments);
where their readings differ and the text does not settle it, the answer is `Unreadable`.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Match
    from typing import NoReturn

WORD = 0
NAME = 1  # a quoted identifier
HOLE = 2  # where a literal or a placeholder stood
PUNCTUATION = 3

STEER = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<line>--|\#)
    | (?P<block>/\*)
    | (?P<string>(?:[EeNnBbXxRr]|[Uu]&)?'|[Nn]?[Qq]'(?=\S))
    | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
    | (?P<hole>\$\d+|\?\d*|%s\b|%\(\w+\)s|(?<![\w\])]):\w+|@p\d+\b)
    | (?P<number>\d(?:[\w.]|(?<=[eE])[+-](?=\d))*|(?<![\w\])"`.])\.\d(?:\w|(?<=[eE])[+-](?=\d))*)
    | (?P<word>@{0,2}[^\W\d][\w$]*)
    | (?P<double>")
    | (?P<tick>`(?:[^`]|``)*+`)
    | (?P<bracket>\[[^\W\d][\w\ $.-]{0,127}\])
    | (?P<cast>::)
    | (?P<operator><=>|<>|!=|<=|>=|:=|\|\||->>|->|=)
    """,
    re.VERBOSE,
)
PLAIN = {"'": re.compile(r"(?:[^']+|'')*+'"), '"': re.compile(r'(?:[^"]+|"")*+"')}
ESCAPED = {
    "'": re.compile(r"(?:[^'\\]+|''|\\.)*+'", re.DOTALL),
    '"': re.compile(r'(?:[^"\\]+|""|\\.)*+"', re.DOTALL),
}
FENCE = re.compile(r"/\*|\*/")
TEMPORARY = re.compile(r"#?[^\W\d]\w*")
NAME_LIKE = re.compile(r"[^\W\d][\w$]{0,63}")
EQUALS = re.compile(r"\s*=(?!=)")
ALONE = re.compile(r"(?i)\s*(?:[,;)]|\Z|(?:ASC|DESC|COLLATE|NULLS|LIMIT|HAVING|ORDER)\b)")
"""What follows a column that is ordered by or listed; an operator would follow a value as well."""
CLOSING = {"[": "]", "(": ")", "{": "}", "<": ">"}

BEFORE_A_TABLE = frozenset({"FROM", "JOIN", "INTO", "UPDATE", "TABLE", "ONLY", "TRUNCATE"})
BEFORE_A_NAME = BEFORE_A_TABLE | {"AS", "INDEX", "VIEW", "SCHEMA", "COLUMN", "CONSTRAINT", "COLLATE", "."}
BEFORE_A_VALUE = frozenset(
    {
        *("=", "<>", "!=", "<", ">", "<=", ">=", "<=>", ":=", "||", "+", "-", "*", "/", "%", "~"),
        *("LIKE", "ILIKE", "RLIKE", "REGEXP", "GLOB", "MATCH", "BETWEEN", "ESCAPE", "THEN", "ELSE"),
        *("DEFAULT", "SEPARATOR", "PASSWORD", "INTERVAL", "DATE", "TIME", "TIMESTAMP"),
        *("COMMENT", "DUMPFILE", "INFILE", "OUTFILE"),
    }
)
AROUND_NAMES = frozenset(
    {
        *(
            "COUNT",
            "SUM",
            "AVG",
            "MIN",
            "MAX",
            "DISTINCT",
            "OVER",
            "BY",
            "ON",
            "USING",
            "KEY",
            "WHERE",
            "AND",
        ),
        *("OR", "NOT", "SELECT", "FROM", "JOIN", "HAVING", "WHEN", "CASE", "EXISTS", "UNION", "EXCEPT"),
        *("INTERSECT", "RETURNING", "SET", "AS", "FILTER", "UNIQUE", "REFERENCES", "CHECK", "INDEX"),
    }
)
"""Words after which a parenthesis holds names rather than the arguments of a function."""

BEHIND_A_VALUE = frozenset(
    {
        *("AND", "OR", "AS", "FROM", "WHERE", "THEN", "ELSE", "END", "WHEN", "IN", "IS", "LIKE", "BETWEEN"),
        *("NOT", "UNION", "ORDER", "GROUP", "LIMIT", "COLLATE", "ESCAPE", "ON", "RETURNING", "XOR", "INTO"),
    }
)
"""Words that may stand right behind a literal, without a space: `'a'AND`."""

QUOTE_IN_BRACKETS = re.compile(r"\[[^\W\d][^\[\]]{0,127}['\"][^\[\]]{0,127}\]")
CLAUSES = frozenset({"SET", "FROM", "WHERE", "SELECT", "ORDER", "RETURNING"})
BEFORE_A_LISTED_TABLE = frozenset({"INTO", "TABLE", "EXISTS", "ON"})
IDENTIFIER_CHARS = 128
"""Longest identifier of any dialect; a longer word is data."""


class Unreadable(ValueError):  # noqa: N818 it is an answer about a text, not a fault of ours
    """The dialects read this text differently, and it does not say which one it is."""


class Token:
    """A piece of a statement.

    Args:
        text: as it is to be shown; a literal's is `?`.
        kind: WORD, NAME, HOLE or PUNCTUATION.
        space: whether white space or a comment stood before it.
    """

    __slots__ = ("kind", "space", "text", "upper")

    def __init__(self, text: str, kind: int, space: bool) -> None:
        self.text = text
        self.kind = kind
        self.space = space
        self.upper = text.upper() if kind == WORD else text


def tokens(text: str, dialect: str = "") -> list[Token]:
    """Answer the tokens of a statement, its literals as holes.

    Args:
        text: of the statement.
        dialect: `mysql`, where double quotes stand around strings; `sqlite`, which takes a name in them for
            a string where it knows none of that name; or "", where they stand around names.

    Raises:
        Unreadable: the dialects disagree on where its strings or comments end.
    """
    plain = Reading(text, PLAIN, dialect)
    if "\\'" not in text and '\\"' not in text:
        if plain.glued:
            unreadable("a word is glued to a string")
        return plain.tokens
    # In one dialect a backslash lets a quote pass, in the other it is a character like any.
    escaped = Reading(text, ESCAPED, dialect)
    flaws = [each.glued or each.unfinished for each in (plain, escaped)]
    if flaws[0] != flaws[1]:
        return plain.tokens if flaws[1] else escaped.tokens
    if flaws[0] or [each.text for each in plain.tokens] != [each.text for each in escaped.tokens]:
        raise Unreadable("a backslash before a quote reads two ways")
    return plain.tokens


class Reading:
    """One way to read a statement: `strings` says where quoted text ends.

    `unfinished` tells of a string or comment without an end; `glued` of a word that stands right behind a
    string, or of a backslash in the open: hardly meant that way.
    """

    def __init__(self, text: str, strings: dict[str, re.Pattern[str]], dialect: str) -> None:
        self.text = text
        self.strings = strings
        self.dialect = dialect
        self.tokens: list[Token] = []
        self.glued = False
        self.unfinished = False
        self.has_ticks = "`" in text
        self.first = ""  # the first word, in capitals
        self.previous = ""  # the last token, in capitals
        self.openers: list[str] = []  # the word before each open parenthesis
        self.rows_depth = -1  # depth at which the rows of VALUES stand
        self.between = False
        self.identified = False
        self.selects = False
        self.clause = ""  # the word that began the part of the statement, outside parentheses
        self.listed = ""  # the word before the table whose columns the outer parenthesis lists
        self.space = False
        position = 0
        while position < len(text):
            position = self.step(position)

    def step(self, position: int) -> int:
        """Read one token at `position`; answer where the next begins."""
        match = STEER.match(self.text, position)
        if match is None:
            self.punctuation(position)
            return position + 1
        kind = match.lastgroup or ""
        if kind == "space":
            self.space = True
        elif kind == "word":
            self.word(match[0])
        elif kind in ("number", "hole"):
            self.push("?", HOLE)
        elif kind == "tick":
            self.push(match[0], NAME)
        elif kind in ("cast", "operator"):
            self.push(match[0], PUNCTUATION)
        else:
            end: int = getattr(self, kind)(match)
            return end
        return match.end()

    def push(self, text: str, kind: int) -> None:
        """Append a token."""
        token = Token(text, kind, self.space)
        self.tokens.append(token)
        self.previous = token.upper
        self.space = False

    def closes_operand(self) -> bool:
        """Answer whether a bracket glued to the last token is a subscript."""
        return bool(self.tokens) and (self.tokens[-1].kind != PUNCTUATION or self.previous in (")", "]"))

    def word(self, text: str) -> None:
        """Read a keyword or an identifier."""
        upper = text.upper()
        if self.tokens and self.tokens[-1].kind == HOLE and not self.space and upper not in BEHIND_A_VALUE:
            self.glued = True
        self.first = self.first or upper
        if upper == "VALUES":
            self.rows_depth = len(self.openers)
        elif self.rows_depth == len(self.openers) and upper != "ROW":
            self.rows_depth = -1
        self.identified |= upper == "IDENTIFIED"
        self.selects |= upper == "SELECT"
        if upper in CLAUSES and not self.openers:
            self.clause = upper
        if upper == "BETWEEN":
            self.between = True
        kept = len(text) <= IDENTIFIER_CHARS and self.previous != "IDENTIFIED BY"
        self.push(text if kept else "?", WORD if kept else HOLE)
        if upper == "AND" and self.between:
            # What stands behind it is the other bound.
            self.between, self.previous = False, "BETWEEN"
        if upper == "BY" and len(self.tokens) > 1 and self.tokens[-2].upper == "IDENTIFIED":
            self.previous = "IDENTIFIED BY"

    def punctuation(self, position: int) -> None:
        """Read one character that is nothing else."""
        text = self.text[position]
        if text == "(":
            if not self.openers:
                self.listed = self.before_columns()
            self.openers.append(self.previous if self.rows_depth != len(self.openers) else "VALUES")
        elif text == ")":
            if self.rows_depth == len(self.openers):
                self.rows_depth = -1
            if self.openers:
                self.openers.pop()
        elif text == "\\":
            self.glued = True
        elif text == "[" and QUOTE_IN_BRACKETS.match(self.text, position) and not self.closes_operand():
            unreadable("a quote inside brackets belongs to a name or to an array")
        self.push(text, PUNCTUATION)

    def bracket(self, match: Match[str]) -> int:
        """Read what stands in brackets: a name, unless it is a subscript or an array."""
        if self.previous == "ARRAY" or (not self.space and self.closes_operand()):
            self.punctuation(match.start())
            return match.start() + 1
        self.push(match[0], NAME)
        return match.end()

    def dollar(self, match: Match[str]) -> int:
        """Read a string between `$tag$` and `$tag$`."""
        end = self.text.find(match[0], match.end())
        self.push("?", HOLE)
        self.unfinished |= end < 0
        return end + len(match[0]) if end >= 0 else len(self.text)

    def line(self, match: Match[str]) -> int:
        """Skip a comment to the end of its line; `#` may be an operator or a temporary table."""
        text, start = self.text, match.end()
        if match[0] == "#":
            if text.startswith((">", "-"), start) and not text.startswith("--", start):
                self.push("#", PUNCTUATION)
                return start
            name = TEMPORARY.match(text, start) if self.previous in BEFORE_A_TABLE else None
            if name:
                self.push("#" + name[0], WORD)
                return name.end()
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        certain = match[0] == "--" and (start >= len(text) or text[start] in " \t\r\n-")
        if not certain and has_quote(text, start, end):
            unreadable("what begins like a comment may be an operator")
        self.space = True
        return end

    def block(self, match: Match[str]) -> int:
        """Skip a block comment, nested ones with it."""
        depth, first_end = 0, 0
        for fence in FENCE.finditer(self.text, match.start()):
            if fence[0] == "/*":
                depth += 1
                continue
            depth -= 1
            first_end = first_end or fence.end()
            if depth == 0:
                if first_end != fence.end() and has_quote(self.text, first_end, fence.end()):
                    unreadable("a nested comment ends in two places")
                self.space = True
                return fence.end()
        self.unfinished = True
        return len(self.text)

    def string(self, match: Match[str]) -> int:
        """Read a string literal; one without an end takes the rest of the text."""
        text, start = self.text, match.end()
        if match[0][-2:-1] in ("q", "Q"):
            close = CLOSING.get(text[start], text[start]) + "'"
            found = text.find(close, start + 1)
            end = found + len(close) if found >= 0 else -1
        else:
            strings = ESCAPED if match[0][0] in "eE" else self.strings
            closed = strings["'"].match(text, start)
            end = closed.end() if closed else -1
        self.unfinished |= end < 0
        self.push("?", HOLE)
        return len(text) if end < 0 else end

    def double(self, match: Match[str]) -> int:
        """Read what stands in double quotes: a name, or in some dialects a string."""
        start = match.start()
        closed = self.strings['"'].match(self.text, start + 1)
        if closed is None:
            self.unfinished = True
            self.push("?", HOLE)
            return len(self.text)
        end = closed.end()
        # With ANSI_QUOTES these are names, which is then all that is lost.
        is_name = self.dialect != "mysql" and self.is_name(self.text[start + 1 : end - 1], end)
        self.push(self.text[start:end] if is_name else "?", NAME if is_name else HOLE)
        return end

    def is_name(self, inside: str, end: int) -> bool:
        """Answer whether double quotes, which end at `end`, stand around a name; in doubt a literal."""
        if self.text.startswith(".", end) or (self.previous in BEFORE_A_NAME and not self.is_text()):
            return len(inside) <= IDENTIFIER_CHARS
        # A dialect with back-ticks for names has double quotes for strings, and so has the one that says
        # IDENTIFIED, behind which a password may stand in many places, or `_utf8mb4`.
        if self.has_ticks or self.identified or self.previous in BEFORE_A_VALUE:
            return False
        if self.previous.startswith("_") and not self.space:
            return False
        opener = self.openers[-1] if self.openers else ""
        if opener in ("IN", "VALUES", "ANY", "ALL", "ARRAY"):
            return False
        is_call = bool(NAME_LIKE.fullmatch(opener)) and opener not in AROUND_NAMES
        if is_call and not self.lists_columns():
            return False
        is_certain = self.dialect != "sqlite" or self.is_column(end)
        return is_certain and NAME_LIKE.fullmatch(inside) is not None

    def is_text(self) -> bool:
        """Answer whether `IS DISTINCT FROM` or `VACUUM INTO` stands before this, where it may be a string."""
        before = [each.upper for each in self.tokens[-2:]]
        return self.dialect == "sqlite" and (before == ["DISTINCT", "FROM"] or self.first == "VACUUM")

    def is_column(self, end: int) -> bool:
        """Answer whether what ends at `end` stands where only a column may: set, ordered by, in a list."""
        if self.openers:
            if not self.listed or len(self.openers) > 1 or self.previous not in ("(", ","):
                return False
            # Behind a column of a table that is made its type stands; an index may be of a value.
            return self.listed in ("TABLE", "EXISTS") or ALONE.match(self.text, end) is not None
        if self.previous == "EXISTS":
            # `IF EXISTS`: the other one has a parenthesis behind it.
            return True
        if self.previous == "BY":
            return ALONE.match(self.text, end) is not None
        is_set = self.clause == "SET" and self.previous in ("SET", ",")
        return is_set and EQUALS.match(self.text, end) is not None

    def before_columns(self) -> str:
        """Answer the word before the table that a list of columns follows here; "" when none does."""
        if self.first not in ("INSERT", "REPLACE", "CREATE") or self.selects:
            return ""
        if self.previous == "CONFLICT":
            return self.previous
        at = len(self.tokens) - 2
        while at > 0 and self.tokens[at].text == ".":
            at -= 2
        word = self.tokens[at].upper if at >= 0 else ""
        return word if word in BEFORE_A_LISTED_TABLE else ""

    def lists_columns(self) -> bool:
        """Answer whether the open parenthesis is `INSERT INTO t (`, or opens a table or an index."""
        return self.first in ("INSERT", "REPLACE", "CREATE", "ALTER", "COPY", "MERGE") and self.rows_depth < 0


def has_quote(text: str, start: int, end: int) -> bool:
    """Answer whether a string could begin or end in a part of the text."""
    return any(text.find(quote, start, end) >= 0 for quote in ("'", '"', "$"))


def unreadable(why: str) -> NoReturn:
    """Give the text up."""
    raise Unreadable(why)
