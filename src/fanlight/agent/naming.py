"""What an application is called that was given no name."""

from __future__ import annotations

import os
import sys

GENERIC = frozenset(
    {
        *(
            "",
            "-",
            "-c",
            "-m",
            "__main__",
            "app",
            "main",
            "manage",
            "wsgi",
            "asgi",
            "python",
            "python3",
            "pytest",
        ),
        *(
            "gunicorn",
            "uvicorn",
            "hypercorn",
            "daphne",
            "granian",
            "waitress-serve",
            "flask",
            "celery",
            "uwsgi",
        ),
        *("fanlight", "django-admin", "rq", "dramatiq"),
    }
)
"""Programs whose name says nothing about the application that they run."""


def program() -> str:
    """Answer what runs: the script's path."""
    arguments = getattr(sys, "argv", None) or [""]
    path = str(arguments[0])
    # `python -m package` runs the package's __main__ file.
    return os.path.dirname(path) if os.path.basename(path) == "__main__.py" else path


def default_service() -> str:
    """Answer a name for an application that gave none: its program's, else its directory's."""
    name = os.path.basename(program()).removesuffix(".py")
    if name not in GENERIC:
        return name
    try:
        return os.path.basename(os.getcwd()) or "application"
    except FileNotFoundError:
        return "application"
