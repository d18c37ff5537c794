"""The shop behaves as the load generator and the finding expect."""

import importlib
import sys
import time

import pytest
from sqlalchemy import event

from fanlight.demo import database, load


@pytest.fixture
def shop(tmp_path, monkeypatch):
    path = str(tmp_path / "shop.db")
    database.create(path)
    monkeypatch.setenv("SHOP_DATABASE", path)
    monkeypatch.setenv("SHOP_PAYMENTS", "127.0.0.1:1")
    sys.modules.pop("fanlight.demo.shop", None)
    module = importlib.import_module("fanlight.demo.shop")
    yield module
    module.engine.dispose()
    sys.modules.pop("fanlight.demo.shop", None)


@pytest.fixture
def statements(shop):
    """The SQL that went to the database."""
    seen = []
    event.listen(shop.engine, "before_cursor_execute", lambda *told: seen.append(told[2]))
    return seen


@pytest.mark.parametrize("step", [s for s in load.MIX if s.endpoint.startswith("GET")], ids=str)
def test_each_step_of_the_mix_gets_the_status_it_expects(shop, step):
    response = shop.app.test_client().get(step.path.replace("{n}", "7"))
    assert response.status_code == step.status
    assert response.data


def test_each_step_names_a_route_as_the_shop_declares_it(shop):
    declared = {f"{method} {rule.rule}" for rule in shop.app.url_map.iter_rules() for method in rule.methods}
    assert {step.endpoint for step in load.MIX} <= declared


def test_the_order_page_asks_for_each_of_its_40_products_on_its_own(shop, statements):
    began = time.perf_counter()
    shop.app.test_client().get("/orders/7")
    took_s = time.perf_counter() - began
    looked_up = [sql for sql in statements if "FROM product" in sql]
    assert len(looked_up) == 40
    assert len(set(looked_up)) == 1
    assert took_s >= 40 * database.NETWORK_DELAY_S


def test_an_order_that_nobody_placed_is_not_found(shop):
    assert shop.app.test_client().get("/orders/999").status_code == 404


def test_the_export_is_streamed_while_it_is_read(shop, statements):
    response = shop.app.test_client().get("/export.csv")
    chunks = response.iter_encoded()
    assert next(chunks) == b"id,name,price_cents\n"
    assert statements == []
    assert sum(1 for _ in chunks) == database.PRODUCTS
    response.close()


def test_the_front_page_escapes_what_the_database_holds(shop):
    with database.Session(shop.engine) as session:
        session.get(database.Product, 1).name = "<script>alert(1)</script>"
        session.commit()
    page = shop.app.test_client().get("/").get_data(as_text=True)
    assert "<script>" not in page
