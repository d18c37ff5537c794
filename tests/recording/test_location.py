"""The place in the application's own code."""

from __future__ import annotations

import json
import os
import sys

import fanlight
from fanlight.recording.location import location, own_name


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
    import pytest

    assert own_name(pytest.__file__) == ""
    assert own_name(os.__file__) == ""
    assert own_name(fanlight.__file__) == ""
    assert own_name("<string>") == ""
    assert own_name("<frozen importlib._bootstrap>") == ""


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
