"""The sample shop: one route per thing that Fanlight should make visible."""

from __future__ import annotations

import os
from http.client import HTTPConnection
from typing import TYPE_CHECKING

from flask import Flask, Response, abort, jsonify, redirect, render_template, request, stream_with_context
from sqlalchemy import select
from sqlalchemy.orm import Session

import fanlight
from fanlight.demo.database import Order, Product, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

app = Flask(__name__)
engine = connect(os.environ["SHOP_DATABASE"])


@app.get("/")
def home() -> str:
    """Show the front page: one query, one template."""
    with Session(engine) as session:
        products = session.scalars(select(Product).limit(12)).all()
        return render_template("home.html", products=products)


@app.get("/products")
def products() -> Response:
    """List all products as JSON."""
    with Session(engine) as session:
        found = session.scalars(select(Product).order_by(Product.name))
        return jsonify([{"id": p.id, "name": p.name, "price_cents": p.price_cents} for p in found])


@app.get("/orders/<int:order_id>")
def show_order(order_id: int) -> str:
    """Show one order, asking for every line's product on its own: the deliberate N+1."""
    with Session(engine) as session:
        order = session.get(Order, order_id)
        if order is None:
            abort(404)
        rows = []
        for line in order.lines:
            product = line.product  # one query each; selectinload(Line.product) would make it one for all
            rows.append((product.name, line.quantity, product.price_cents * line.quantity))
        return render_template("order.html", order=order, rows=rows)


@app.post("/checkout")
def checkout() -> tuple[Response, int] | Response:
    """Pay for an order: waits for the payments service."""
    order_id = request.form.get("order", type=int, default=1)
    with fanlight.span("pay for the order", "app.checkout"):
        connection = HTTPConnection(os.environ["SHOP_PAYMENTS"], timeout=10)
        connection.request("POST", "/charge", body=f"order={order_id}")
        paid = connection.getresponse()
        paid.read()
        connection.close()
    if paid.status != 200:
        return jsonify(error="the payment was refused"), 502
    return redirect(f"/orders/{order_id}", code=303)  # type: ignore[return-value]


@app.get("/broken")
def broken() -> str:
    """Fail as an unfinished feature does."""
    raise NotImplementedError("gift vouchers are not on sale yet")


@app.get("/export.csv")
def export() -> Response:
    """Send all products as CSV while they are read: the response outlives the view."""

    def lines() -> Iterator[str]:
        yield "id,name,price_cents\n"
        with Session(engine) as session:
            for product in session.scalars(select(Product).execution_options(yield_per=50)):
                yield f"{product.id},{product.name},{product.price_cents}\n"

    return Response(stream_with_context(lines()), mimetype="text/csv")
