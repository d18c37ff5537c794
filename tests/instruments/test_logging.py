"""Python's logging: what is kept of a record, and what never is."""

from __future__ import annotations

import gc
import logging
import sys
import threading
import weakref
from typing import Any

import pytest

from fanlight import normalizers
from fanlight.recording.recorder import SWITCH, begin, finish

SECRET = "hunter2"
LOG = logging.Logger("shop.cart")  # noqa: LOG001  without a parent, so that pytest does not listen


class Lines(logging.Handler):
    """A handler that formats, as those of applications do."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def handler() -> Any:
    handler = Lines()
    LOG.addHandler(handler)
    yield handler
    LOG.removeHandler(handler)
    LOG.setLevel(logging.NOTSET)


@pytest.fixture
def silent() -> logging.Logger:
    """Answer a logger whose handler looks at nothing."""
    logger = logging.Logger("shop.silent")  # noqa: LOG001  one that has no parent
    logger.addHandler(logging.NullHandler())
    return logger


@pytest.fixture
def logged(seen: Any) -> Any:
    """Answer a function that runs another inside a trace and answers what was kept of its records."""

    def run(work: Any) -> list[tuple[str, str, dict[str, Any]]]:
        opened = begin("app.test", "t", "e")
        try:
            work()
        finally:
            finish(opened)
        spans = [normalizers.normalize(*leaf) for leaf in seen.leaves("log.record")]
        return [(category, title, notes) for category, title, _, notes in spans]

    return run


def test_a_warning_carries_its_logger_and_message(logged: Any, handler: Lines) -> None:
    assert logged(lambda: LOG.warning("only %d of %s left", 3, "tea")) == [
        ("log.warning", "shop.cart", {"message": "only 3 of tea left"})
    ]
    assert handler.lines == ["only 3 of tea left"]


def test_the_level_is_the_category(logged: Any, handler: Lines) -> None:
    LOG.setLevel(1)

    def work() -> None:
        for level in (10, 20, 25, 29, 30, 35, 40, 50, 90):
            LOG.log(level, "x")

    assert [category for category, _, _ in logged(work)] == [
        *("log.warning", "log.warning", "log.error", "log.critical", "log.critical")
    ]
    assert len(handler.lines) == 9


def test_an_exception_is_kept_by_its_type(logged: Any, handler: Lines) -> None:
    def work() -> None:
        try:
            {}[SECRET]
        except KeyError:
            LOG.exception("no such product")

    assert logged(work) == [("log.error", "shop.cart", {"message": "no such product", "error": "KeyError"})]
    assert SECRET in handler.lines[0]


def test_the_place_is_the_applications_and_the_time_its_handlers(seen: Any, handler: Lines) -> None:
    opened = begin("app.test", "t", "e")
    line = sys._getframe().f_lineno + 1
    LOG.warning("here")
    finish(opened)
    ((start, end, name, _, where),) = opened.records[0][0]
    assert name == "log.record"
    assert opened.start_ns <= start < end <= opened.end_ns
    assert where.endswith(f"tests/instruments/test_logging.py:{line}")


@pytest.mark.parametrize(
    ("called", "message"),
    [
        ((f"login failed: password={SECRET}", *()), "login failed: password=<redacted>"),
        (("login failed: password=%s", *(SECRET,)), "login failed: password=<redacted>"),
        (("Not Found: %s", *(f"/{SECRET}",)), "Not Found: <path>"),
        (("asked /x?card=%s twice", *(SECRET,)), "asked /x?<query> twice"),
        (("%(who)s asked %(path)s", *({"who": "ada", "path": f"/{SECRET}"},)), "ada asked <path>"),
        (("first line\n%s", *(SECRET,)), "first line"),
        ((f"select * from t where a = '{SECRET}'", *()), "select * from t where a = ?"),
    ],
)
@pytest.mark.parametrize("formats", [True, False], ids=["formatted", "not formatted"])
def test_secrets_paths_and_queries_stay_here(
    logged: Any, handler: Lines, silent: Any, formats: bool, called: Any, message: str
) -> None:
    ((_, _, notes),) = logged(lambda: (LOG if formats else silent).warning(*called))
    assert notes == {"message": message}


def test_arguments_that_do_not_fit_are_harmless(logged: Any, silent: Any) -> None:
    def work() -> None:
        silent.warning("%d items", "many")
        silent.warning("no place", "for this")
        silent.warning("%s and %s", "one")
        silent.warning("%(a)s", {"b": 1})
        silent.warning(17)

    assert [notes["message"] for _, _, notes in logged(work)] == [
        *("%d items", "no place", "%s and %s", "%(a)s", "17")
    ]
    assert SWITCH.faults == 0


class Lazy:
    """An object of the application that asks a database when it is shown."""

    asked = 0

    def __str__(self) -> str:
        Lazy.asked += 1
        return "shown"


def test_an_object_is_shown_no_more_often_than_the_handlers_show_it(
    logged: Any, silent: Any, handler: Lines
) -> None:
    Lazy.asked = 0
    ((_, _, notes),) = logged(lambda: silent.warning("got %s", Lazy()))
    assert Lazy.asked == 0
    assert notes["message"].startswith("got <")
    *_, (_, _, notes) = logged(lambda: LOG.warning("got %s", Lazy()))
    assert (Lazy.asked, notes["message"]) == (1, "got shown")


def test_no_object_is_kept(logged: Any, silent: Any) -> None:
    class Order:
        def __int__(self) -> int:
            raise ArithmeticError(self)

    orders = [Order()]
    reference = weakref.ref(orders[0])

    def work() -> None:
        try:
            int(orders[0])
        except ArithmeticError:
            silent.exception("order %s", orders[0])

    assert len(logged(work)) == 1
    orders.clear()
    gc.collect()
    assert reference() is None


def test_a_long_text_is_cut_before_it_waits_for_the_background(
    seen: Any, silent: logging.Logger, handler: Lines
) -> None:
    opened = begin("app.test", "t", "e")
    for logger in (LOG, silent):
        logger.warning("m" * 5_000)
        logger.warning("%s%s", "a" * 5_000, "b" * 5_000)
    finish(opened)
    assert [len(payload[2]) for _, payload in seen.leaves("log.record")] == [1_000] * 4
    assert len(handler.lines[1]) == 10_000


def test_what_is_beyond_the_cap_is_counted(seen: Any, silent: Any) -> None:
    opened = begin("app.test", "t", "e")
    for number in range(40):
        silent.warning("%d", number)
    finish(opened)
    assert [payload[2] for _, payload in seen.leaves("log.record")] == [str(n) for n in range(32)]
    assert opened.notes == {"log.more": 8}


def test_threads_of_a_trace_share_its_cap(seen: Any, silent: Any) -> None:
    from fanlight.recording.branches import hook

    hook()
    opened = begin("app.test", "t", "e")
    threads = [threading.Thread(target=lambda: [silent.warning("x") for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
        thread.join()
    finish(opened)
    assert len(seen.leaves("log.record")) == 32
    assert opened.notes == {"log.more": 8}


@pytest.mark.parametrize("name", ["fanlight", "fanlight.agent"])
def test_our_own_loggers_are_left_out(logged: Any, name: str) -> None:
    logger = logging.getLogger(name)
    logger.addHandler(logging.NullHandler())
    assert logged(lambda: logger.warning("x")) == []
    assert len(logged(lambda: logging.getLogger(name.replace("fanlight", "fanlighter")).warning("x"))) == 1


def test_outside_of_a_trace_and_in_one_without_spans_nothing_is_kept(
    seen: Any, logged: Any, silent: Any
) -> None:
    silent.warning("x")
    assert not seen
    SWITCH.sample = 0.0
    assert logged(lambda: silent.warning("x")) == []


def test_a_handler_that_logs_and_one_that_raises_do_what_they_did(logged: Any) -> None:
    class Raising(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            if record.getMessage() == "outer":
                logging.getLogger("shop.inner").warning("inner")
            raise OSError(record.getMessage())

    logger = logging.getLogger("shop.raising")
    inner = logging.getLogger("shop.inner")
    logger.propagate = inner.propagate = False
    inner.addHandler(logging.NullHandler())
    logger.addHandler(Raising())

    def work() -> None:
        with pytest.raises(OSError, match="outer"):
            logger.warning("outer")

    assert [notes["message"] for _, _, notes in logged(work)] == ["inner", "outer"]


def test_a_record_of_any_shape_is_passed_on(logged: Any) -> None:
    logger = logging.Logger("shop.odd")  # noqa: LOG001  one that has no parent
    got: list[Any] = []

    class Taking(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            got.append(record)
            return True

    logger.addHandler(Taking())
    odd = logging.makeLogRecord(
        {"levelno": 40, "name": None, "args": object(), "exc_info": 1, "pathname": 3, "msg": Lazy()}
    )
    assert len(logged(lambda: logger.handle(odd))) == 1
    assert got == [odd]
