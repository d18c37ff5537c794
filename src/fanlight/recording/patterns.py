"""Routes written as regular expressions, to templates that people read."""

from __future__ import annotations

ROUTES_MAX = 10_000


class Templates(dict[str, str]):
    """Routes as Django writes them to how an endpoint shows them; as many as the project has."""

    def __missing__(self, route: str) -> str:
        text = str.__str__(route)
        if "(" in text or "^" in text or "$" in text or "\\" in text:
            text = readable(text)
        text = f"/{text.removeprefix('/')}"
        if len(self) < ROUTES_MAX:
            self[str.__str__(route)] = text
        return text


TEMPLATES = Templates()


def readable(route: str) -> str:
    """Answer `articles/<year>/` for a regular expression such as `^articles/(?P<year>[0-9]{4})/$`."""
    parts: list[str] = []
    place = 0
    while place < len(route):
        sign = route[place]
        if sign == "(":
            end = group_end(route, place)
            parts.append(group_name(route[place:end]))
            place = end
            # What follows a group says how often it comes.
            while place < len(route) and route[place] in "?*+":
                place += 1
        elif sign == "\\":
            # `\A`, `\Z` and `\b` stand for places, not characters.
            following = route[place + 1 : place + 2]
            parts.append("" if following in ("A", "Z", "b", "B") else following)
            place += 2
        else:
            if sign not in "^$?":
                parts.append(sign)
            place += 1
    return "".join(parts)


def group_end(route: str, start: int) -> int:
    """Answer where the group that begins at `start` is over."""
    depth = 0
    in_class = False
    place = start
    while place < len(route):
        sign = route[place]
        if sign == "\\":
            place += 1
        elif in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
        elif sign in "()":
            depth += 1 if sign == "(" else -1
            if not depth:
                return place + 1
        place += 1
    return len(route)


def group_name(group: str) -> str:
    """Answer `<year>` for `(?P<year>…)`, and the like for a group without a name."""
    if group.startswith("(?P<"):
        return f"<{group[4:].partition('>')[0]}>"
    # A group that captures nothing is part of the text around it.
    if group.startswith("(?:"):
        return readable(group[3:-1])
    return "" if group.startswith("(?") else "<var>"
