"""Forests and the effects of their columns."""

import numpy as np
import pytest

from hpo.numerics.trees import Boosting, Growth, SquaredLoss, boosted
from hpo.numerics.trees.effects import Boxes, point_pairs, shapley_effects, total_effects
from hpo.numerics.trees.forest import bootstrap_counts, grown_forest


def data(n=300, d=3, seed=0):
    random = np.random.default_rng(seed)
    points = random.random((n, d))
    return points, np.sin(6 * points[:, 0]) + points[:, 1] * points[:, 2]


def test_a_tree_is_that_of_scikit_learn():
    tree = pytest.importorskip("sklearn.tree")
    points, targets = data()
    counts = bootstrap_counts(np.random.default_rng(1), 1, len(points))
    theirs = tree.DecisionTreeRegressor(max_depth=4).fit(
        np.repeat(points, counts[0], axis=0), np.repeat(targets, counts[0])
    )
    ours = grown_forest(points, targets, counts, max_depth=4)
    grid = np.random.default_rng(2).random((500, 3))
    assert ours.predict(grid) == pytest.approx(theirs.predict(grid))
    assert ours.impurity_decreases(3)[0] == pytest.approx(theirs.feature_importances_)


def test_a_forest_predicts_unseen_points_as_well_as_that_of_scikit_learn():
    ensemble = pytest.importorskip("sklearn.ensemble")
    points, targets = data()
    grid, truth = data(1000, seed=3)
    theirs = ensemble.RandomForestRegressor(64, random_state=0).fit(points, targets).predict(grid)
    forest = grown_forest(points, targets, bootstrap_counts(np.random.default_rng(1), 64, len(points)))
    error = np.mean((forest.predict(grid) - truth) ** 2)
    assert error < 1.1 * np.mean((theirs - truth) ** 2)
    unseen = np.mean((forest.out_of_bag(points) - targets) ** 2)
    assert 0.5 * error < unseen < 2.0 * error


def test_depth_and_leaves_are_limited():
    points, targets = data()
    everything = np.ones((2, len(points)), dtype=np.intp)
    assert grown_forest(points, targets, everything, max_depth=3).depth == 3
    forest = grown_forest(points, targets, everything, least_rows=20)
    leaves = forest.leaves(points)
    assert min(np.unique(leaves[0], return_counts=True)[1]) >= 20
    assert grown_forest(points, np.ones(len(points)), everything).depth == 0


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_targets_of_any_size_are_learned(scale):
    points, targets = data(60)
    everything = np.ones((1, 60), dtype=np.intp)
    forest = grown_forest(points, targets * scale, everything)
    assert forest.predict(points) / scale == pytest.approx(targets, rel=1e-6)


def models():
    points, targets = data()
    forest = grown_forest(points, targets, bootstrap_counts(np.random.default_rng(1), 8, len(points)))
    yield pytest.param(Boxes.of(forest, 3), forest.predict, id="forest")
    boosting = Boosting(SquaredLoss(), rounds=40, growth=Growth(depth=4, least_weight=3.0))
    model = boosted(points, np.zeros(3, dtype=bool), targets, boosting)
    yield pytest.param(Boxes.of_boosted(model, 3), lambda x: model.outputs(x)[0], id="boosted")


@pytest.mark.parametrize(("boxes", "predict"), [*models()])
def test_boxes_are_the_leaves(boxes, predict):
    points = np.random.default_rng(5).random((100, 3))
    inside = ((boxes.low < points[:, None]) & (points[:, None] <= boxes.high)).all(axis=2)
    assert (inside.sum(axis=1) == boxes.n_trees).all()
    assert np.ptp((inside * boxes.value).sum(axis=1) / boxes.n_trees - predict(points)) < 1e-12


@pytest.mark.parametrize(("boxes", "predict"), [*models()])
def test_effects_are_those_of_many_points(boxes, predict):
    points = np.random.default_rng(6).random((60_000, 3))
    values = predict(points)
    mains = boxes.main_effects()
    for column in range(3):
        cell = (points[:, column] * 60).astype(int)
        means = np.bincount(cell, values) / np.bincount(cell)
        assert mains.variances[column] == pytest.approx(means.var(), rel=0.06, abs=2e-3)
    spread = total_effects(predict, mains, np.random.default_rng(1), 4096)
    assert spread.variance == pytest.approx(values.var(), rel=0.02)
    changed = points.copy()
    changed[:, 1] = np.random.default_rng(7).random(len(points))
    assert spread.totals[1] == pytest.approx(0.5 * np.mean((predict(changed) - values) ** 2), rel=0.1)
    assert (spread.totals >= spread.mains - 1e-12).all()
    together = boxes.pair_effects(np.arange(3))
    assert max(together, key=together.get) == (1, 2)
    assert together[1, 2] == pytest.approx(
        1 / 144, rel=0.7
    )  # the variance of (x - 1/2)(y - 1/2), which trees learn in part
    shapley = shapley_effects(predict, mains, np.random.default_rng(1), 4096)
    assert shapley.sum() == pytest.approx(spread.variance, rel=0.03)
    assert (shapley <= spread.totals * 1.1 + 1e-3).all()


def test_effects_of_one_tree_are_exact():
    corners = np.array([[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]])
    forest = grown_forest(corners, np.array([0.0, 1.0, 1.001, 0.001]), np.ones((1, 4), dtype=np.intp))
    boxes = Boxes.of(forest, 2)
    mains = boxes.main_effects()
    assert mains.variances == pytest.approx([0.0, 0.0], abs=1e-6)
    assert boxes.pair_effects(np.arange(2))[0, 1] == pytest.approx(0.25, rel=1e-2)
    assert boxes.tree_shares()[0] == pytest.approx([0.0, 0.0], abs=1e-5)


def test_pairs_of_points_are_independent_and_uniform():
    first, second = point_pairs(np.random.default_rng(1), 4096, 3)
    for column in range(3):
        cell = (first[:, column] * 8).astype(int) * 8 + (second[:, column] * 8).astype(int)
        assert np.bincount(cell, minlength=64) == pytest.approx(np.full(64, 64), abs=6)
    assert np.abs(np.corrcoef(np.concatenate((first, second), axis=1).T) - np.eye(6)).max() < 0.06
