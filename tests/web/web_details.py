"""What a server tells beside a trace's spans: its log, its gaps, and how busy its server was."""

from __future__ import annotations

from fanlight.server.traced import gaps
from fanlight.web.wording import rfc3339

MS = 1_000_000


def details(found, start_ns, hostile):
    """Answer a trace of the shop and what stands beside its spans."""

    def reading(offset_ms, busy, waits):
        values = {
            "workers.busy_threads": busy,
            "workers.max_threads": 8,
            "requests.waiting_max": waits,
            "sockets.backlog": waits // 3,
            "loop.overdue": waits * MS,
        }
        return {"time": rfc3339(start_ns + offset_ms * MS), "offset": offset_ms * MS, "values": values}

    def line(offset_ms, level, logger, message, **more):
        common = {"time": rfc3339(start_ns + offset_ms * MS), "offset": offset_ms * MS, "location": ""}
        return (
            common | {"level": level, "logger": logger, "message": message, "exception": "", "span": 3} | more
        )

    spans = [
        each | {"percentile": 0.93 if place % 3 == 0 else 0.48, "percentile_all": 0.71}
        for place, each in enumerate(found["spans"])
    ]
    return {
        **found,
        "spans": spans,
        "kin": {"requests": 4_912, "kept": 88, "percentile": 0.93},
        **gaps.told(spans, found["duration"]),
        "server": [reading(-3100, 6.5, 0), reading(90, 8, 12), reading(1900, 7.2, 2)],
        "log": [
            line(
                141,
                "warning",
                "shop.mail",
                "mail.internal answers slowly, trying once more",
                location="shop/mail.py:31",
            ),
            line(203, "error", "shop.receipt", hostile[0], exception="PaymentDeclined"),
            line(230, "INFO", "nginx", hostile[2], span=None),
        ],
    }
