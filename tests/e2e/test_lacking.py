"""What an application goes without while it runs is told by `fanlight doctor`, whenever that began."""

from __future__ import annotations

import json
import sys

from fanlight.instruments.servers.cheroot import UNTOLD

SITE = """
import sys
import threading
from cheroot.wsgi import Server

servers = []

def app(environ, start_response):
    if environ["PATH_INFO"] == "/further":
        further = Server(("127.0.0.1", 0), app, numthreads=1)
        further.prepare()
        threading.Thread(target=further.serve, daemon=True).start()
        servers.append(further)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

Server(("127.0.0.1", int(sys.argv[1])), app, numthreads=2).start()
"""


def test_a_server_that_begins_beside_one_whose_requests_have_been_told_is_named(house, kit):
    house.serve()
    (house.folder / "shop.py").write_text(SITE)
    port = kit.free_port()
    run = [*house.FANLIGHT, "run", "--data", str(house.data), "--", sys.executable, "shop.py", str(port)]
    house.start("shop", run, FANLIGHT_SERVICE="shop")
    kit.wait(lambda: kit.accepts(port), "the server")

    def lacks():
        clients = (house.api("/api/status")["collector"] or {}).get("clients", ())
        return [line for each in clients for line in each["instruments"] if UNTOLD in line]

    assert kit.get(port, "/")[0] == 200
    kit.wait(lambda: house.stored("shop") > 0, "the first trace")
    assert not lacks()
    assert kit.get(port, "/further")[0] == 200
    kit.wait(lacks, "what is lacking")
    checks = json.loads(house.ask("doctor", "--json"))["checks"]
    (found,) = [each["found"] for each in checks if each["name"] == "applications"]
    assert found.splitlines()[0] == "1 process connected"
    assert [line.startswith("shop: cheroot ") for line in found.splitlines()[1:]] == [True]
    assert UNTOLD in found
