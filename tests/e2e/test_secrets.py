"""Twelve planted secrets: none is found in any file, log or page of Fanlight's."""

import json
import os
import signal
import subprocess

import duckdb

APPLICATION = '''
"""An application that handles secrets as real ones do."""
import sqlite3
from flask import Flask, request, session
from sqlalchemy import create_engine, text

import fanlight

app = Flask(__name__)
app.secret_key = "hunter2-session-key"
database = sqlite3.connect(":memory:", check_same_thread=False)
database.execute("CREATE TABLE account (name TEXT, password TEXT)")
engine = create_engine("sqlite://")


@app.route("/sql", methods=["GET", "POST"])
def sql():
    database.execute("SELECT * FROM account WHERE password = 'hunter2-sql-literal'").fetchall()
    database.execute("SELECT * FROM account /* token hunter2-sql-comment */ WHERE name = 'x'").fetchall()
    with engine.connect() as connection:
        connection.execute(text("SELECT 'hunter2-sqlalchemy-literal' -- hunter2-sql-line-comment")).all()
    return request.form.get("password", "none")


@app.get("/session")
def login():
    session["user"] = "hunter2-session-value"
    app.logger.warning("in-the-log %s token=%s", "/hunter2-logged-path?a=hunter2-b", "hunter2-logged-token")
    app.logger.error("at https://u:hunter2-logged-password@db/x?key=hunter2-logged-query, secret: hunter2")
    return "in"


@app.get("/annotated")
def annotated():
    fanlight.annotate(plan="in-the-clear", api_key="hunter2-annotation")
    fanlight.annotate(**{"X-Api-Key": "hunter2-header-annotation"})
    with fanlight.span("step"):
        fanlight.annotate(password="hunter2-span-annotation")
    return "noted"


@app.get("/password")
def password():
    raise RuntimeError("cannot log in with password=hunter2-exception-text")


@app.get("/dsn")
def dsn():
    raise ConnectionError("cannot reach postgresql://admin:hunter2-dsn@db.example/shop")
'''

VISIBLE = ("SELECT FROM account", "in-the-clear", "in-the-log")


def requests(port, kit):
    """Send every secret once."""
    get = kit.get
    secret_headers = {"Authorization": "Bearer hunter2-authorization", "Cookie": "id=hunter2-cookie"}
    assert get(port, "/sql", secret_headers)[0] == 200
    assert get(port, "/sql?token=hunter2-query-string")[0] == 200
    assert get(port, "/session")[0] == 200
    assert get(port, "/annotated")[0] == 200
    assert get(port, "/password")[0] == 500
    assert get(port, "/dsn")[0] == 500
    assert get(port, "/reset/hunter2-unmatched-path")[0] == 404
    form = ["curl", "-s", "-d", "password=hunter2-form-body", f"http://127.0.0.1:{port}/sql"]
    assert subprocess.run(form, capture_output=True, check=True).stdout == b"hunter2-form-body"
    return 8


def rows(path):
    """Answer every value of a store's file as text: the file itself is compressed."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
        ).fetchall()
        return "\n".join(
            str(connection.execute(f'SELECT * FROM "{schema}"."{name}"').fetchall()) for schema, name in names
        )


def planted(data):
    """Answer the secrets in some bytes or text."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return sorted({word for word in text.replace("'", " ").replace('"', " ").split() if "hunter2" in word})


def test_no_planted_secret_is_found_in_file_log_or_page(house, kit):
    house.serve()
    server = house.pids()["server"]
    # With the server frozen the spool keeps what it has, in the plain.
    os.kill(server, signal.SIGSTOP)
    process, port = house.application("vault", APPLICATION, PLANTED="hunter2-environment")
    sent = requests(port, kit)
    kit.end(process)
    spool = b"".join(path.read_bytes() for path in (house.data / "spool").glob("*.seg"))
    os.kill(server, signal.SIGCONT)
    # What may be seen is there: without it, finding no secret would prove nothing.
    assert all(word.encode() in spool for word in VISIBLE)
    assert planted(spool) == []

    kit.wait(lambda: house.stored("vault") == sent, "all requests")
    listed = [row for row in json.loads(house.ask("endpoints", "--json")) if row["service"] == "vault"]
    assert planted(json.dumps(listed)) == []
    pages = house.walk(listed)
    assert all(word in "".join(pages) for word in VISIBLE)
    assert planted("".join(pages)) == []

    kit.end(house.served)
    files = [path for path in house.data.rglob("*") if path.is_file() and not path.is_symlink()]
    stores = [path for path in files if path.suffix == ".duckdb"]
    for path in files:
        assert planted(path.read_bytes()) == [], path
    texts = [rows(path) for path in stores]
    assert all(word in "".join(texts) for word in VISIBLE)
    assert planted("".join(texts)) == []
    assert planted((house.folder / "serve.log").read_bytes()) == []
