"""The shop's database: three tables in one SQLite file that answers as slowly as a remote one."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

NETWORK_DELAY_S = 0.002
"""What a round trip to a database in the next rack costs."""

PRODUCTS = 200
ORDERS = 50
LINES_PER_ORDER = 40


class RemoteCursor(sqlite3.Cursor):
    """A cursor whose every statement takes a round trip."""

    def execute(self, sql: str, parameters: Any = (), /) -> RemoteCursor:
        """Wait as for a network, then execute."""
        time.sleep(NETWORK_DELAY_S)
        return super().execute(sql, parameters)


class RemoteConnection(sqlite3.Connection):
    """A connection that hands out slow cursors."""

    def cursor(self, factory: Any = RemoteCursor) -> Any:
        """Answer a cursor, a slow one unless asked otherwise."""
        return super().cursor(factory)


class Table(DeclarativeBase):
    """What the shop's tables have in common."""


class Product(Table):
    """Something to buy."""

    __tablename__ = "product"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price_cents: Mapped[int]


class Order(Table):
    """What somebody bought at once."""

    __tablename__ = "customer_order"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str]
    lines: Mapped[list[Line]] = relationship(order_by="Line.id")


class Line(Table):
    """One product of an order."""

    __tablename__ = "order_line"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("customer_order.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    quantity: Mapped[int]
    product: Mapped[Product] = relationship()


def connect(path: str) -> Engine:
    """Answer an engine on the database file, with the simulated network in between."""
    return create_engine(f"sqlite:///{path}", connect_args={"factory": RemoteConnection})


def create(path: str) -> None:
    """Write the shop's goods and orders into a new database file; no network is simulated."""
    engine = create_engine(f"sqlite:///{path}")
    Table.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(
            Product(id=n, name=f"Fan No. {n}", price_cents=900 + 7 * n) for n in range(1, PRODUCTS + 1)
        )
        session.add_all(order(n) for n in range(1, ORDERS + 1))
        session.commit()
    engine.dispose()


def order(number: int) -> Order:
    """Answer order `number`: 40 lines, every one for another product."""
    lines = [
        Line(product_id=(number * 3 + i) % PRODUCTS + 1, quantity=1 + i % 3) for i in range(LINES_PER_ORDER)
    ]
    return Order(id=number, customer=f"Customer {number}", lines=lines)
