"""Ignored endpoints end to end: asked for, answered, counted in the status, listed nowhere."""

APPLICATION = '''
"""An application that a balancer looks after."""
from flask import Flask

app = Flask(__name__)


@app.get("/healthz")
def healthz():
    return "well"


@app.get("/internal/<name>")
def internal(name):
    return name


@app.get("/orders")
def orders():
    return "none"
'''


def ask_all(kit, port):
    for path, times in {"/healthz": 7, "/internal/a": 3, "/orders": 5}.items():
        for _ in range(times):
            assert kit.get(port, path)[0] == 200


def test_health_checks_are_counted_as_ignored_and_everything_adds_up(house, kit):
    house.serve()
    process, port = house.application("balanced", APPLICATION)
    ask_all(kit, port)
    kit.end(process)
    settled = house.settled("balanced")
    assert (settled["accepted"], settled["stored"], settled["balanced"]) == (8, 8, True)
    collector = house.status()["collector"]
    assert collector["ignored"] == {"balanced": 7}
    assert collector["lost_before_accept"].get("balanced", {}) == {}
    assert house.endpoints("balanced") == {"GET /internal/<name>": 3, "GET /orders": 5}
    assert "balanced: 7 ignored, as `ignore` says" in house.ask("status")


def test_a_projects_file_says_what_is_ignored_instead(house, kit):
    (house.folder / "fanlight.toml").write_text('ignore = ["/internal/*"]\n')
    house.serve()
    process, port = house.application("chosen", APPLICATION)
    ask_all(kit, port)
    kit.end(process)
    assert house.settled("chosen")["accepted"] == 12
    assert house.status()["collector"]["ignored"] == {"chosen": 3}
    assert house.endpoints("chosen") == {"GET /healthz": 7, "GET /orders": 5}
