"""Codes die on use; only digests are kept."""

from __future__ import annotations

import os
import stat

import pytest

from fanlight.web.keys import COOKIE_LIFETIME_S, KEPT_MAX, Keys


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keys(clock):
    return Keys(clock)


def test_a_code_is_exchanged_for_a_cookie_once(keys):
    code = keys.code()
    cookie = keys.exchange(code)
    assert keys.admits(cookie)
    assert keys.exchange(code) is None


def test_a_code_of_open_dies_after_a_minute(keys, clock):
    in_time, late = keys.code(), keys.code()
    clock.now += 60
    assert keys.exchange(in_time)
    clock.now += 0.001
    assert keys.exchange(late) is None
    clock.now -= 30
    assert keys.exchange(late) is None, "late once is dead"


def test_a_code_of_run_lives_until_it_is_used(keys, clock):
    code = keys.code(None)
    clock.now += 86400 * 30
    assert keys.exchange(code)
    assert keys.exchange(code) is None


def test_neither_a_code_nor_nonsense_is_a_cookie(keys):
    code = keys.code()
    for text in (code, "", "x", "\udc80", "é" * 10_000):
        assert not keys.admits(text)
        if text != code:
            assert keys.exchange(text) is None


def test_a_cookie_is_no_code(keys):
    cookie = keys.exchange(keys.code())
    assert keys.exchange(cookie) is None


def test_every_secret_is_new_and_long(keys):
    codes = {keys.code() for _ in range(50)}
    assert len(codes) == 50
    assert {len(code) for code in codes} == {43}


def test_what_is_remembered_is_bounded_and_the_oldest_goes(keys):
    first = keys.code(None)
    for _ in range(KEPT_MAX):
        keys.code(None)
    assert keys.exchange(first) is None
    assert len(keys.codes) == KEPT_MAX
    cookies = [keys.exchange(keys.code()) for _ in range(KEPT_MAX + 5)]
    assert len(keys.cookies) == KEPT_MAX
    assert keys.admits(cookies[-1])
    assert not keys.admits(cookies[0])


def test_a_cookie_outlives_the_server_and_a_code_does_not(tmp_path, clock):
    path = str(tmp_path / "cookies")
    first = Keys(clock, path)
    code, cookie = first.code(None), first.exchange(first.code())
    second = Keys(clock, path)
    assert second.admits(cookie)
    assert second.exchange(code) is None
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert cookie not in (tmp_path / "cookies").read_text(), "only its digest"


def test_a_cookie_lets_in_for_a_week(tmp_path, clock):
    keys = Keys(clock, str(tmp_path / "cookies"), wall=clock)
    cookie = keys.exchange(keys.code())
    clock.now += COOKIE_LIFETIME_S - 1
    assert keys.admits(cookie)
    clock.now += 1
    assert not keys.admits(cookie)
    clock.now -= 2 * COOKIE_LIFETIME_S
    assert not keys.admits(cookie), "a clock that was set back by weeks makes none good"


def test_a_clock_that_is_put_right_shuts_nobody_out(tmp_path, clock):
    keys = Keys(clock, str(tmp_path / "cookies"), wall=clock)
    cookie = keys.exchange(keys.code())
    for back_s in (0.5, 3600, 86_400):
        clock.now -= back_s
        assert keys.admits(cookie), back_s


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 300, b"x" * 64 + b" 1\n", b"\n".join([b"a" * 64] * 9), b"a" * 10**6]
)
def test_a_file_of_something_else_lets_nobody_in(tmp_path, content):
    path = tmp_path / "cookies"
    path.write_bytes(content)
    keys = Keys(path=str(path))
    assert keys.cookies == {}
    cookie = keys.exchange(keys.code())
    assert Keys(path=str(path)).admits(cookie)


def test_without_room_for_the_file_a_browser_is_let_in_all_the_same(tmp_path):
    keys = Keys(path=str(tmp_path / "nowhere" / "cookies"))
    assert keys.admits(keys.exchange(keys.code()))
