"""Fronts, and the order of their points, against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from hpo.numerics.pareto.hypervolume import comparable, greedy_subset, hypervolume
from hpo.numerics.pareto.nondomination import best_first, nondomination_ranks

LOSSES = st.integers(1, 4).flatmap(
    lambda m: st.integers(0, 12).flatmap(
        lambda n: arrays(np.float64, (n, m), elements=st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.0, np.inf, -np.inf]))
    )
)


def by_definition(losses):
    ranks, left, rank = {}, set(range(len(losses))), 0
    while left:
        front = {
            i for i in left if not any((losses[j] <= losses[i]).all() and (losses[j] < losses[i]).any() for j in left)
        }
        ranks.update(dict.fromkeys(front, rank))
        left -= front
        rank += 1
    return [ranks[i] for i in range(len(losses))]


@given(LOSSES)
@settings(deadline=None)
def test_ranks_are_repeatedly_removed_fronts(losses):
    assert nondomination_ranks(losses).tolist() == by_definition(losses)


@given(LOSSES, st.integers(0, 15))
@settings(deadline=None)
def test_enough_ranks_whole_fronts_and_no_more_than_needed(losses, enough):
    full = nondomination_ranks(losses)
    some = nondomination_ranks(losses, enough)
    stopped = some.max(initial=0)
    np.testing.assert_array_equal(some, np.minimum(full, stopped))
    if stopped:
        assert (full < stopped - 1).sum() < enough
    assert (some < stopped).sum() >= min(enough, len(losses)) or stopped == full.max(initial=0)


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_ranks_of_many_points_are_those_of_the_definition(m):
    losses = np.random.default_rng(m).integers(0, 6, (150, m)).astype(np.float64)
    assert nondomination_ranks(losses).tolist() == by_definition(losses)


@pytest.mark.parametrize("enough", [1, 30, 60, 150, 250, 399])
def test_enough_of_many_points_of_two_objectives_are_whole_fronts(enough):
    losses = np.random.default_rng(0).integers(0, 12, (400, 2)).astype(np.float64)
    losses[:40] = np.column_stack([np.arange(40.0), np.arange(40.0)[::-1]]) / 40.0 - 1.0
    full = np.array(by_definition(losses))
    last = np.sort(full)[enough - 1]
    assert nondomination_ranks(losses, enough).tolist() == np.minimum(full, last + 1).tolist()
    assert nondomination_ranks(losses).tolist() == full.tolist()


@pytest.mark.parametrize("m", [1, 2, 3])
def test_nan_is_worse_than_infinity(m):
    losses = np.array([[np.nan] * m, [np.inf] * m, [1.0] * m, [np.nan] * m])
    assert nondomination_ranks(losses).tolist() == [2, 1, 0, 2]


@pytest.mark.parametrize("m", [1, 2, 3])
def test_ten_thousand_equal_points_are_one_front(m):
    losses = np.ones((10_000, m))
    assert not nondomination_ranks(losses).any()
    assert best_first(losses, 25).tolist() == list(range(10_000))


@given(LOSSES, st.integers(0, 15))
@settings(deadline=None)
def test_best_first_orders_by_front_then_greedily(losses, enough):
    ranks = by_definition(losses)
    order = best_first(losses, enough).tolist()
    assert sorted(order) == list(range(len(losses)))
    wanted = sorted(ranks)[:enough]
    assert [ranks[i] for i in order[:enough]] == wanted
    whole = [rank for rank in wanted if wanted.count(rank) == ranks.count(rank)]
    in_turn = sorted(range(len(losses)), key=lambda i: ranks[i])
    assert order[: len(whole)] == in_turn[: len(whole)]
    if len(whole) < len(wanted):
        cut = [i for i in in_turn if ranks[i] == wanted[-1]]
        chosen = greedy_subset(*comparable(losses[cut]), len(wanted) - len(whole))
        assert order[len(whole) : len(wanted)] == [cut[i] for i in chosen]
        rest = order[len(wanted) : len(whole) + len(cut)]
        assert rest == sorted(rest)


def quarter_circle(n):
    angles = np.linspace(0.0, np.pi / 2.0, n)
    return 1.0 - np.column_stack([np.cos(angles), np.sin(angles)])


def test_the_best_of_one_front_spread_over_it():
    best = np.sort(best_first(quarter_circle(101), 9)[:9])
    assert np.diff(best, prepend=0, append=100).max() <= 20
    assert np.diff(best).min() >= 5


def test_ends_of_a_straight_front_are_among_its_best():
    share = np.linspace(0.0, 1.0, 101)
    best = best_first(np.column_stack([5.0 + share, -300.0 - 7.0 * share]), 9)[:9]
    assert min(best) <= 5
    assert max(best) >= 95


def test_the_best_of_one_front_have_nearly_the_hypervolume_of_all():
    losses = quarter_circle(200)
    reference = np.full(2, 1.1)
    best = losses[best_first(losses, 20)[:20]]
    assert hypervolume(best, reference) > 0.97 * hypervolume(losses, reference)
    assert hypervolume(losses[:20], reference) < 0.3 * hypervolume(losses, reference)


INTEGERS = st.integers(2, 4).flatmap(
    lambda m: st.integers(0, 12).flatmap(
        lambda n: arrays(
            np.float64, (n, m), elements=st.integers(-20, 20).map(float) | st.sampled_from([np.inf, -np.inf])
        )
    )
)


@given(INTEGERS, st.integers(0, 13), st.integers(-30, 30), st.lists(st.integers(-1000, 1000), min_size=4, max_size=4))
@settings(deadline=None)
def test_units_and_zeros_do_not_matter(losses, enough, exponent, shift):
    m = losses.shape[1]
    scale = 3.0 ** np.array([1, -2, 4, 7][:m]) * 2.0**exponent
    moved = losses * scale + np.array(shift[:m]) * scale
    assert best_first(moved, enough).tolist() == best_first(losses, enough).tolist()


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(0, 12), st.integers(1, 5)),
        elements=st.floats() | st.sampled_from([1.79e308, -1.79e308, 5e-324, -0.0, np.inf, -np.inf, np.nan]),
    ),
    st.integers(0, 14),
)
@settings(deadline=None)
def test_best_first_takes_whatever_floats_there_are(losses, enough):
    order = best_first(losses, enough)
    assert sorted(order.tolist()) == list(range(len(losses)))
    ranks = nondomination_ranks(losses)
    assert (np.diff(ranks[order[:enough]]) >= 0).all()


def test_points_that_are_not_needed_stay_in_order():
    best = [[-1.0, -1.0]]
    cut = [[0.0, 9.0], [1.0, 8.0], [2.0, 7.0], [3.0, 3.0], [7.0, 2.0], [8.0, 1.0], [9.0, 0.0]]
    losses = np.array(best + cut)
    assert greedy_subset(*comparable(losses[1:]), 3).tolist() != sorted(
        greedy_subset(*comparable(losses[1:]), 3).tolist()
    )
    assert best_first(losses, 2).tolist() == [0, 4, 1, 2, 3, 5, 6, 7]
