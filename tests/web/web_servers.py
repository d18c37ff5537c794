"""Web servers as the server tells of them, with hostile names among them."""

from __future__ import annotations

from web_shop import HOSTILE, MINUTE, MS

from fanlight.web.wording import rfc3339


def servers(from_ns, to_ns):
    """A shop of two workers that was overloaded in the middle of the time, and one that only listens."""
    steps = list(range(from_ns // MINUTE * MINUTE, to_ns, MINUTE))

    def at(number):
        wait = max(0, 12 - abs(number - len(steps) // 2))
        return {
            "workers.booted": 1 if number == len(steps) // 2 else 2,
            "workers.total": 2,
            "workers.max_threads": 8,
            "workers.requests_count": 900,
            "sockets.backlog": wait // 3,
            "requests.waiting": wait,
            "workers.busy_threads": min(2.5 + wait / 2, 8.0),
            "workers.utilisation": min(0.31 + wait / 16, 1.0),
            "sockets.backlog_limit": 2048,
            "sockets.drops": 0,
            "loop.overdue": wait * 20 * MS,
            "oldest.in_flight": 1_200 * MS,
            "workers.restarts": int(number == len(steps) // 2),
            "workers.stalled": 0,
            "requests.waiting_max": wait + 2,
        }

    last = {**at(0), "workers.requests_count": 54_000, "workers.restarts": 1}
    common = {"host": HOSTILE[2], "server": HOSTILE[1], "time": rfc3339(to_ns - 2_000 * MS)}
    told = [{"time": rfc3339(time), "values": at(number)} for number, time in enumerate(steps)]
    return [
        {
            **common,
            "service": "shop",
            "worker_class": HOSTILE[0],
            "values": last,
            "steps": told,
            "workers": [
                {"worker": 0, "time": common["time"], "values": {**last, "queue.backlog": 6}},
                {
                    "worker": 1,
                    "time": common["time"],
                    "values": {**last, "queue.backlog": 0, "workers.stalled": 1},
                },
            ],
        },
        {
            **common,
            "service": HOSTILE[0],
            "values": {"sockets.backlog": 0, "sockets.backlog_limit": 128},
            "steps": [{"time": rfc3339(time), "values": {"sockets.backlog": 0}} for time in steps[-3:]],
            "workers": [],
        },
    ]


def saturation(now):
    known = {"busy": 6.5, "threads": 8, "workers": 2, "workers_total": 2, "waiting": 12, "backlog": 4}
    return {"time": rfc3339(now), "servers": 1, **known}
