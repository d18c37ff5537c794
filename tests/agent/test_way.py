"""The way to a server: TLS that is checked, and proxies that carry what they cannot read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from receiving import TOKEN, one, reply, speaking_tls

import fanlight


def test_tls_is_spoken_and_the_certificate_checked(embed, door, tmp_path, monkeypatch):
    context, cert = speaking_tls(tmp_path)
    monkeypatch.setenv("FANLIGHT_REPORT__CA_FILE", cert)
    there = door(lambda request, _: request.good(), context)
    embed(f"https://{TOKEN}@localhost:{there.port}")
    for _ in range(2):
        one(n=200)
        assert fanlight.flush(30)
    assert sum(request.traces() for request in there.requests) == 400
    assert there.connections == 1


@pytest.mark.parametrize("case", ["unknown authority", "another name"])
def test_a_bad_certificate_is_told_once_and_nothing_is_sent(embed, door, tmp_path, monkeypatch, capfd, case):
    context, cert = speaking_tls(tmp_path, "elsewhere.example" if case == "another name" else "localhost")
    if case == "another name":
        monkeypatch.setenv("FANLIGHT_REPORT__CA_FILE", cert)
    there = door(lambda request, _: request.good(), context)
    embed(f"https://{TOKEN}@localhost:{there.port}")
    one()
    began = time.monotonic()
    assert not fanlight.flush(30)
    assert time.monotonic() - began < 25, "all of its time would have been used"
    one()
    assert not fanlight.flush(5)
    assert capfd.readouterr().err.count("is not to be trusted") == 1
    assert not there.requests


def test_a_server_without_tls_where_it_is_wanted_is_never_spoken_to_plainly(embed, door):
    there = door(lambda request, _: request.good())
    embed(f"https://{TOKEN}@localhost:{there.port}")
    one()
    assert not fanlight.flush(1)
    assert not there.requests


def tunnel(request: Any, peer: socket.socket) -> None:
    """Be a proxy that opens a way, and carry bytes until either end hangs up."""
    host, _, port = request.target.partition(":")
    there = socket.create_connection(("127.0.0.1", int(port)), 60)
    assert host == "reports.example"
    peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def carry(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        finally:
            there.close()

    threading.Thread(target=carry, args=(there, peer), daemon=True).start()
    carry(peer, there)


def test_a_proxy_carries_what_it_cannot_read(embed, door, tmp_path, monkeypatch):
    context, cert = speaking_tls(tmp_path, "reports.example")
    monkeypatch.setenv("FANLIGHT_REPORT__CA_FILE", cert)
    there = door(lambda request, _: request.good(), context)
    proxy = door(tunnel)
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:p%40ss@127.0.0.1:{proxy.port}")
    embed(f"https://{TOKEN}@reports.example:{there.port}")
    one(n=2)
    assert fanlight.flush(30)
    assert sum(request.traces() for request in there.requests) == 2
    (request,) = proxy.requests
    assert (request.method, request.target) == ("CONNECT", f"reports.example:{there.port}")
    assert request.headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"
    assert "authorization" not in request.headers


def test_a_proxy_of_plain_requests_is_asked_for_the_whole_address(embed, door, monkeypatch):
    monkeypatch.setenv("FANLIGHT_REPORT__PLAIN_HOSTS", "reports.example")
    proxy = door(lambda request, _: request.good())
    monkeypatch.setenv("HTTP_PROXY", f"http://user:p%40ss@127.0.0.1:{proxy.port}")
    embed(f"http://{TOKEN}@reports.example:7700")
    for _ in range(2):
        one()
        assert fanlight.flush(30)
    assert sum(request.traces() for request in proxy.requests) == 2
    assert {request.target for request in proxy.requests} == {"http://reports.example:7700/v1/report"}
    assert {request.headers["host"] for request in proxy.requests} == {"reports.example:7700"}
    assert {request.headers["proxy-authorization"] for request in proxy.requests} == {"Basic dXNlcjpwQHNz"}


def test_a_proxy_that_refuses_is_told_once_and_not_gone_round(embed, door, monkeypatch, capfd):
    proxy = door(lambda *_: reply(407))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    embed(f"https://{TOKEN}@reports.example:7700")
    one()
    assert not fanlight.flush(5)
    one()
    assert not fanlight.flush(5)
    said = capfd.readouterr().err
    assert said.count("cannot be reached through the proxy") == 1
    assert "answers 407" in said


def test_this_machine_is_never_asked_for_through_a_proxy(embed, house, door, monkeypatch):
    proxy = door(lambda *_: None)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    embed(house.dsn)
    one()
    assert fanlight.flush(30)
    assert not proxy.connections


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, as only root may")
def test_another_users_server_is_not_told_our_own_ones_token(embed, tmp_path, monkeypatch, capfd):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.token").write_text(TOKEN)
    (tmp_path / "run" / "report.token").chmod(0o600)
    monkeypatch.setenv("FANLIGHT_DATA", str(tmp_path))
    program = (
        "import os, socket\nos.setuid(12345)\nlistener = socket.create_server(('127.0.0.1', 0))\n"
        "print(listener.getsockname()[1], flush=True)\nprint(listener.accept()[0].recv(9), flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as stranger:
        port = int(stranger.stdout.readline())
        embed(f"http://127.0.0.1:{port}")
        one()
        assert not fanlight.flush(2)
        stranger.kill()
        assert stranger.stdout.read() == ""
    assert "user 12345 listens" in capfd.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_exit_at_which_no_thread_may_begin_reports_to_this_machine(script, door, host):
    there = door(lambda request, _: request.good())
    # As Python 3.12 has it while the interpreter ends; the agent's own thread began before.
    done = script(
        f"""
        import _thread
        begin, first = _thread.start_new_thread, iter([True])
        def refuse(*of):
            if next(first, False):
                return begin(*of)
            raise RuntimeError("can't create new thread at interpreter shutdown")
        _thread.start_new_thread = refuse
        import fanlight
        fanlight.start("shop", dsn="http://{TOKEN}@{host}:{there.port}")
        with fanlight.trace("job"):
            pass
        """,
        start=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(there.requests) == 1
