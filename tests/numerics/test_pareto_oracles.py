"""Hypervolumes, contributions and ranks against moocore, on fronts that are too large for definitions."""

import moocore
import numpy as np
import pytest

from hpo.numerics.pareto import unions
from hpo.numerics.pareto.hypervolume import contributions, hypervolume
from hpo.numerics.pareto.nondomination import nondomination_ranks
from hpo.numerics.pareto.unions import on_grid, volume_of_union

SHAPES = {"sphere": 2.0, "linear": 1.0, "inverted": 0.5}


def front(n, m, shape="sphere", seed=0):
    """Points of which none dominates another, on a surface that bulges, is flat, or is hollow."""
    power = SHAPES[shape]
    directions = np.abs(np.random.default_rng(seed).standard_normal((n, m)))
    return 1.0 - directions / (directions**power).sum(axis=1, keepdims=True) ** (1.0 / power)


def cloud(n, m, seed=0):
    """Points with many ties, repeated points and dominated ones."""
    return np.random.default_rng(seed).integers(0, 8, (n, m)) / 8.0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("n", "m"), [(300, 2), (300, 3), (20, 4), (150, 4), (10, 5), (60, 5), (6, 6), (30, 6)])
def test_hypervolume_of_a_front_is_moocores(n, m, shape):
    losses, reference = front(n, m, shape), np.full(m, 1.1)
    assert hypervolume(losses, reference) == pytest.approx(moocore.hypervolume(losses, ref=reference), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "m"), [(200, 2), (200, 3), (200, 4), (60, 5), (40, 6)])
def test_hypervolume_with_ties_is_moocores(n, m, seed):
    losses, reference = cloud(n, m, seed), np.full(m, 1.0)
    assert hypervolume(losses, reference) == pytest.approx(moocore.hypervolume(losses, ref=reference), rel=1e-12)


def test_every_way_to_a_volume_of_four_sides_agrees(monkeypatch):
    sides = 1.1 - front(60, 4)
    on_a_sheet = volume_of_union(sides)
    monkeypatch.setattr(unions, "_MOST_ON_SHEET", 0)
    by_recursion = volume_of_union(sides)
    monkeypatch.setattr(unions, "_MOST_CELLS", 60**3)
    on_a_grid = volume_of_union(sides)
    assert by_recursion == pytest.approx(on_a_sheet, rel=1e-13)
    assert on_a_grid == pytest.approx(on_a_sheet, rel=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("n", "m"), [(300, 2), (300, 3), (40, 4), (20, 5)])
def test_contributions_of_a_front_are_moocores(n, m, shape):
    losses, reference = front(n, m, shape), np.full(m, 1.1)
    expected = moocore.hv_contributions(losses, ref=reference)
    np.testing.assert_allclose(contributions(losses, reference), expected, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_contributions_with_ties_are_what_is_lost_without_a_point(m, seed):
    losses, reference = cloud(25, m, seed), np.full(m, 1.0)
    losses = np.concatenate([losses, front(5, m, seed=seed)])
    whole = hypervolume(losses, reference)
    lost = [whole - hypervolume(np.delete(losses, i, axis=0), reference) for i in range(len(losses))]
    np.testing.assert_allclose(contributions(losses, reference), lost, atol=1e-12)


def test_contributions_of_many_points_with_three_losses_are_found_in_pieces():
    losses, reference = front(600, 3), np.full(3, 1.1)
    expected = moocore.hv_contributions(losses, ref=reference)
    np.testing.assert_allclose(contributions(losses, reference), expected, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_ranks_are_moocores(m):
    losses = np.concatenate([front(100, m), cloud(200, m)])
    assert nondomination_ranks(losses).tolist() == moocore.pareto_rank(losses).tolist()


def test_a_grid_cuts_each_side_where_a_box_ends():
    sides = np.random.default_rng(0).random((20, 3))
    places, widths = on_grid(sides)
    for side, place, width in zip(sides.T, places.T, widths.T, strict=True):
        np.testing.assert_allclose([width[at:].sum() for at in place], side)
