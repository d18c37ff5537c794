"""What `endpoints`, `trace`, `status` and `open` show of a server's answers."""

import json
import os
import pty
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fanlight.cli import main
from fanlight.cli.client import Client
from fanlight.pipeline.directory import write_state
from fanlight.web.wording import TIMES

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


@pytest.fixture
def on_a_terminal(read_terminal):
    """Run a command whose standard output is a terminal; answer what it was sent."""

    def run(*arguments, columns=120):
        screen, theirs = pty.openpty()
        environ = {**os.environ, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": str(columns)}
        command = [sys.executable, "-P", "-m", "fanlight", *arguments]
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as process:
            os.close(theirs)
            text = read_terminal(screen)
        assert process.returncode == 0, text
        # The terminal driver itself ends lines with CR LF.
        return text.decode().replace("\r\n", "\n")

    return run


def test_endpoints_as_json_are_the_servers_list_and_nothing_else(data, capsys):
    assert main(["endpoints", "--json", "--data", data]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == data.answers.rows
    assert said.err == ""


def test_endpoints_are_a_plain_aligned_table_where_nobody_looks(data, capsys):
    main(["endpoints", "--data", data])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "ENDPOINT",
        "SEGMENT",
        "TYPICAL",
        "PROBLEM",
        "P99",
        "RPM",
        "REQUESTS",
        "ERRORS",
        "PAIN",
    ]
    assert re.search(r"^GET /orders/<id> +html +90 ms +240 ms +1\.30? s +20 +1,204 +4\.2$", lines[1])
    assert len({line.rstrip().rfind("4.2") for line in lines[1:3]}) == 1
    assert "repeated-sql, SELECT FROM product about 40 times in 100% of the requests, 92 ms" in lines[4]
    assert lines[5].startswith("  at shop/cart.py:88")


@pytest.mark.parametrize("command", [["endpoints"], ["trace", ID], ["status"]])
def test_no_control_character_of_content_reaches_a_terminal(data, on_a_terminal, command):
    write_state(data, {"listen": "127.0.0.1:7700", "socket": "/s", "pids": {"supervisor": os.getpid()}})
    assert CONTROL.findall(on_a_terminal(*command, "--data", data)) == []


@pytest.mark.parametrize("command", [["endpoints"], ["trace", ID]])
def test_what_content_tried_stays_visible(data, command, capsys):
    main([*command, "--data", data])
    said = capsys.readouterr().out
    assert "␛[2J<U+202E><U+009B>[bold]" in said
    assert CONTROL.findall(said) == []


def test_a_time_and_a_service_are_handed_on(data, capsys):
    main(["endpoints", "--data", data, "--from", "2026-01-31T14:00:00Z", "--to", "2026-01-31T15:00:00Z"])
    main(["endpoints", "--data", data, "--last", "24h", "--service", "shop"])
    (first, second) = data.answers.asked
    assert first == (1769868000 * 10**9, 1769871600 * 10**9, None)
    assert second[1] - second[0] == 86400 * 10**9
    assert second[2] == "shop"


@pytest.mark.parametrize(
    ("columns", "left_out"), [(120, ""), (110, "p99"), (104, "p99 rpm"), (80, "p99 rpm requests")]
)
def test_a_narrow_terminal_gets_fewer_columns_and_every_endpoint_on_its_line(
    data, on_a_terminal, columns, left_out
):
    names = ["GET /orders/<int:order_id>", "POST /checkout", "GET /" + "long/" * 40]
    known = {**data.answers.rows[0], "findings": []}
    data.answers.rows = [
        {**known, "service": service, "endpoint": name, "segment": segment}
        for service, name, segment in zip(
            ("shop", "payments", "shop"), names, ("html", "redirect", "json"), strict=True
        )
    ]
    said = on_a_terminal("endpoints", "--data", data, columns=columns)
    every = ["service", "endpoint", "segment", "typical", "problem", "p99", "rpm", "requests"]
    lines = said.splitlines()
    assert lines[0].split() == [name for name in [*every, "errors", "pain"] if name not in left_out.split()]
    assert max(map(len, lines)) <= columns
    assert [names[0] in lines[1], names[1] in lines[2]] == [True, True]


@pytest.mark.parametrize("shape", [[], ["--json"]])
def test_a_service_that_never_sent_anything_is_an_error_with_the_nearest_name(data, capsys, shape):
    assert main(["endpoints", "--data", data, "--service", "shpo", *shape]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "fanlight: unknown service 'shpo'; did you mean 'shop'? known: shop\n"


def test_a_service_that_is_only_quiet_has_no_endpoints(data, capsys):
    data.answers.rows = []
    assert main(["endpoints", "--data", data, "--service", "shop"]) == 0
    hint = "; --last 24h looks further back"
    assert capsys.readouterr() == ("", f"no request in this time{hint}\n")
    assert main(["endpoints", "--data", data, "--last", "24h"]) == 0
    assert capsys.readouterr() == ("", "no request in this time\n")


def test_a_time_that_is_none_is_a_usage_error(data, capsys):
    assert main(["endpoints", "--data", data, "--last", "yesterday"]) == 2
    assert "'last'" in capsys.readouterr().err


def test_a_trace_is_an_indented_waterfall(data, capsys):
    main(["trace", ID, "--data", data])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "GET /orders/<id> [html]  100 ms"
    assert "shop on web-1 (pid 77)" in lines[1]
    assert re.search(r"^GET +0( ns)? +100 ms +100 ms", lines[4])
    assert re.search(r"^  SELECT .* rows=3 share=0\.5 cart\..* 50 ms +25 ms +25 ms +93%( |$)", lines[5])


def test_services_that_share_an_id_are_shown_one_after_the_other(data, capsys):
    main(["trace", "5" * 32, "--data", data])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "GET /orders/<id> [html]  100 ms"
    second = lines.index("POST /charge [html]  100 ms")
    assert lines[second - 1] == ""
    assert lines[second + 1].startswith("payments on web-1 (pid 77)")
    assert sum("SELECT" in line for line in lines) == 2


def test_a_line_of_the_log_stands_among_the_spans(data, capsys):
    main(["trace", "6" * 32, "--data", data])
    out = capsys.readouterr().out
    assert "shop.cart  ERROR: none left" in out
    assert "\x1b" not in out


def test_likes_that_take_turns_are_one_line_each_and_a_long_statement_is_brief(data, capsys):
    assert main(["trace", "7" * 32, "--data", data]) == 0
    said = capsys.readouterr()
    _, price, item, commit = said.out.splitlines()[4:]
    assert re.search(
        rf"^  SELECT FROM price  {TIMES}20  SELECT … FROM item WHERE item.id = \?  location=shop/cart.py:88"
        r" +1 ms +20 ms +20 ms",
        price,
    )
    assert item.startswith(f"  SELECT FROM item  {TIMES}20  SELECT … FROM item")
    assert commit.startswith("  commit ")
    assert said.err == "42 spans in 4 lines, likes folded; --unfold shows each\n"


def test_an_unfolded_trace_has_a_line_for_each_span_with_all_that_was_sent(data, capsys):
    assert main(["trace", "7" * 32, "--unfold", "--data", data]) == 0
    said = capsys.readouterr()
    spans = said.out.splitlines()[4:]
    assert (len(spans), sum("item.column_39 FROM item" in line for line in spans)) == (42, 40)
    assert sum("location=shop/cart.py:88" in line for line in spans) == 2
    assert said.err == ""


def test_a_folded_trace_as_json_has_every_span(data, capsys):
    main(["trace", "7" * 32, "--json", "--data", data])
    assert len(json.loads(capsys.readouterr().out)["spans"]) == 42


def test_a_trace_as_json_is_the_servers_document(data, capsys):
    main(["trace", ID.upper(), "--json", "--data", data])
    assert json.loads(capsys.readouterr().out)["id"] == ID


@pytest.mark.parametrize("unknown", ["0" * 32, "nonsense", "../status", "\x1b[2J"])
def test_an_unknown_trace_is_an_error_that_says_where_ids_come_from(data, capsys, unknown):
    assert main(["trace", unknown, "--data", data]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "32 hexadecimal digits" in said.err
    assert "fanlight open" in said.err
    assert CONTROL.findall(said.err) == []


def test_status_adds_the_processes_that_only_the_supervisor_knows(data, capsys):
    pids = {"supervisor": os.getpid(), "collector": os.getpid(), "server": 1}
    write_state(data, {"listen": "127.0.0.1:7700", "socket": "/s", "pids": pids})
    main(["status", "--json", "--data", data])
    found = json.loads(capsys.readouterr().out)
    assert sorted(process["role"] for process in found["processes"]) == ["collector", "server", "supervisor"]
    account = found["services"]["shop"]
    assert account["accepted"] == account["stored"] + account["in_spool"] + sum(account["dropped"].values())


def test_status_for_people_tells_drops_by_reason_and_an_open_address(data, capsys):
    write_state(data, {"listen": "0.0.0.0:7700", "socket": "/s", "pids": {}})
    main(["status", "--data", data])
    said = capsys.readouterr().out
    assert "shop: 2 dropped, queue full" in said
    assert "shop: 3 not kept whole, more than its share of the store" in said
    assert "OPEN: other machines reach this address" in said


def test_a_link_is_printed_and_is_another_one_each_time(data, capsys):
    links = set()
    for _ in range(2):
        assert main(["open", "--print", "--data", data]) == 0
        links.add(capsys.readouterr().out)
    assert len(links) == 2
    assert all(re.fullmatch(r"http://127\.0\.0\.1:7700/login\?code=\S{20,}\n", link) for link in links)


def test_a_browser_is_shown_a_page_of_the_owner_and_the_code_stays_out_of_its_arguments(
    data, tmp_path, monkeypatch, capsys
):
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$*" > {seen}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    assert main(["open", "--data", data]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "code" not in said.err + seen.read_text()
    page = Path(seen.read_text().removeprefix("file://"))
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert re.search(r"url=http://127\.0\.0\.1:7700/login\?code=", page.read_text())


def test_an_answer_that_does_not_come_is_an_error_and_not_a_wait_for_ever(tmp_path, capsys):
    from fanlight.errors import UnreachableError
    from fanlight.pipeline import directory, listening

    directory.prepare(str(tmp_path / "data"))
    with (
        listening.bind_owner(str(tmp_path / "data")),
        pytest.raises(UnreachableError, match="did not answer within"),
    ):
        Client(str(tmp_path / "data"), wait_s=0.1).get("/api/status")


def test_a_failure_of_the_server_names_its_log_where_there_is_one(tmp_path):
    from threading import Thread

    from fanlight.errors import UnreachableError
    from fanlight.pipeline import directory, listening

    data = str(tmp_path / "data")
    directory.prepare(data)
    body = b'{"error": {"message": "the disk is full"}}'
    with listening.bind_owner(data) as listener:
        listener.listen()

        def answer():
            for _ in range(2):
                asking, _ = listener.accept()
                asking.recv(4096)
                asking.sendall(b"HTTP/1.1 507 X\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                asking.close()

        answering = Thread(target=answer)
        answering.start()
        with pytest.raises(UnreachableError, match="the disk is full\n  its log: on stderr"):
            Client(data).get("/api/status")
        log = Path(directory.run_file(data, "fanlight.log"))
        log.touch()
        with pytest.raises(UnreachableError, match=f"its log: {log}"):
            Client(data).get("/api/status")
        answering.join(60)


def test_on_a_terminal_every_span_is_one_line_that_fits(data, on_a_terminal):
    lines = on_a_terminal("trace", ID, "--data", data).splitlines()
    assert len(lines) == 6
    assert all(len(line) <= 120 for line in lines)
    assert lines[4].rstrip().endswith("█" * 24)
