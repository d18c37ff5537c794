"""`fanlight query` over files, as a person types it; a real nginx writes one of them."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

LINES = [
    '10.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /blue?a=1 HTTP/1.1" 200 17 "-" "curl"',
    '10.0.0.2 - ann [31/Jan/2026:12:00:01 +0000] "POST /red HTTP/1.1" 503 170 "-" "curl"',
    '10.0.0.3 - - [31/Jan/2026:12:00:02 +0000] "GET /blue HTTP/1.1" 404 0 "-" "Googlebot"',
]
DEADLINE_S = 120


def ask(*arguments: str, stdin: bytes = b"", code: int = 0) -> tuple[str, str]:
    """Answer what a query writes to stdout and to stderr."""
    command = [sys.executable, "-m", "fanlight", "query", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "access.log"
    path.write_text("\n".join(LINES) + "\n")
    return str(path)


def test_selected_lines_are_written_as_they_are(log: str) -> None:
    assert ask("status:5xx", log) == (LINES[1] + "\n", "")


def test_words_in_one_file_are_answered_without_the_language_and_alike(log: str) -> None:
    code = "import sys; from fanlight.cli import answered; answered(sys.argv[1:]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "query", "red", log], capture_output=True, check=True)
    *found, modules = done.stdout.decode().splitlines()
    assert found == LINES[1:2]
    assert {"re", "typing", "fanlight.parsers", "fanlight.query.query"}.isdisjoint(modules.split())
    for words in (["googlebot", "red"], ["blue AND NOT googlebot"], ["curl", "AND", "red"], ["nowhere"]):
        assert ask(*words, log) == ask("--format", "text", *words, log)


def test_arguments_are_one_query_and_files_stand_behind_it(log: str) -> None:
    assert ask("status:>=400", "NOT", "googlebot", log, log)[0] == (LINES[1] + "\n") * 2


def test_keywords_that_united_are_told_once(log: str) -> None:
    out, told = ask("blue", "red", log)
    assert out.count("\n") == 3
    assert told == "fanlight: 3 events with blue or red; for all of them, write AND between\n"


def test_a_field_that_the_format_lacks_is_told_with_what_there_is(log: str) -> None:
    out, told = ask("duration:>1s", log)
    assert out == ""
    assert "no event has 'duration': the format combined has none; it has agent, bytes" in told
    assert told.endswith("a server's log format tells it with nginx's $request_time or Apache's %D\n")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("localhost:8080", "write '\"localhost:8080\"'"),
        ("statuz:200", "did you mean 'status'?"),
    ],
)
def test_a_field_that_is_none_comes_with_what_may_have_been_meant(query: str, told: str, log: str) -> None:
    assert told in ask(query, log)[1]


def test_values_of_another_case_are_told_when_nothing_is_selected(log: str) -> None:
    told = ask("method:get", log)[1]
    assert told.endswith("--case-insensitive would select some of the first lines\n")
    for query in ("method:GET", "method:PUT", "method:get --case-insensitive"):
        assert ask(query, log)[1] == ""


def test_a_field_that_no_object_had_is_told(tmp_path: Path) -> None:
    path = tmp_path / "app.jsonl"
    path.write_text('{"level": "info", "user": "ann"}\n' * 3)
    told = ask("usr:ann", str(path))[1]
    assert told.endswith("none of the first 3 has one; they have level, time, user; did you mean 'user'?\n")
    assert not ask("user:ann", str(path))[1]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--count"], "2\n"),
        (["--limit", "1"], LINES[0] + "\n"),
        (["--invert"], LINES[1] + "\n"),
        (["--fields", "status,path"], "200  /blue\n404  /blue\n"),
        (["-F", "line,status", "--format=csv"], "line,status\n1,200\n3,404\n"),
        (["-F", "status", "--format", "jsonl"], '{"status": 200}\n{"status": 404}\n'),
        (["-F", "status,user", "--format", "logfmt"], "status=200\nstatus=404\n"),
        (["-F", "status,path", "--format", "table"], "STATUS  PATH\n   200  /blue\n   404  /blue\n"),
        (["--format", "raw"], f"{LINES[0]}\n{LINES[2]}\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_shape_the_answer(options: list[str], wanted: str, log: str) -> None:
    assert ask(*options, "blue", log)[0] == wanted


def test_json_is_one_document(log: str) -> None:
    found = json.loads(ask("--format", "json", "blue", log)[0])
    assert [each["status"] for each in found] == [200, 404]
    assert found[0] == {
        "time": "2026-01-31T12:00:00.000+00:00",
        "client": "10.0.0.1",
        "method": "GET",
        "path": "/blue",
        "query": "a=1",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes": 17,
        "agent": "curl",
    }
    assert ask("--format", "json", "nowhere", log)[0] == "[]\n"


def test_stages_that_leave_events_whole_leave_their_lines(log: str) -> None:
    assert ask("| sort -status | head 2", log)[0] == f"{LINES[1]}\n{LINES[2]}\n"
    assert ask("| tail 1", log, "-F", "status")[0] == "404\n"


def test_stages_answer_a_table(log: str) -> None:
    assert ask("| stats count() by path", log)[0] == "PATH   COUNT\n/blue      2\n/red       1\n"


def test_the_plan_says_what_was_pushed_down(log: str) -> None:
    told = ask("--plan", "status:5xx", log)[1]
    assert "format combined, 96% sure" in told
    assert "nominates lines with" in told
    assert "the predicate decides on status" in told


def test_a_zone_says_when_times_without_one_were(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("2026-01-31 12:00:00 INFO a\n2026-01-31 13:00:00 INFO b\n")
    out, _ = ask("--tz", "Europe/Berlin", "from:2026-01-31T11:30:00Z", str(path))
    assert out == "2026-01-31 13:00:00 INFO b\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["blue", "no.log"], "'no.log' is none here"),
        (["blue", "--follow"], "--follow no file is named"),
        (["blue", "--last", "1h", __file__], "--last is of what Fanlight keeps"),
        (["--formt", "csv", "blue"], "did you mean '--format'?"),
        (["--limit", "many", "blue"], "--limit wants a number"),
        (["--untimed", "x", "blue"], "keep or drop"),
        (["--format"], "--format wants a value"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_line_that_cannot_be_read_is_explained(arguments: list[str], told: str) -> None:
    assert told in ask(*arguments, code=2)[1]


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("jsonl", '{"message": "a"}\n' * 3 + '{"raw": "{bad"}\n'),
        ("logfmt", "message=a\n" * 3 + "raw={bad\n"),
        ("csv", "message,raw\n" + "a,\n" * 3 + ",{bad\n"),
        ("table", "MESSAGE  RAW\n" + "a\n" * 3 + "         {bad\n"),
    ],
)
def test_a_bad_line_is_written_as_it_is_and_counted(form: str, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "app.jsonl"
    path.write_text('{"message": "a"}\n' * 3 + "{bad\n")
    out, told = ask("--format", form, "", str(path))
    assert out == wanted
    assert "1 of the lines looked at: no JSON" in told
    assert "{bad" in ask("--format", form, "--errors", "", str(path))[1]


def test_a_bad_line_is_counted_and_with_strict_an_end(tmp_path: Path) -> None:
    path = tmp_path / "app.jsonl"
    path.write_text('{"level": "error"}\n{"level": "info"}\nnonsense info\n')
    out, told = ask("NOT level:info", str(path))
    assert out == '{"level": "error"}\nnonsense info\n'
    assert "1 of the lines looked at: no JSON" in told
    shown = ask("--errors", "NOT level:info", str(path))[1].splitlines()
    assert shown[-1].startswith(f"fanlight: {path}: no JSON")
    assert shown[-1].endswith(": nonsense info")
    assert f"{path}:3:5: no JSON" in ask("--strict", "level:error", str(path), code=1)[1]


def test_what_is_on_a_terminal_cannot_drive_it(tmp_path: Path) -> None:
    import pty

    path = tmp_path / "app.log"
    path.write_bytes(b"blue \x1b[2Jgone\n")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "fanlight", "query", "blue", str(path)]
    process = subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    try:
        shown = os.read(ours, 4096)
        assert b"\x1b[2J" not in shown
        assert "blue ␛[2Jgone" in shown.decode()
        process.wait(DEADLINE_S)
    finally:
        os.close(ours)
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", ["rename", "copytruncate"])
def test_a_followed_file_goes_on_through_rotation(how: str, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("blue 1\nred\n")
    command = [sys.executable, "-m", "fanlight", "query", "--follow", "--as", "plain", "blue", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"blue 1\n"
            with path.open("a") as file:
                file.write("blue 2\nhalf a bl")
            assert process.stdout.readline() == b"blue 2\n"
            if how == "rename":
                path.rename(tmp_path / "app.log.1")
                path.write_text("blue 3\n")
            else:
                os.truncate(path, 0)
                # The follower sees a file that is shorter than what it read, as it will be in practice.
                with path.open("a") as file:
                    file.write("blue 3\n")
            assert process.stdout.readline() == b"blue 3\n"
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=DEADLINE_S)


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


@pytest.fixture
def nginx(tmp_path: Path) -> Path:
    """A log that a real nginx wrote: of its default format, and of one with the time."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "page").write_text("x" * 1000)
    temporary = "".join(
        f"{each}_temp_path {tmp_path}/{each};"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;"
        "events { worker_connections 64; }"
        "http { log_format timed '$remote_addr [$time_iso8601] \"$request\" $status $request_time';"
        f"{temporary} server {{ listen 127.0.0.1:{port}; root {tmp_path}/site;"
        f"access_log {tmp_path}/access.log; access_log {tmp_path}/timed.log timed; }} }}"
    )
    process = subprocess.Popen([program, "-c", f"{tmp_path}/nginx.conf", "-e", f"{tmp_path}/error.log"])
    try:
        ends = time.monotonic() + DEADLINE_S
        while time.monotonic() < ends:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        agent = {"User-Agent": 'say "hi" \\'}
        for path in ("page?a=b", "page", "none", "odd%22quote"):
            request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", headers=agent)
            try:
                urllib.request.urlopen(request, timeout=60).close()
            except urllib.error.HTTPError as error:
                error.close()
        with socket.create_connection(("127.0.0.1", port), 60) as place:
            place.sendall(b"\x16\x03\x01 no request\r\n\r\n")
            place.recv(4096)
        # It writes a line when it is done with a connection, not when it answered.
        while (tmp_path / "timed.log").read_bytes().count(b"\n") < 5 and time.monotonic() < ends:
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(DEADLINE_S)
    return tmp_path


def test_the_log_of_a_real_nginx_is_read(nginx: Path) -> None:
    found = json.loads(ask("--format", "json", "path:^/page", str(nginx / "access.log"))[0])
    assert [(each["path"], each.get("query"), each["status"], each["bytes"]) for each in found] == [
        ("/page", "a=b", 200, 1000),
        ("/page", None, 200, 1000),
    ]
    assert [each["agent"] for each in found] == [r"say \x22hi\x22 \x5C"] * 2
    assert ask("--count", "status:404", str(nginx / "access.log"))[0] == "2\n"
    strange = json.loads(ask("--format", "json", "status:400", str(nginx / "access.log"))[0])
    assert strange[0]["request"] == r"\x16\x03\x01 no request"


def test_a_format_of_nginx_is_read_by_its_own_words(nginx: Path) -> None:
    words = '$remote_addr [$time_iso8601] "$request" $status $request_time'
    found = json.loads(ask("--as", words, "--format", "json", "duration:<10s", str(nginx / "timed.log"))[0])
    assert len(found) == 5
    assert all(each["duration"] < 10**10 for each in found)


def test_of_a_thread_dump_the_threads_that_were_asked_for_are_written(tmp_path: Path) -> None:
    one = '"one" #1 tid=0x1\n\tat A.one(A.java:1)\n\n'
    dump = '2026-01-31 12:00:00\nFull thread dump X:\n\n{}"two" #2 tid=0x2\n\tat A.two(A.java:2)\n'
    path = tmp_path / "dumps.txt"
    path.write_text(dump.format(one) * 2)
    assert ask("stack:two", str(path))[0] == dump.format("") * 2
    found = json.loads(ask("stack:two", str(path), "-F", "line,threads", "--format", "json")[0])
    assert [each["line"] for each in found] == [1, 9]
    assert [[inner["thread"] for inner in each["threads"]] for each in found] == [["two"]] * 2
    assert ask("stack:two NOT thread:two", str(path), "--count")[0] == "0\n"


def test_the_parts_of_a_rotated_log_are_read_oldest_first(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(LINES[2] + "\n")
    (tmp_path / "access.log.1").write_text(LINES[1] + "\n")
    (tmp_path / "access.log.2.gz").write_bytes(gzip.compress(LINES[0].encode() + b"\n"))
    (tmp_path / "other.log").write_text("blue red\n")
    wanted = "".join(f"{line}\n" for line in LINES)
    named = [str(tmp_path / name) for name in ("access.log", "access.log.1", "access.log.2.gz")]
    assert ask("blue", "red", *named)[0] == wanted
    assert ask("blue", "red", f"{tmp_path}/access.log*")[0] == wanted
    assert ask("blue", "red", named[0], f"{tmp_path}/other.log", named[2])[0].splitlines() == [
        LINES[0],
        "blue red",
        LINES[2],
    ]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("acces.log", "is no file here, so it was read as a part of the query; did you mean 'access.log'?"),
        ("./folder", "'./folder' is a directory; name its files, as ./folder/*.log"),
        ("none*.log", "'none*.log' matches no file here"),
    ],
)
def test_a_word_that_was_meant_to_be_a_file_is_told(
    word: str, told: str, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(log).parent
    (folder / "folder").mkdir()
    monkeypatch.chdir(folder)
    assert told in ask("blue", word, "access.log")[1]
    assert told.partition(";")[0] in ask("blue", word, code=2)[1]
    assert "is no file" not in ask("blue", "/api/x", "page.html", "access.log")[1]
    assert (
        "'access.log' is a file, but words of the query stand behind it"
        in ask("blue", "access.log", "red", code=2)[1]
    )


def test_several_files_are_followed_at_once(tmp_path: Path) -> None:
    paths = [tmp_path / "a.log", tmp_path / "b.log"]
    for path in paths:
        path.write_text(f"blue {path.stem}\n")
    command = [sys.executable, "-m", "fanlight", "query", "--follow", "--as", "plain", "blue", *paths]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert {process.stdout.readline() for _ in paths} == {b"blue a\n", b"blue b\n"}
            for path in (paths[1], paths[0], paths[1]):
                with path.open("a") as file:
                    file.write(f"blue again {path.stem}\n")
                assert process.stdout.readline() == f"blue again {path.stem}\n".encode()
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130


def test_a_compressed_file_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(b"blue\n"))
    assert "is compressed, so nothing is added to it" in ask("--follow", "blue", str(path), code=1)[1]
