"""Names to parts: a room's own table first, entry points only for names that it lacks."""

from importlib import import_module


def known_or_error(name: str, known: list[str], what: str) -> str:
    """Answer `name` when it is known, else raise with the nearest one.

    Raises:
        ConfigError: `unknown target 'dogstatd'; did you mean 'dogstatsd'? known: …`
    """
    from fanlight.errors import ConfigError

    if name in known:
        return name
    raise ConfigError(f"unknown {what} {name!r}{suggestion(name, known)}")


def suggestion(name: str, known: list[str]) -> str:
    """Answer the tail of an error about an unknown name: the nearest one, then all of them."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return f"{hint} known: {', '.join(sorted(known))}"


def load(name: str, table: dict[str, str], room: str) -> object:
    """Answer the part that `name` stands for, imported now.

    Args:
        name: as a user writes it.
        table: the room's own parts, name to `module:attribute`.
        room: the plural room, also the entry point group `fanlight.<room>`.

    Raises:
        ConfigError: neither the table nor an installed entry point has the name.
    """
    where = table.get(name)
    if where is None:
        from importlib.metadata import entry_points

        for point in entry_points(group=f"fanlight.{room}", name=name):
            return point.load()
        known_or_error(name, list(table), room.removesuffix("s").replace("_", " "))
        raise AssertionError("unreachable: the name is in neither list")
    module, _, attribute = where.partition(":")
    return getattr(import_module(module), attribute)
