"""Codes die on use; only digests are kept."""

from __future__ import annotations

import pytest

from fanlight.web.keys import KEPT_MAX, Keys


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
