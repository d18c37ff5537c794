"""What uWSGI's own module looks like to whoever hooks it; the real one exists inside of uWSGI alone."""

__version__ = "2.0"


def workers() -> tuple[dict[str, object], ...]:
    return ({"id": 1, "apps": ()},)
