"""The pages and the JSON API, and the gate that keeps other people's web pages out of them.

In: an `answers` object (`endpoints`, `endpoint`, `trace`, `status`: JSON-ready dicts, durations in
integer ns) and a `Gate`. Out: one ASGI application (`app.create`), run by `listen.server` on a
loopback port for browsers and on `server.sock` for our own commands.

    request ─▶ gate (who may ask) ─▶ app (routes) ─▶ parameters (what is asked)
            ─▶ answers ─▶ api (JSON)
                       └▶ pages/ (words and geometry) ─▶ templates/ (HTML; everything escaped)

To add a page: one module in `pages/`, one template, one line in `app.ROUTES`.
"""
