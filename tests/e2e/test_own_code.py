"""What an application says itself, from its code to the terminal and the page."""

import json
import re
import sys
from http.client import HTTPConnection

from fanlight.cli.client import Client, connect_owner

PROGRAM = """
import fanlight

with fanlight.trace("nightly invoices"):
    with fanlight.span("write", rows=3, share=0.5, currency="EUR"):
        fanlight.annotate(customer={"country": "NO", "orders": 12, "password": "planted"})
        fanlight.mark("half way", "app.progress", percent=50)
    with fanlight.span("upload"), fanlight.mute():
        with fanlight.span("unheard"):
            with fanlight.unmute(), fanlight.span("heard again"):
                pass
"""


def page(house, path):
    """Answer a page as the owner of the data directory sees it."""
    connection = HTTPConnection("fanlight", timeout=60)
    connection.sock = connect_owner(str(house.data), 10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_marks_muted_blocks_and_nested_annotations_reach_terminal_and_page(house, kit):
    house.serve()
    (house.folder / "invoices.py").write_text(PROGRAM)
    command = [sys.executable, "-P", "-m", "fanlight", "run", "--data", str(house.data), "--"]
    job = house.start("invoices", [*command, sys.executable, "invoices.py"])
    assert job.wait(30) == 0
    kit.wait(lambda: house.stored("invoices") == 1, "the trace")
    asked = {"service": "invoices", "endpoint": "nightly invoices", "segment": ""}
    (sample,) = Client(str(house.data), 120.0).get("/api/endpoint", asked)["samples"]
    found = json.loads(house.ask("trace", sample["id"], "--json"))
    # The collector may pause anything.
    spans = {span["title"]: span for span in found["spans"] if span["category"] != "noise.gc"}
    assert list(spans) == ["nightly invoices", "write", "half way", "upload", "heard again"]
    assert [spans[title]["depth"] for title in spans] == [0, 1, 2, 1, 2]
    assert spans["half way"]["duration"] == 0
    told = {"rows": 3, "share": 0.5, "currency": "EUR", "customer.country": "NO", "customer.orders": 12}
    assert spans["write"]["annotations"] == {**told, "customer.password": "<redacted>"}
    lines = house.ask("trace", sample["id"]).splitlines()
    (line,) = (each for each in lines if each.lstrip().startswith("write"))
    for key, value in told.items():
        assert f"{key}={value}" in line
    html = page(house, f"/trace/{sample['id']}")
    shown = dict(re.findall(r"<dt><bdi>(.*?)</bdi></dt><dd><bdi>(.*?)</bdi></dd>", html))
    assert told.items() <= {key: json.loads(v) if v[0].isdigit() else v for key, v in shown.items()}.items()
    assert "planted" not in html
    assert "heard again" in html
    assert "unheard" not in html
