"""Secrets: which names have one as value, and how a message loses those in it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

REDACTED = "<redacted>"

SECRETS = (
    *("password", "passwd", "passphrase", "pwd", "secret", "token", "authorization", "cookie", "apikey"),
    *("accesskey", "privatekey", "sessionid", "sessionkey", "csrf", "xsrf", "credential", "jwt", "bearer"),
    *("signature", "cardnumber", "cvv"),
)
"""Parts of names, in lower case and without separators."""

WORDS = r"pass(?:wor)?d|passphrase|pwd|secret|token|authorization|cookie|credential|jwt|signature|cvv"
COMPOUND = r"(?:api|access|private|session)[-_ ]?(?:key|id)|[cx]srf|card[-_]?number"

QUOTING = (
    r"duplicate entry |(?:incorrect|invalid) [\w ]{1,40}(?:value|string): |the value of |to use near "
    r"|xpath syntax error: |invalid input (?:syntax|value) for [\w ]{1,80}: |malformed \w{1,20} literal: "
    r"|out of range: |quoted \w{1,20} at or near |\bvalue (?=\".*\" is out of range)"
    r"|args beginning with: |dup key: "
)
"""What MySQL, PostgreSQL, SQLite, Redis and MongoDB say before data of a row or a piece of the statement."""

STATEMENTS = {
    "select": (r"\bselect\b", r"\bfrom\b"),
    "update": (r"\bupdate\b", r"\bset\b"),
    "insert": (r"\binsert\s+into\b", ""),
    "delete": (r"\bdelete\s+from\b", ""),
}
"""How a statement begins, by its verb, and what stands further on when it is one.

Where nothing ends what the first word begins, nothing ends it behind a later one either: those are not tried.
"""


def secret(name: str) -> bool:
    """Answer whether a property of this name has a secret as its value: `X-Api-Key`, `db_password`."""
    bare = name.lower().replace("-", "").replace("_", "").replace(" ", "").replace(".", "")
    return any(part in bare for part in SECRETS)


class Scrubber:
    """Takes secrets and data out of an exception's message.

    Its patterns are compiled when the first message comes: most processes never send one.
    """

    __slots__ = ("literal", "pair", "path", "query", "quoted", "scheme", "statements", "ticket", "url")

    def __init__(self) -> None:
        import re

        # A full stop or a colon behind an address belongs to the sentence, and so does one bracket of a pair.
        # Tornado, for one, warns of `404 GET /what/was/asked (127.0.0.1)`.
        self.path: re.Pattern[str] = re.compile(
            r"(?i)\b((?:(?:https?|wss?)://[^\s/\"'<>()]+|\burl: |"
            r"(?-i:(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) ))/)"
            # A quote or a bracket that something goes on behind is one of the address.
            r"(?:[^\s\"'<>()?]|\([^\s()]*\)|(?!\([^\s()]*\))['()](?=[\w/%]))*"
            r"(?:[^\s\"'<>()?.,:;!]|\([^\s()]*\))"
        )
        self.pair: re.Pattern[str] = re.compile(
            # What stands before the word is kept anyway; bounds keep the time in proportion.
            rf"(?i)((?:{WORDS}|{COMPOUND})[\w.-]{{0,40}}[\"']?\s{{0,8}}(?:[:=]|\bis\b)\s{{0,8}})"
            r"((?:(?:bearer|basic|digest)\s+)?(?:\"[^\"]*\"?|'[^']*'?|[^\s,;&)\]}]+))"
        )
        self.scheme: re.Pattern[str] = re.compile(r"(?i)\b((?:bearer|basic)\s+)[\w.~+/=-]{6,}")
        # A JSON web token begins with the base64 of `{"`, whatever word stands before it.
        self.ticket: re.Pattern[str] = re.compile(r"\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*){0,3}")
        self.url: re.Pattern[str] = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(@)")
        # Behind a path any word is one, elsewhere it may be the next sentence's.
        self.query: re.Pattern[str] = re.compile(
            r"(?:(?<=[/>])\?(?=[\w%])|(?<=[^\s?])\?[\w.\[\]%-]{1,80}=)(?:[^\s\"'<>()]|'(?=[\w%]))*"
        )
        # The data may have quotes of its own, and no end where the line was cut: then the rest goes.
        self.quoted: re.Pattern[str] = re.compile(
            rf"(?i)({QUOTING})['\"{{](?:.*['\"](?= (?:for (?:key|column)|at line|is out of range)\b)|.*)"
            r"|\b(query argument \$\d{1,5}: )(?:.*(?= \()|.*)"
        )
        self.statements = {
            verb: tuple(re.compile(f"(?i){each}") for each in both) for verb, both in STATEMENTS.items()
        }
        self.literal: re.Pattern[str] = re.compile(
            r"'(?:[^'\\]|''|\\.)*'?|\"(?:[^\"\\]|\\.)*\"?|\b\d[\d.]*\b"
        )

    def scrub(self, message: str, limit: int) -> str:
        """Answer a message's first line without secrets, cut at `limit` characters.

        Later lines are where database drivers put the statement and its parameters.
        """
        line = message.lstrip().partition("\n")[0][: limit * 2]
        line = self.path.sub(r"\1<path>", line)
        line = self.pair.sub(rf"\1{REDACTED}", line)
        line = self.scheme.sub(rf"\1{REDACTED}", line)
        line = self.ticket.sub(REDACTED, line)
        line = self.url.sub(rf"\1{REDACTED}\2", line)
        line = self.query.sub("?<query>", line)
        line = self.quoted.sub(r"\1\2?", line)
        begin = self.statement(line)
        if begin < len(line):
            line = line[:begin] + self.literal.sub("?", line[begin:])
        return line if len(line) <= limit else line[:limit] + "…"

    def statement(self, line: str) -> int:
        """Answer where the first statement in a line begins, the line's length when there is none."""
        folded = line.casefold()
        places = {verb: folded.find(verb) for verb in self.statements}
        begin = len(line)
        if max(places.values()) < 0:
            return begin
        # Fast path: characters other than ASCII may be equal to others, and fold to more of them.
        is_plain = line.isascii()
        for verb, (begins, goes_on) in self.statements.items():
            if is_plain and places[verb] < 0:
                continue
            found = begins.search(line, places[verb] if is_plain else 0, begin)
            if found and goes_on.search(line, found.end() + 1):
                begin = found.start()
        return begin
