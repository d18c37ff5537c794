"""Programs of greenlets drawn at random, several traces side by side, the library patched and without."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAMS = 60
PROGRAM = """
import sys
patched = sys.argv[1] == "patched"
if patched:
    from gevent import monkey
    monkey.patch_all()
import random, threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
import gevent, gevent.pool
from fanlight.recording import recorder
from fanlight.recording.blocks import trace
from fanlight.recording.branches import hook
from fanlight.recording.recorder import span

sys.path.insert(0, sys.argv[2])
from conftest import read

caught = []
recorder.SWITCH.sink = caught.append
hook()
CALLS = ("native", "thread", "submit")
GREENLETS = ("span", "span", "leaf", "leaf", "sleep", "spawn", "later", "group", "map", "each", *CALLS)
# What runs in a thread of the system's must not wait for the patched library's threads.
THREADS = ("span", "leaf") if patched else ("span", "leaf", "thread", "submit")
MANY = 300


def program(draw, depth, greenlets=True):
    steps = []
    for _ in range(draw.randint(1, 4)):
        word = draw.choice(GREENLETS if greenlets else THREADS)
        if word in ("leaf", "sleep") or not depth:
            steps.append(("sleep" if word == "sleep" else "leaf", []))
        else:
            inside = greenlets and word != "native" and (patched or word not in CALLS)
            steps.append((word, program(draw, depth - 1, inside)))
    return steps


class Run:
    def __init__(self, executor):
        self.executor, self.numbers, self.parents = executor, count(1), {}

    def main(self, name, steps):
        with trace(name):
            self.whole(steps, name)

    def whole(self, steps, parent):
        waits = []
        self.take(steps, parent, waits)
        while waits:
            waits.pop()()

    def take(self, steps, parent, waits):
        for word, inside in steps:
            if word in ("span", "leaf"):
                name = str(next(self.numbers))
                self.parents[name] = parent
                with span(name):
                    self.take(inside, name, waits)
            elif word == "sleep":
                gevent.sleep(0)
            elif word == "spawn":
                waits.append(gevent.spawn(self.whole, inside, parent).get)
            elif word == "later":
                waits.append(gevent.spawn_later(0.0001, self.whole, inside, parent).get)
            elif word == "group":
                waits.append(gevent.pool.Pool(2).spawn(self.whole, inside, parent).get)
            elif word == "map":
                gevent.pool.Pool(2).map(lambda _: self.whole(inside, parent), range(2))
            elif word == "each":
                list(gevent.pool.Group().imap_unordered(lambda _: self.whole(inside, parent), range(2)))
            elif word == "native":
                waits.append(gevent.get_hub().threadpool.spawn(self.whole, inside, parent).get)
            elif word == "thread":
                thread = threading.Thread(target=self.whole, args=(inside, parent))
                thread.start()
                waits.append(thread.join)
            else:
                waits.append(self.executor.submit(self.whole, inside, parent).result)


def pairs(shape, parent):
    title, children = shape if isinstance(shape, tuple) else (shape, [])
    return [(title, parent), *(pair for child in children for pair in pairs(child, title))]


def is_right(draw):
    plans = {f"root {number}": program(draw, 3) for number in range(draw.randint(1, 3))}
    with ThreadPoolExecutor(MANY) as executor:
        runs = {name: Run(executor) for name in plans}
        gevent.joinall([gevent.spawn(runs[name].main, name, plans[name]) for name in plans], raise_error=True)
    found = sorted(sorted(pairs(read(one).shape(), "")) for one in caught)
    caught.clear()
    return found == sorted(sorted([(name, ""), *runs[name].parents.items()]) for name in runs)


print([seed for seed in range(int(sys.argv[3])) if not is_right(random.Random(seed))])
"""


@pytest.mark.parametrize("patched", ["patched", "plain"])
def test_every_span_of_a_random_program_of_greenlets_stands_where_it_was_called(patched, request):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, patched, str(request.path.parent), str(PROGRAMS)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
