"""Aggregated in the application and posted: right numbers, once each, whatever answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from receiving import TOKEN, House, one, reply, until

import fanlight
from fanlight.agent.agent import AGENT
from fanlight.agent.queue import HELD

BUSY_S = 20.0
"""What a machine with other work may add to a time that is promised."""


def test_what_is_flushed_is_on_the_servers_disk(embed, house):
    embed(house.dsn)
    one(n=3)
    assert fanlight.flush(30)
    assert house.accepted() == 3
    one("other", n=2)
    assert fanlight.flush(30)
    until(lambda: house.stored() == 5)
    counts = house.server.store.counts(0, 1 << 62)
    assert sorted((row.endpoint, row.n) for row in counts) == [("job", 3), ("other", 2)]


def test_without_a_flush_it_reports_within_two_seconds(embed, house):
    embed(house.dsn)
    one()
    began = time.monotonic()
    until(lambda: house.accepted() == 1)
    assert time.monotonic() - began < 2 + BUSY_S
    (client,) = house.server.inbox.state()["clients"]
    assert (client["service"], client["pid"]) == ("shop", os.getpid())


def test_stopping_sends_what_waits_and_starting_again_goes_on(embed, house):
    embed(house.dsn)
    one()
    assert fanlight.stop(5)
    embed(house.dsn)
    one(n=2)
    assert fanlight.stop(5)
    assert house.accepted() == 3


def test_a_server_that_comes_later_gets_all_that_was_kept(embed, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    embed(f"http://{TOKEN}@127.0.0.1:{port}")
    one(n=5)
    assert not fanlight.flush(0.3)
    link = AGENT.task.link
    with AGENT.task.turn:
        due_ns = link.again_ns = time.monotonic_ns() + 60 * 10**9
    failures = link.failures
    assert not fanlight.flush(0.3)
    assert link.failures > failures
    assert link.again_ns == due_ns, "a flush tries often, which makes no later pause longer"
    link.again_ns = 0
    one(n=5)
    house = House(tmp_path / "data", port)
    until(lambda: house.accepted() == 10)
    house.end()


def test_a_response_that_is_lost_after_the_report_was_taken_doubles_nothing(embed, house, door):
    lost: list[int] = []

    def forward(request: Any, peer: socket.socket) -> bytes | None:
        house.server.inbox.take(request_bytes(request))
        if len(lost) < 2:
            lost.append(1)
            return None
        return request.good()

    proxy = door(forward)
    embed(f"http://{TOKEN}@127.0.0.1:{proxy.port}")
    one(n=4)
    assert fanlight.flush(8)
    bodies = {request.body for request in proxy.requests}
    assert len(proxy.requests) >= 3
    assert len(bodies) == 1, "it is sent again unchanged"
    assert house.accepted() == 4
    until(lambda: house.stored() == 4)


def request_bytes(request: Any) -> bytes:
    import zlib

    return zlib.decompress(request.body, 31)


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_a_server_in_trouble_is_asked_again_later(embed, door, status):
    answers = [status, status]
    there = door(lambda request, _: reply(answers.pop()) if answers else request.good())
    embed(f"http://{TOKEN}@127.0.0.1:{there.port}")
    one(n=2)
    until(lambda: AGENT.task is not None and not AGENT.task.has_work() and len(there.requests) == 3)
    assert there.requests[0].body == there.requests[2].body
    assert sum(there.requests[-1].commit()["count_n"]) == 2


def test_who_asks_for_patience_gets_it(embed, door):
    times: list[float] = []

    def behave(request: Any, _: Any) -> bytes:
        times.append(time.monotonic())
        return reply(429, b"", "Retry-After: 2") if len(times) == 1 else request.good()

    there = door(behave)
    embed(f"http://{TOKEN}@127.0.0.1:{there.port}")
    one()
    began = time.monotonic()
    assert not fanlight.flush(30)
    assert time.monotonic() - began < BUSY_S, "no flush waits for what will not come in time"
    until(lambda: len(times) == 2)
    assert times[1] - times[0] >= 1.95


def test_a_wrong_token_is_told_once_tried_slowly_and_costs_no_time_at_exit(embed, house, capfd):
    embed(f"http://wrong-token-of-some-length@127.0.0.1:{house.port}")
    one()
    assert not fanlight.flush(5)
    one()
    began = time.monotonic()
    assert not fanlight.flush(30)
    assert not fanlight.stop(30)
    assert time.monotonic() - began < BUSY_S
    said = capfd.readouterr().err
    assert said.count("does not let our reports in") == 1
    assert "wrong-token" not in said
    assert HELD.line.dropped == {"undelivered": 2}
    assert house.accepted() == 0


def test_a_token_that_the_server_makes_a_moment_later_is_as_good(embed, house, tmp_path, monkeypatch):
    path = tmp_path / "report.token"
    monkeypatch.setenv("FANLIGHT_REPORT__TOKEN_FILE", str(path))
    embed(f"http://127.0.0.1:{house.port}")
    one()
    arrived = []
    flush = threading.Thread(target=lambda: arrived.append(fanlight.flush(30)))
    flush.start()
    until(lambda: AGENT.task.link.failures)
    made = tmp_path / "made"
    made.write_text(TOKEN)
    made.chmod(0o600)
    made.rename(path)
    flush.join()
    assert arrived == [True]
    assert house.accepted() == 1


def test_a_redirect_is_not_followed_and_gets_no_token(embed, door, capfd):
    target = door(lambda request, _: request.good())
    there = door(lambda *_: reply(307, b"", f"Location: http://127.0.0.1:{target.port}/v1/report"))
    embed(f"http://{TOKEN}@127.0.0.1:{there.port}")
    one()
    assert not fanlight.flush(3)
    assert not target.connections
    assert "is no Fanlight that takes reports (status 307)" in capfd.readouterr().err


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>log in here</html>", b"{}", b"[]", b'{"sequence": "1"}', b'{"sequence": 0}', b"[" * 9999],
)
def test_a_strangers_200_acknowledges_nothing(embed, door, body):
    there = door(lambda *_: reply(200, body))
    embed(f"http://{TOKEN}@127.0.0.1:{there.port}")
    one()
    assert not fanlight.flush(1)
    assert AGENT.task.has_work()


def test_a_report_that_is_refused_is_dropped_counted_and_the_next_one_passes(embed, door):
    refused: list[bytes] = []

    def behave(request: Any, _: Any) -> bytes:
        if not refused or request.body == refused[0]:
            refused.append(request.body)
            return reply(400, b"{}")
        return request.good()

    there = door(behave)
    embed(f"http://{TOKEN}@127.0.0.1:{there.port}")
    one(n=3)
    fanlight.flush(5)
    assert HELD.line.dropped == {"refused": 3}
    one()
    assert fanlight.flush(30)
    last = there.requests[-1].report()
    assert dict(zip(last["dropped_reason"], last["dropped_count"], strict=True)) == {"refused": 3}


@pytest.mark.parametrize(
    "drip", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20, b"garbage " * 3000]
)
def test_an_answer_that_drips_or_never_ends_keeps_nobody(embed, door, drip):
    def behave(_: Any, peer: socket.socket) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            peer.sendall(drip[:1] if len(drip) < 100 else drip)
            time.sleep(0.02)

    there = door(behave)
    embed(f"http://{TOKEN}@127.0.0.1:{there.port}")
    one()
    began = time.monotonic()
    assert not fanlight.flush(1.0)
    assert time.monotonic() - began < 1 + BUSY_S


def test_an_endless_body_is_not_read_to_its_end(embed, door):
    def behave(_: Any, peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 500 X\r\n\r\n")
        for _ in range(4_000):
            peer.sendall(bytes(65536))

    there = door(behave)
    embed(f"http://{TOKEN}@127.0.0.1:{there.port}")
    one()
    fanlight.flush(1.0)
    assert AGENT.task.has_work()


def test_a_black_hole_does_not_hold_up_the_exit(tmp_path, script):
    with socket.create_server(("127.0.0.1", 0)) as hole:
        port = hole.getsockname()[1]
        began = time.monotonic()
        done = script(
            f"""
            import fanlight
            fanlight.start("shop", dsn="http://{TOKEN}@127.0.0.1:{port}")
            with fanlight.trace("job"):
                pass
            """,
            start=False,
        )
        assert time.monotonic() - began < 2 + BUSY_S, "two seconds, and the interpreter's own start"
    # No collector is there to read what the process counted, so it says so itself.
    said = f"fanlight: traces of shop that did not reach http://127.0.0.1:{port} and are lost: 1\n"
    assert (done.returncode, done.stderr) == (0, said)


def test_chunked_answers_and_kept_connections_are_understood(embed, door):
    def behave(request: Any, _: Any) -> bytes:
        _, _, body = request.good().partition(b"\r\n\r\n")
        pieces = b"".join(b"%x\r\n%s\r\n" % (1, bytes([byte])) for byte in body)
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\nX: y\r\n\r\n"

    there = door(behave)
    embed(f"http://{TOKEN}@127.0.0.1:{there.port}")
    for _ in range(3):
        one()
        assert fanlight.flush(3)
    assert (len(there.requests), there.connections) == (3, 1)


def test_a_kept_connection_that_the_server_closed_costs_no_failure(embed, door):
    def behave(request: Any, peer: socket.socket) -> None:
        peer.sendall(request.good())

    there = door(behave)
    embed(f"http://{TOKEN}@127.0.0.1:{there.port}")
    for _ in range(3):
        one()
        assert fanlight.flush(3)
    assert AGENT.task.link.failures == 0
    assert len(there.requests) == 3


def test_what_is_sent_says_who_and_nothing_else(embed, door):
    there = door(lambda request, _: request.good())
    embed(f"http://{TOKEN}@127.0.0.1:{there.port}")
    one()
    assert fanlight.flush(3)
    (request,) = there.requests
    assert (request.method, request.target) == ("POST", "/v1/report")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-encoding"] == "gzip"
    assert request.headers["host"] == f"127.0.0.1:{there.port}"
    assert abs(int(request.headers["fanlight-clock"]) - time.time_ns()) < 10e9
    assert TOKEN.encode() not in request_bytes(request)


def test_the_token_comes_from_a_file_that_only_its_owner_reads(embed, house, tmp_path, monkeypatch, capfd):
    path = tmp_path / "token"
    monkeypatch.setenv("FANLIGHT_REPORT__TOKEN_FILE", str(path))
    embed(f"http://127.0.0.1:{house.port}")
    one()
    assert not fanlight.flush(3)
    path.write_text(TOKEN)
    path.chmod(0o644)
    assert not fanlight.flush(3)
    assert "chmod 600" in capfd.readouterr().err
    path.chmod(0o600)
    assert fanlight.flush(3)
    assert house.accepted() == 1


def test_forked_children_report_for_themselves(tmp_path, script, house):
    done = script(
        f"""
        import os, fanlight
        fanlight.start("shop", dsn="{house.dsn}")
        with fanlight.trace("parent"):
            pass
        fanlight.flush()
        for _ in range(3):
            if not os.fork():
                with fanlight.trace("child"):
                    pass
                fanlight.flush()
                os._exit(0)
        for _ in range(3):
            os.wait()
        with fanlight.trace("parent"):
            pass
        """,
        start=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    until(lambda: house.stored() == 5)
    counts = {row.endpoint: row.n for row in house.server.store.counts(0, 1 << 62)}
    assert counts == {"parent": 2, "child": 3}
    assert len(house.server.inbox.state()["clients"]) == 4


def test_killed_in_the_middle_of_a_post_leaves_nothing_half(tmp_path, house):
    program = tmp_path / "program.py"
    program.write_text(
        f"import fanlight\nfanlight.start('shop', dsn={house.dsn!r})\n"
        "while True:\n    with fanlight.trace('job'):\n        pass\n"
    )
    for _ in range(3):
        before = house.accepted()
        process = subprocess.Popen([sys.executable, str(program)])
        until(lambda before=before: house.accepted() > before)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    until(lambda: house.stored() == house.accepted())
    counted = sum(row.n for row in house.server.store.counts(0, 1 << 62))
    account = house.server.status()["services"]["shop"]
    assert account["balanced"]
    assert counted == account["accepted"] == account["stored"] + sum(account["dropped"].values())


def test_while_nobody_takes_it_memory_is_bounded_and_counts_go_on(embed, door):
    taking: list[bool] = []
    there = door(lambda request, _: request.good() if taking else reply(503))
    embed(f"http://{TOKEN}@127.0.0.1:{there.port}")
    n = 0
    for _ in range(60):
        for _ in range(500):
            with fanlight.trace("job"):
                for _ in range(8):
                    with fanlight.span("inner"):
                        pass
            n += 1
        fanlight.flush(0.02)
    link = AGENT.task.link
    until(lambda: not HELD.line.traces or link.size > 0)
    assert link.sealed is not None
    assert len(link.sealed.body) + sum(len(c) for c in columns(link)) < 24 << 20
    taking.append(True)
    until(lambda: fanlight.flush(5))
    posted = {request.report()["sequence"]: request.traces() for request in there.requests}
    assert sum(posted.values()) + sum(HELD.line.dropped.values()) == n


def columns(link: Any) -> list[bytes]:
    if link.record is None:
        return []
    return [value.tobytes() for value in link.record.out.values() if hasattr(value, "tobytes")]
