"""Titles of templates: below the root that a loader searches, never an absolute path."""

from __future__ import annotations

import os

import flask
import jinja2
import pytest
from django.template import Engine

from fanlight.normalizers import normalize
from fanlight.recording.views import ELSEWHERE, below, named, roots, title


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/srv/shop/templates/cart/item.html", "cart/item.html"),
        ("/srv/shop/own/cart.html", "cart.html"),
        ("/srv/shop/templates2/x.html", "/srv/shop/templates2/x.html"),
        ("cart.html", "cart.html"),
    ],
)
def test_a_path_is_shown_below_the_first_root_that_holds_it(path, shown):
    assert below(path, ["/srv/shop/templates", "/srv/shop/own/", "/srv"][:2]) == shown


def test_a_root_that_holds_everything_tells_nothing():
    assert below("/srv/x.html", ["/"]) == "/srv/x.html"


def test_the_directories_of_jinja_s_loaders_are_found_however_they_are_put_together():
    files, more = jinja2.FileSystemLoader(["/srv/a", "/srv/b"]), jinja2.FileSystemLoader("/srv/c")
    package = jinja2.PackageLoader("flask", "sansio")
    loader = jinja2.ChoiceLoader([files, jinja2.PrefixLoader({"x": more}), package, jinja2.DictLoader({})])
    found = roots(loader)
    assert found[:2] == ["/srv/a", "/srv/b"]
    assert "/srv/c" in found
    assert os.path.join(os.path.dirname(flask.__file__), "sansio") in found


def test_the_template_folders_of_flask_and_its_blueprints_are_found(tmp_path):
    app = flask.Flask("shop", root_path=str(tmp_path), template_folder="views")
    app.register_blueprint(flask.Blueprint("b", "b", root_path=str(tmp_path / "b"), template_folder="own"))
    loader = app.jinja_env.loader
    assert roots(loader) == [str(tmp_path / "views"), str(tmp_path / "b" / "own")]
    assert named(str(tmp_path / "b" / "own" / "x.html"), loader) == "x.html"


def test_the_directories_of_django_s_loaders_are_found(tmp_path):
    for loaders in (
        None,
        [("django.template.loaders.cached.Loader", ["django.template.loaders.filesystem.Loader"])],
    ):
        engine = Engine(dirs=[tmp_path / "views"], loaders=loaders)
        assert {root for loader in engine.template_loaders for root in roots(loader)} == {
            str(tmp_path / "views")
        }


def test_loaders_that_ask_each_other_for_ever_end():
    class Loop:
        @property
        def loaders(self):
            return [self]

    assert roots(Loop()) == []


@pytest.mark.parametrize(
    "loader", [None, object(), type("L", (), {"searchpath": 7})(), type("L", (), {"loaders": 7})()]
)
def test_a_loader_of_any_shape_fails_nothing(loader):
    assert named("/srv/x.html", loader) == "/srv/x.html"
    assert named(None, loader) is None


def test_no_title_is_an_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert title(str(tmp_path / "views" / "x.html")) == "views/x.html"
    assert title("/nowhere/of/ours/x.html") == ELSEWHERE
    assert title(f"{tmp_path}/views/../x.html") == "x.html"
    assert title(f"{tmp_path}/../hunter2/x.html") == ELSEWHERE
    assert normalize("view.render", "/nowhere/x.html") == ("view.render.template", ELSEWHERE, "", None)
    installed = os.path.join(os.path.dirname(flask.__file__), "templates", "x.html")
    assert title(installed) == "flask/templates/x.html"
    inside = str(tmp_path / ".venv" / "lib" / "python3.13" / "site-packages" / "shop" / "x.html")
    assert title(inside) == "shop/x.html"


def test_a_jinja_template_that_is_found_by_its_path_is_titled_by_what_is_below_the_root(
    tmp_path, monkeypatch
):
    from fanlight import instruments
    from fanlight.recording import recorder

    views = tmp_path / "views"
    (views / "cart").mkdir(parents=True)
    (views / "cart" / "x.html").write_text("cart")

    class Anywhere(jinja2.FileSystemLoader):
        """Takes absolute paths."""

        def get_source(self, environment, template):
            return super().get_source(environment, os.path.relpath(template, views))

    instruments.install(["jinja2"])
    traces = []
    monkeypatch.setattr(recorder.SWITCH, "sink", traces.append)
    environment = jinja2.Environment(loader=Anywhere(views), autoescape=True)
    opened = recorder.begin("app.test", "t", "e")
    assert environment.get_template(str(views / "cart" / "x.html")).render() == "cart"
    recorder.finish(opened)
    names = [event[3] for event in traces[0].records[0][0] if len(event) == 6]
    assert "cart/x.html" in names
    assert not [name for name in names if name and str(tmp_path) in str(name)]


def test_a_loader_whose_attributes_raise_leaves_the_name(tmp_path):
    class Loader:
        """Finds templates of whatever application is served just now."""

        @property
        def app(self):
            raise RuntimeError("working outside of application context")

    assert named("/srv/shop/cart.html", Loader()) == "/srv/shop/cart.html"
