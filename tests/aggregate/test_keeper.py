"""What is kept is what the budgets and reservoirs say, and its weights add up to the truth."""

from __future__ import annotations

import random

import pytest

from fanlight.aggregate.keeper import MINUTE_NS, Keeper

GROUP = ("shop", "/", "html")


def keeper(spans_per_s=0.0, traces_per_s=500.0, seed=3):
    return Keeper(spans_per_s, traces_per_s, random.Random(seed).random)


def test_everything_is_kept_whole_while_the_budget_lasts():
    keep = keeper(spans_per_s=10)
    keep.turn(5 * MINUTE_NS)
    budget = keep.budget("shop")
    # Constant durations: past the budget of 600 spans nothing is slower, so only draws are kept.
    kept = [keep.whole(budget, keep.reservoir(GROUP), 20, 100, error=False) for _ in range(60)]
    assert all(kept[:30])
    assert not all(kept[30:])


def test_a_new_minute_brings_a_new_budget():
    keep = keeper(spans_per_s=1)
    keep.turn(0)
    assert keep.whole(keep.budget("shop"), keep.reservoir(GROUP), 60, 5, error=False)
    assert keep.budget("shop").spans == 60
    keep.turn(MINUTE_NS)
    assert keep.budget("shop").spans == 0
    assert keep.reservoir(GROUP).passed == 0


def test_beyond_the_budget_the_first_five_then_a_shrinking_share_is_kept():
    hits = [0] * 200
    for seed in range(400):
        keep = keeper(seed=seed)
        for n in range(200):
            hits[n] += keep.whole(keep.budget("s"), keep.reservoir(GROUP), 1, 1, error=False)
    assert hits[:5] == [400] * 5
    assert sum(hits[100:]) / 400 == pytest.approx(sum(5 / n for n in range(101, 201)), rel=0.1)


def test_a_trace_slower_than_the_third_slowest_is_always_kept():
    keep = keeper()
    budget, reservoir = keep.budget("s"), keep.reservoir(GROUP)
    for n in range(3000):
        keep.whole(budget, reservoir, 1, n % 7, error=False)
    assert keep.whole(budget, reservoir, 1, 8, error=False)
    assert keep.whole(budget, reservoir, 1, 9, error=False)
    assert keep.whole(budget, reservoir, 1, 10, error=False)
    assert reservoir.slowest == [8, 9, 10]


def test_the_first_five_failed_ones_are_kept_however_many_passed():
    keep = keeper()
    budget, reservoir = keep.budget("s"), keep.reservoir(GROUP)
    for _ in range(5000):
        keep.whole(budget, reservoir, 1, 9, error=False)
    assert all(keep.whole(budget, reservoir, 1, 1, error=True) for _ in range(5))


def test_rows_within_the_budget_stand_for_themselves():
    keep = keeper(traces_per_s=10)
    budget = keep.budget("s")
    assert [keep.weigh(budget) for _ in range(600)] == [1.0] * 600
    assert budget.share == 0.5


def test_the_weights_of_a_flood_add_up_to_its_traces_and_its_rows_stay_few():
    keep = keeper(traces_per_s=10)
    budget = keep.budget("s")
    weights = [keep.weigh(budget) for _ in range(100_000)]
    assert sum(weights) == pytest.approx(100_000, rel=0.1)
    assert sum(weight > 0 for weight in weights) == budget.rows < 4 * 600
