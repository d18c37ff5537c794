"""`fanlight formats`: which formats of logs are known."""

from __future__ import annotations

from fanlight import parsers
from fanlight.cli import options, table


@options.command("formats")
def command() -> None:
    """List the formats of logs that are known.

    \b
      fanlight formats
      fanlight query error --as combined access.log

    A format string of Apache, nginx or Undertow in place of a name is a format too.
    """  # noqa: D301 - click's mark for lines that stay as they are
    rows = [[name, parsers.described(name)["title"]] for name in parsers.names()]
    table.show((("name", "left"), ("what it is", "left")), rows)
