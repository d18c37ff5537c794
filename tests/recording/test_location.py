"""The place in the application's own code."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading

import pytest

import fanlight
from fanlight.recording import location as places
from fanlight.recording.location import (
    KNOWN,
    LIBRARY,
    OWN,
    STATEMENTS,
    Installed,
    Own,
    count_as_own,
    location,
    own_name,
    repeated_at,
)

SITE = "/srv/shop/.venv/lib/python3.12/site-packages/"


def test_it_is_this_file_and_this_line():
    expected = f"tests/recording/test_location.py:{sys._getframe().f_lineno + 1}"
    assert location() == expected


def test_frames_of_the_standard_library_are_passed_over():
    class Probe:
        def __str__(self) -> str:
            return ""

    found = []
    json.JSONEncoder(default=lambda _: found.append(location(sys._getframe().f_back))).encode(Probe())
    assert found[0].startswith("tests/recording/test_location.py:")


def test_installed_packages_fanlight_and_generated_code_are_not_the_applications():
    assert own_name(pytest.__file__) == ""
    assert own_name(os.__file__) == ""
    assert own_name(fanlight.__file__) == ""
    assert own_name("<string>") == ""
    assert own_name("<frozen importlib._bootstrap>") == ""


def test_an_installed_package_that_is_served_is_the_applications(tmp_path, monkeypatch):
    packages = tmp_path / "site-packages"
    for name in ("shop", "library"):
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").touch()
        (packages / name / "wsgi.py").touch()
    monkeypatch.syspath_prepend(str(packages))
    monkeypatch.setattr(OWN, "installed", ())
    importlib.import_module("shop.wsgi")
    module = str(packages / "shop" / "wsgi.py")
    assert own_name(module) == OWN[module] == ""
    count_as_own("shop.wsgi:app")
    count_as_own("not_imported.wsgi:app")
    count_as_own("__main__")
    assert OWN[module] == "shop/wsgi.py"
    assert own_name(str(packages / "library" / "wsgi.py")) == ""


def test_a_name_that_many_packages_share_is_nobodys_own(tmp_path, monkeypatch):
    packages = tmp_path / "site-packages"
    for name in ("shop", "library"):
        (packages / "company" / name).mkdir(parents=True)
        (packages / "company" / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(packages))
    monkeypatch.setattr(OWN, "installed", ())
    importlib.import_module("company.shop")
    count_as_own("company.shop:app")
    assert own_name(str(packages / "company" / "library" / "__init__.py")) == ""


def test_remembered_files_are_bounded(monkeypatch):
    monkeypatch.setattr(places, "FILES", 3)
    for names in (Own(), Installed()):
        answers = [names[f"/srv/shop/{number}.py"] for number in range(9)]
        assert len(names) == 3
        assert [names[f"/srv/shop/{number}.py"] for number in range(9)] == answers


def test_the_demo_is_an_application(monkeypatch):
    demo = os.path.join(os.path.dirname(fanlight.__file__), "demo", "shop.py")
    assert own_name(demo).endswith("fanlight/demo/shop.py")


def test_a_file_is_named_from_its_project_or_its_import_root(tmp_path, monkeypatch):
    project = tmp_path / "shop"
    monkeypatch.chdir(tmp_path)
    assert own_name(str(project / "cart.py")) == "shop/cart.py"
    monkeypatch.chdir("/")
    monkeypatch.syspath_prepend(str(project))
    assert own_name(str(project / "cart.py")) == "cart.py"
    assert own_name("/elsewhere/x.py") == "/elsewhere/x.py"


def test_without_a_frame_of_the_application_it_is_empty():
    assert location(None.__class__ and sys._getframe()) != ""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(location).result() == ""


# The recorder's own frame, between the driver's and `repeated_at`; no code of an application.
DRIVER: dict[str, object] = {"repeated_at": repeated_at}
exec(compile("def leaf(statement): return repeated_at(statement)", "<driver>", "exec"), DRIVER)
leaf = DRIVER["leaf"]


def asked(statement):
    return leaf(statement)


def test_a_remembered_place_is_the_one_that_a_full_look_finds():
    answers = {asked("SELECT 1") for _ in range(3)}
    assert answers == {asked("SELECT never seen before")}
    assert answers.pop().startswith("tests/recording/test_location.py:")


def test_a_statement_sent_from_elsewhere_is_looked_up_again():
    def one():
        return leaf("SELECT 2")

    def other(depth):
        return other(depth - 1) if depth else leaf("SELECT 2")

    lines = [one(), other(0), one(), other(7), other(0)]
    assert lines[0] == lines[2]
    assert lines[1] == lines[3] == lines[4]
    assert lines[0] != lines[1]


def test_another_function_as_far_up_is_not_taken_for_the_one_that_asked():
    library = {"leaf": leaf}
    exec(compile("def through(text): return leaf(text)", SITE + "orm.py", "exec"), library)

    def far():
        return library["through"]("SELECT 4")

    def near():
        return leaf("SELECT 4")

    def outer():
        return near()

    far()
    assert outer() == f"tests/recording/test_location.py:{near.__code__.co_firstlineno + 1}"


def test_remembered_statements_are_bounded():
    for number in range(STATEMENTS * 2):
        leaf(f"SELECT {number}")
    assert len(KNOWN) <= STATEMENTS


def test_a_working_directory_that_is_gone_costs_the_place_and_nothing_else(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setattr(sys, "path", ["lib", str(tmp_path), *sys.path])
    gone.rmdir()
    assert OWN["release/cart.py"] == ""
    assert OWN[str(tmp_path / "cart.py")] == "cart.py"


def called_through(*paths):
    """Answer the place found below functions of files that call each other, the first one outermost.

    In a thread of its own, where none of this file's frames lies below them.
    """
    call = location
    for path in reversed(paths):
        names = {"call": call}
        exec(compile("def asks(*given):\n    return call(*given)", path, "exec"), names)
        call = names["asks"]
    answers = []
    names = {"call": call, "answers": answers}
    exec(compile("def run(): answers.append(call())", "<thread>", "exec"), names)
    thread = threading.Thread(target=names["run"])
    thread.start()
    thread.join()
    return answers[0]


def test_where_only_libraries_ask_the_innermost_that_asks_for_itself_is_named():
    found = called_through(
        SITE + "gunicorn/workers/sync.py",
        SITE + "flask/app.py",
        SITE + "flask_appbuilder/views.py",
        SITE + "flask_appbuilder/security/manager.py",
        SITE + "sqlalchemy/orm/query.py",
        SITE + "psycopg2/extras.py",
    )
    assert found == f"flask_appbuilder/security/manager.py:2{LIBRARY}"


def test_a_framework_is_named_when_no_other_library_asks():
    found = called_through(
        SITE + "django/core/handlers/base.py",
        SITE + "django/contrib/admin/views/main.py",
        SITE + "django/db/models/query.py",
        "/usr/lib/python3/dist-packages/psycopg/cursor.py",
    )
    assert found == f"django/contrib/admin/views/main.py:2{LIBRARY}"


def test_whom_a_framework_calls_for_goes_before_the_framework():
    found = called_through(
        SITE + "gunicorn/workers/sync.py",
        SITE + "flask_appbuilder/views.py",
        SITE + "jinja2/environment.py",
        SITE + "peewee.py",
    )
    assert found == f"flask_appbuilder/views.py:2{LIBRARY}"


@pytest.mark.parametrize("count", [1, 100])
def test_the_applications_own_line_is_told_however_many_libraries_lie_below_it(count):
    libraries = [SITE + "flask_appbuilder/views.py"] * count
    found = called_through(SITE + "flask/app.py", "/srv/shop/cart.py", *libraries)
    assert found == "/srv/shop/cart.py:2"


def test_a_stack_without_an_end_is_given_up():
    assert called_through("/srv/shop/cart.py", *[SITE + "peewee.py"] * (places.DEPTH + 5)) == ""


def test_where_drivers_alone_ask_no_line_is_told():
    assert called_through(SITE + "sqlalchemy/orm/query.py", SITE + "psycopg2/extras.py") == ""


def test_a_repeat_from_a_library_becomes_the_applications_when_it_asks_through_it():
    library = {"leaf": leaf}
    exec(
        compile("def asks(statement):\n    return leaf(statement)", SITE + "admin/views.py", "exec"), library
    )
    answers = []
    outside = {"asks": library["asks"], "answers": answers}
    exec(compile("def run(): answers.append(asks('SELECT 3'))", "<thread>", "exec"), outside)
    thread = threading.Thread(target=outside["run"])
    thread.start()
    thread.join()
    assert answers == [f"admin/views.py:2{LIBRARY}"]
    assert library["asks"]("SELECT 3").startswith("tests/recording/test_location.py:")
