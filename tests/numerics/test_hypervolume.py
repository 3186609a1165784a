"""Hypervolumes against inclusion and exclusion, the greedy choice against its definition, and what must not matter."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from hpo.numerics.pareto import subset as module
from hpo.numerics.pareto.hypervolume import comparable, contributions, good_weights, greedy_subset, hypervolume

SIDE = 5.0
SOME = st.sampled_from([0.0, 1.0, 2.0, 3.5, 4.0, 5.0, 6.0])
UP_TO_FIVE = st.integers(1, 5)


def points(max_points=7, objectives=UP_TO_FIVE, elements=SOME):
    return st.tuples(st.integers(0, max_points), objectives).flatmap(
        lambda shape: arrays(np.float64, shape, elements=elements)
    )


def reference_of(losses):
    return np.full(losses.shape[1], SIDE)


def by_inclusion_and_exclusion(losses, reference):
    sides = np.maximum(reference - losses, 0.0)
    return sum(
        (-1.0) ** (size + 1) * sides[list(some)].min(axis=0).prod()
        for size in range(1, len(sides) + 1)
        for some in combinations(range(len(sides)), size)
    )


def front(n, m, seed):
    """Points on a sphere: none dominates another."""
    directions = np.abs(np.random.default_rng(seed).standard_normal((n, m)))
    return 1.0 - directions / np.linalg.norm(directions, axis=1)[:, None]


@given(points())
@settings(deadline=None)
def test_hypervolume_is_that_of_inclusion_and_exclusion(losses):
    expected = by_inclusion_and_exclusion(losses, reference_of(losses))
    assert hypervolume(losses, reference_of(losses)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("m", [2, 3, 4, 5, 6])
def test_hypervolume_is_the_share_of_random_points_that_are_dominated(m):
    losses, reference = front(40, m, seed=m), np.full(m, 1.1)
    drawn = np.random.default_rng(7).random((50_000, m)) * reference
    dominated = np.zeros(len(drawn), dtype=bool)
    for point in losses:
        dominated |= (point <= drawn).all(axis=1)
    share = dominated.mean()
    error = np.sqrt(share * (1.0 - share) / len(drawn))
    assert hypervolume(losses, reference) / reference.prod() == pytest.approx(share, abs=5.0 * error)


@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_many_points_on_a_line_have_the_sum_of_their_steps(m):
    n = 300
    losses = np.zeros((n, m))
    losses[:, 0], losses[:, -1] = np.arange(n), np.arange(n)[::-1]
    assert hypervolume(losses, np.full(m, float(n))) == n * (n + 1) / 2 * float(n) ** (m - 2)


@given(points(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_of_points_and_of_objectives_does_not_matter(losses, random):
    n, m = losses.shape
    rows, columns = random.sample(range(n), n), random.sample(range(m), m)
    reference = reference_of(losses) + np.arange(m)
    shuffled = losses[rows][:, columns]
    found = hypervolume(shuffled, reference[columns])
    assert found == pytest.approx(hypervolume(losses, reference), rel=1e-12)
    np.testing.assert_allclose(
        contributions(shuffled, reference[columns]), contributions(losses, reference)[rows], rtol=1e-9, atol=1e-9
    )


@given(points(max_points=6), points(max_points=1))
@settings(deadline=None)
def test_one_more_point_never_makes_it_smaller(losses, more):
    more = np.resize(more, (1, losses.shape[1])) if more.size else np.zeros((1, losses.shape[1]))
    reference = reference_of(losses)
    assert hypervolume(np.vstack([losses, more]), reference) >= hypervolume(losses, reference) * (1.0 - 1e-12)


@given(points(), st.lists(st.integers(-100, 100), min_size=5, max_size=5))
@settings(deadline=None)
def test_powers_of_two_as_units_change_no_digit(losses, exponents):
    scale = 2.0 ** np.array(exponents[: losses.shape[1]])
    reference = reference_of(losses)
    assert hypervolume(losses * scale, reference * scale) == hypervolume(losses, reference) * scale.prod()
    np.testing.assert_array_equal(
        contributions(losses * scale, reference * scale), contributions(losses, reference) * scale.prod()
    )


def test_huge_and_tiny_units_neither_overflow_nor_vanish():
    losses = np.array([[1.0, 2.0, 0.5], [2.0, 1.0, 0.5], [0.5, 2.5, 1.0]])
    reference = np.full(3, 3.0)
    scale = np.array([2.0**1020, 2.0**-1060, 2.0**50])
    assert hypervolume(losses * scale, reference * scale) == hypervolume(losses, reference) * 2.0**10
    assert hypervolume(np.array([[-1e308, 0.0]]), np.array([1e308, 1.0])) == np.inf
    assert hypervolume(np.array([[0.0, 0.0]]), np.array([1e308, 1e308])) == np.inf


@given(points())
@settings(deadline=None)
def test_a_contribution_is_what_is_lost_without_the_point(losses):
    reference = reference_of(losses)
    whole = hypervolume(losses, reference)
    lost = [whole - hypervolume(np.delete(losses, i, axis=0), reference) for i in range(len(losses))]
    found = contributions(losses, reference)
    np.testing.assert_allclose(found, lost, atol=1e-9)
    assert found.sum() <= whole * (1.0 + 1e-12)
    assert (found >= 0.0).all()


@given(points(max_points=5), st.integers(0, 4))
@settings(deadline=None)
def test_repeated_and_dominated_points_contribute_nothing(losses, which):
    if len(losses):
        point = losses[which % len(losses)]
        found = contributions(np.vstack([losses, point, point + 0.1]), reference_of(losses))
        assert found[which % len(losses)] == found[-1] == found[-2] == 0.0


def test_points_outside_the_reference_add_nothing():
    outside = np.array([[3.0, -np.inf], [np.inf, 0.0], [np.nan, 0.0], [0.0, np.nan], [-np.inf, 4.0]])
    losses, reference = np.vstack([outside, [[1.0, 2.0]]]), np.array([3.0, 3.0])
    assert hypervolume(losses, reference) == 2.0
    assert contributions(losses, reference).tolist() == [0.0] * 5 + [2.0]
    assert hypervolume(outside, reference) == 0.0


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_no_points_have_no_hypervolume(m):
    nothing, reference = np.empty((0, m)), np.ones(m)
    assert hypervolume(nothing, reference) == 0.0
    assert contributions(nothing, reference).shape == greedy_subset(nothing, reference, 3).shape == (0,)


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_a_loss_of_minus_infinity_makes_the_hypervolume_infinite(m):
    losses = np.ones((3, m))
    losses[:2, 0], losses[1:, -1] = -np.inf, 2.0
    reference = np.full(m, 3.0)
    assert hypervolume(losses, reference) == np.inf
    assert contributions(losses, reference).tolist() == [np.inf, 0.0, 0.0]


def test_a_finite_point_contributes_beside_an_infinite_one():
    losses = np.array([[-np.inf, 2.0], [0.0, 1.0], [-np.inf, 2.5]])
    assert contributions(losses, np.array([3.0, 3.0])).tolist() == [np.inf, 3.0, 0.0]


def greedy_by_definition(losses, reference, size):
    chosen = []
    while len(chosen) < min(size, len(losses)):
        found = [by_inclusion_and_exclusion(losses[[*chosen, i]], reference) for i in range(len(losses))]
        best = max(found[i] for i in range(len(losses)) if i not in chosen)
        chosen.append(next(i for i in range(len(losses)) if i not in chosen and found[i] >= best - 1e-9))
    return chosen


@given(points(max_points=6), st.integers(0, 8))
@settings(deadline=None)
def test_greedy_choice_takes_the_first_among_equals(losses, size):
    reference = reference_of(losses)
    assert greedy_subset(losses, reference, size).tolist() == greedy_by_definition(losses, reference, size)


@given(points(max_points=6, objectives=st.integers(2, 4)), st.integers(1, 5))
@settings(deadline=None)
def test_greedy_choice_reaches_its_guaranteed_share(losses, size):
    reference = reference_of(losses)
    found = hypervolume(losses[greedy_subset(losses, reference, size)], reference)
    best = max(
        (
            hypervolume(losses[list(some)], reference)
            for some in combinations(range(len(losses)), min(size, len(losses)))
        ),
        default=0.0,
    )
    assert found >= (1.0 - 1.0 / np.e) * best


@pytest.mark.parametrize("m", [3, 4, 5])
def test_greedy_gains_are_hypervolume_differences(m, monkeypatch):
    losses, reference = front(60, m, seed=m), np.full(m, 1.1)
    gained = []
    original = module._largest_gain

    def watched(boxes, gains, lower, upper):
        best = original(boxes, gains, lower, upper)
        gained.append(gains[best])
        return best

    monkeypatch.setattr(module, "_largest_gain", watched)
    chosen = greedy_subset(losses, reference, 12)
    grown = np.diff([hypervolume(losses[chosen[:size]], reference) for size in range(13)])
    exponent = np.frexp((reference - losses).max(axis=0))[1].sum()
    np.testing.assert_allclose(np.array(gained) * 2.0**exponent, grown, rtol=1e-9)


def test_greedy_choice_is_lazy(monkeypatch):
    looked_at = []
    original = module._volume_within

    def counted(boxes, lower, upper):
        looked_at.append(len(boxes))
        return original(boxes, lower, upper)

    monkeypatch.setattr(module, "_volume_within", counted)
    n, size = 5_000, 25
    greedy_subset(front(n, 3, seed=0), np.full(3, 1.1), size)
    assert sum(looked_at) < n * size / 4


@pytest.mark.parametrize("m", [3, 4, 5])
def test_greedy_choice_bounds_the_number_of_pieces(m, monkeypatch):
    losses, reference = front(200, m, seed=m), np.full(m, 1.1)
    full = greedy_subset(losses, reference, 30)
    monkeypatch.setattr(module, "_MOST_PIECES", 10)
    asked = []
    original = module._volume_within
    monkeypatch.setattr(module, "_volume_within", lambda *args: asked.append(len(args[1])) or original(*args))
    bounded = greedy_subset(losses, reference, 30)
    assert max(asked) <= 10
    assert len(set(bounded.tolist())) == 30
    assert bounded.tolist() != full.tolist()
    measured = int(np.argmax(bounded != full))
    assert measured >= 2
    assert hypervolume(losses[bounded], reference) > hypervolume(losses[full[:measured]], reference)


def test_gains_that_only_rounding_tells_apart_are_equal():
    sides = np.array(list(permutations([0.1, 0.7, 0.37, 0.93, 0.59])))
    assert len(set(sides.prod(axis=1).tolist())) > 1
    for first in range(len(sides)):
        assert greedy_subset(-np.roll(sides, first, axis=0), np.zeros(5), 1).tolist() == [0]


def test_greedy_choice_stops_when_nothing_can_be_added(monkeypatch):
    calls = []
    original = module._largest_gain
    monkeypatch.setattr(module, "_largest_gain", lambda *args: calls.append(args) or original(*args))
    assert greedy_subset(np.ones((1000, 3)), np.full(3, 2.0), 500).tolist() == list(range(500))
    assert len(calls) == 2
    assert greedy_subset(np.ones((1000, 2)), np.full(2, 2.0), 500).tolist() == list(range(500))


def of_pieces(losses, reference, size, monkeypatch):
    """The greedy choice among points of two objectives by pieces of space, as it is with more objectives."""
    with monkeypatch.context() as patched:
        patched.setattr(module, "_greedy_stairs", None)
        flat = np.column_stack([losses, np.zeros(len(losses))])
        return greedy_subset(flat, np.append(reference, 1.0), size).tolist()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [0, 1, 7, 40, 60])
def test_the_greedy_choice_on_a_front_of_two_objectives_is_that_by_pieces(seed, size, monkeypatch):
    losses = front(40, 2, seed=seed)
    losses = np.concatenate([losses, losses[:5]])  # with twins
    reference = np.full(2, 1.1)
    assert greedy_subset(losses, reference, size).tolist() == of_pieces(losses, reference, size, monkeypatch)
    steps = np.column_stack([np.arange(9.0), np.arange(9.0)[::-1]])[
        np.random.default_rng(seed).permutation(9)
    ]  # many ties
    assert greedy_subset(steps, np.full(2, 9.0), size).tolist() == of_pieces(steps, np.full(2, 9.0), size, monkeypatch)


def test_a_point_of_two_objectives_adds_at_most_one_piece(monkeypatch):
    pieces = []
    original = module._outside

    def watched(box, lower, upper):
        left = original(box, lower, upper)
        pieces.append(len(left[0]))
        return left

    monkeypatch.setattr(module, "_outside", watched)
    grid = np.arange(30.0)
    dominated = [29.5, 29.5]  # so that the points are not of one front
    greedy_subset(np.vstack([np.column_stack([grid, grid[::-1]]), dominated]), np.full(2, 31.0), 25)
    assert len(pieces) == 25
    assert np.diff(pieces, prepend=1).max() == 1


def test_greedy_choice_takes_minus_infinity_first():
    losses = np.array([[1.0, 1.0], [-np.inf, 1.0], [1.0, -np.inf], [-np.inf, -np.inf]])
    assert greedy_subset(losses, np.array([2.0, 2.0]), 4).tolist() == [3, 0, 1, 2]
    assert greedy_subset(losses[:3], np.array([2.0, 2.0]), 3).tolist() == [1, 2, 0]


def test_comparable_losses_are_in_units_of_the_range_of_finite_ones():
    i = np.inf
    losses = np.array([[10.0, -i, i, 5.0, i, -i], [20.0, 3.0, 1.0, 5.0, i, -i], [15.0, 4.0, np.nan, 5.0, i, -i]])
    found, reference = comparable(losses)
    np.testing.assert_array_equal(found[:, :3], [[0.0, -1.0, 1.1], [1.0, 0.0, 0.0], [0.5, 1.0, 1.1]])
    np.testing.assert_array_equal(found[:, 3:], np.zeros((3, 3)))
    np.testing.assert_array_equal(reference, np.full(6, 1.1))


@given(
    points(
        objectives=st.integers(1, 3),
        elements=st.floats() | st.sampled_from([1.79e308, -1.79e308, 5e-324, -5e-324, 0.0, np.inf, -np.inf, np.nan]),
    )
)
@settings(deadline=None)
def test_comparable_losses_are_finite_and_keep_their_order(losses):
    found, reference = comparable(losses)
    assert np.isfinite(found).all()
    assert ((found >= -1.0) & (found <= reference)).all()
    for before, after in zip(losses.T, found.T, strict=True):
        order = np.argsort(np.nan_to_num(before, nan=np.inf, posinf=np.inf, neginf=-np.inf), kind="stable")
        assert (np.diff(after[order]) >= 0.0).all()


def test_weights_are_relative_contributions_above_a_floor():
    losses = np.array([[0.0, 20.0], [1.0, 10.0], [2.0, 0.0], [2.0, 10.0], [1.0, 10.0]])
    once = losses[:4]
    np.testing.assert_allclose(good_weights(once, floor=0.01), [0.2, 1.0, 0.2, 0.01])
    np.testing.assert_allclose(good_weights(once, floor=0.5), [0.5, 1.0, 0.5, 0.5])
    assert good_weights(losses, floor=0.01)[[1, 4]].tolist() == [0.01, 0.01]


@pytest.mark.parametrize("losses", [np.empty((0, 2)), np.full((3, 2), 4.0), np.full((2, 3), np.nan)])
def test_equal_contributions_give_equal_weights(losses):
    assert good_weights(losses).tolist() == [1.0] * len(losses)
