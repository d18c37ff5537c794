"""What a request's and a response's words become: a bounded set of methods and formats."""

from __future__ import annotations

UNMATCHED = "<unmatched>"
"""Endpoint of a request that no route took; an unmatched URL never becomes a name."""

OTHER_METHOD = "OTHER"
TITLES = {
    **{name: name for name in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")},
    "QUERY": "QUERY",
    # A HEAD stands under the route, and in the tree, of its GET.
    "HEAD": "GET",
}
"""Method as a client wrote it to how it counts; any other word counts as `OTHER`."""

COMMON = frozenset(
    {
        *("", "html", "json", "text", "xml", "csv", "js", "css", "octet-stream", "event-stream", "pdf"),
        *("zip", "png", "jpg", "gif", "svg", "webp", "form-data", "ndjson", "protobuf", "msgpack", "other"),
    }
)
"""Formats that always keep their name."""

UNCOMMON_MAX = 64
"""Other formats that do; all further ones count as `other`."""
SHORT = {"plain": "text", "javascript": "js", "x-javascript": "js", "jpeg": "jpg", "svg+xml": "svg"}


class Formats(dict["str | bytes", str]):
    """Short names of response formats by Content-Type; an application can't make up ever new ones."""

    def __init__(self) -> None:
        self.uncommon: set[str] = set()

    def __missing__(self, content_type: str | bytes) -> str:
        text = content_type.decode("latin-1") if isinstance(content_type, bytes) else content_type
        name = short(text)
        if name not in COMMON and name not in self.uncommon:
            if len(self.uncommon) < UNCOMMON_MAX:
                self.uncommon.add(name)
            else:
                name = "other"
        if len(self) < 1000:
            self[content_type] = name
        return name


FORMATS = Formats()


class Statuses(dict[str, int]):
    """Numbers of WSGI status lines such as `404 Not Found`, read once each."""

    def __missing__(self, line: str) -> int:
        status = int(line[:3])
        if len(self) < 1000:
            self[line] = status
        return status


STATUSES = Statuses()


def short(content_type: str) -> str:
    """Answer `json` for `application/vnd.api+json; charset=utf-8`, and "" for what is no type."""
    kind, slash, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    if (
        not slash
        or not subtype.isascii()
        or not subtype.replace("+", "").replace("-", "").replace(".", "").isalnum()
    ):
        return ""
    if kind == "text" and subtype == "javascript":
        return "js"
    name = SHORT.get(subtype)
    if name is None:
        name = subtype.rpartition("+")[2].removeprefix("x-")
    return name[:32]
