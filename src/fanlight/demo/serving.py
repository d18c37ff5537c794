"""gunicorn's settings for both of the demo's services."""

from __future__ import annotations

import os

from fanlight.pipeline.child import die_with_parent

worker_class = "gthread"
threads = 4
keepalive = 75
graceful_timeout = 10
# A control socket would lie in the user's home directory, one for both services.
control_socket_disable = True


def on_starting(_arbiter: object) -> None:
    """Stay no longer than the demo, should it be killed without a chance to clean up."""
    die_with_parent(os.getppid())
