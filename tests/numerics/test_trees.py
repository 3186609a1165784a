"""Trees against exhaustive search, their leaves against walks from the root, and boosting against scikit-learn."""

import itertools

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.tree import DecisionTreeRegressor

from hpo.numerics.trees import (
    Binning,
    Boosting,
    Growth,
    LeafFinder,
    LogisticLoss,
    QuantileLoss,
    SquaredLoss,
    boosted,
    grown,
)

NUMBERS = np.zeros(4, dtype=np.bool_)
LEVELS = (0.17, 0.33, 0.5, 0.67, 0.83)


def tree_of(points, categorical, gradients, growth, weights=None):
    binning = Binning.of(points, categorical)
    weights = np.ones(len(points)) if weights is None else weights
    trees, leaves = grown(binning, binning.codes(points), gradients[None], weights[None], growth)
    return binning, trees, leaves[0]


def score(gradients, leaves):
    return sum(gradients[leaves == leaf].sum() ** 2 / np.sum(leaves == leaf) for leaf in np.unique(leaves))


def test_bins_of_few_numbers_are_the_numbers():
    points = np.array([[3.0], [1.0], [3.0], [2.0]])
    binning = Binning.of(points, np.array([False]))
    assert binning.edges[0].tolist() == [1.5, 2.5]
    assert binning.codes(points)[:, 0].tolist() == [2, 0, 2, 1]


def test_bins_of_many_numbers_hold_equally_many_rows():
    points = np.random.default_rng(0).normal(size=(1000, 1)) ** 3
    counts = np.bincount(Binning.of(points, np.array([False]), most=20).codes(points)[:, 0])
    assert len(counts) == 20
    assert counts.min() == counts.max() == 50


def test_a_number_with_many_rows_has_a_bin_of_its_own():
    points = np.concatenate((np.arange(100.0), np.full(900, 50.0)))[:, None]
    binning = Binning.of(points, np.array([False]), most=8)
    own = binning.codes(np.array([[50.0]]))[0, 0]
    assert np.sum(binning.codes(points)[:, 0] == own) <= 915


@pytest.mark.parametrize("numbers", [[1e-300, 3e-300], [-1.7e308, 1.7e308], [1.0, np.nextafter(1.0, 2.0)]])
def test_bins_tell_numbers_apart_that_are_near_or_far(numbers):
    points = np.array(numbers)[:, None]
    assert Binning.of(points, np.array([False])).codes(points)[:, 0].tolist() == [0, 1]


def test_missing_numbers_and_rare_or_new_categories_have_the_last_bin():
    points = np.array([[np.nan, 7.0], [0.0, 7.0], [1.0, 9.0], [2.0, 4.0], [3.0, 4.0]])
    binning = Binning.of(points, np.array([False, True]), most=2)
    assert binning.n_bins == 3
    assert binning.codes(points)[:, 1].tolist() == [1, 1, 2, 0, 0]
    assert binning.codes(np.array([[np.nan, np.nan], [9.0, 5.0]])).tolist() == [[2, 2], [1, 2]]


def test_bins_of_columns_without_numbers():
    points = np.full((3, 2), np.nan)
    binning = Binning.of(points, np.array([False, True]))
    assert binning.codes(points).tolist() == [[binning.n_bins - 1] * 2] * 3
    assert binning.codes(np.array([[0.0, 0.0]])).tolist() == [[0, binning.n_bins - 1]]


@pytest.mark.parametrize("seed", range(5))
def test_the_first_split_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    points, gradients = rng.integers(0, 6, size=(20, 3)).astype(np.float64), rng.normal(size=20)
    _, _, leaves = tree_of(points, np.zeros(3, dtype=np.bool_), gradients, Growth(depth=1, least_weight=3.0))
    best = max(
        score(gradients, points[:, column] <= threshold)
        for column, threshold in itertools.product(range(3), range(6))
        if 3 <= np.sum(points[:, column] <= threshold) <= 17
    )
    assert score(gradients, leaves) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(5))
def test_an_ordered_split_of_categories_is_the_best_of_all_subsets(seed):
    rng = np.random.default_rng(seed)
    # equally many rows for each category, so that the smoothing of means changes no order
    points, gradients = np.repeat(rng.permutation(6), 4).astype(np.float64)[:, None], rng.normal(size=24)
    _, _, leaves = tree_of(points, np.array([True]), gradients, Growth(depth=1))
    subsets = (set(each) for size in range(1, 6) for each in itertools.combinations(range(6), size))
    best = max(score(gradients, np.isin(points[:, 0], [*subset])) for subset in subsets)
    assert score(gradients, leaves) == pytest.approx(best)


def test_a_one_hot_split_takes_one_category_apart():
    points = np.repeat(np.arange(5.0), 3)[:, None]
    gradients = np.repeat([1.0, 5.0, -4.0, 0.5, 0.5], 3)
    growth = Growth(depth=1, categories="one-hot")
    binning, trees, leaves = tree_of(points, np.array([True]), gradients, growth)
    assert leaves.tolist() == [1] * 3 + [0] * 3 + [1] * 9 or leaves.tolist() == [1] * 6 + [0] * 3 + [1] * 6
    best = max(score(gradients, points[:, 0] == each) for each in range(5))
    assert score(gradients, leaves) == pytest.approx(best)
    # a category that was never seen is like most others
    assert trees.leaves(binning.codes(np.array([[77.0]]))).tolist() == [[1]]


def test_missing_numbers_go_where_they_fit_better():
    points = np.array([[0.0], [1.0], [2.0], [3.0], [np.nan], [np.nan]])
    for side, value in ((0, -1.0), (1, 1.0)):
        gradients = np.array([-1.0, -1.0, 1.0, 1.0, value, value])
        _, _, leaves = tree_of(points, np.array([False]), gradients, Growth(depth=1))
        assert leaves.tolist() == [0, 0, 1, 1, side, side]


def test_missing_numbers_may_be_a_side_of_their_own():
    points = np.array([[0.0], [1.0], [2.0], [3.0], [np.nan], [np.nan]])
    gradients = np.array([-1.0, -1.0, -1.0, -1.0, 9.0, 9.0])
    _, _, leaves = tree_of(points, np.array([False]), gradients, Growth(depth=1))
    assert len({*leaves[:4].tolist()}) == 1
    assert leaves[4] == leaves[5] != leaves[0]


def test_missing_numbers_that_were_never_seen_go_to_the_heavier_side():
    points = np.arange(10.0)[:, None]
    for threshold, heavier in ((3, 1), (7, 0)):
        gradients = np.where(points[:, 0] < threshold, -1.0, 1.0)
        binning, trees, _ = tree_of(points, np.array([False]), gradients, Growth(depth=1))
        assert trees.leaves(binning.codes(np.array([[np.nan]]))).tolist() == [[heavier]]


def test_a_threshold_is_in_the_middle_of_what_is_empty():
    # after the split by the first column, the numbers 1 to 8 of the second are on one side alone
    points = np.array([[0.0, 0.0], [0.0, 9.0], *([1.0, float(i)] for i in range(1, 9))])
    gradients = np.array([-1.0, 1.0, *([10.0] * 8)])
    binning, trees, _ = tree_of(points, np.zeros(2, dtype=np.bool_), gradients, Growth(depth=2))
    asked = np.array([[0.0, x] for x in (0.0, 3.0, 4.0, 5.0, 6.0, 9.0)])
    assert trees.leaves(binning.codes(asked))[0].tolist() == [0, 0, 0, 1, 1, 1]


def test_weights_count_as_repeated_rows():
    rng = np.random.default_rng(1)
    points, residuals, repeats = rng.random((30, 2)), rng.normal(size=30), rng.integers(1, 4, size=30)
    growth, flags = Growth(depth=3, least_weight=2.0), np.zeros(2, dtype=np.bool_)
    _, _, weighted = tree_of(points, flags, residuals * repeats, growth, repeats.astype(np.float64))
    _, _, repeated = tree_of(np.repeat(points, repeats, axis=0), flags, np.repeat(residuals, repeats), growth)
    assert np.repeat(weighted, repeats).tolist() == repeated.tolist()


def test_trees_that_are_grown_together_are_those_that_are_grown_alone():
    rng = np.random.default_rng(2)
    points, gradients = rng.random((50, 3)), rng.normal(size=(4, 50))
    binning, growth = Binning.of(points, np.zeros(3, dtype=np.bool_)), Growth(depth=4)
    codes = binning.codes(points)
    together, leaves = grown(binning, codes, gradients, np.ones((4, 50)), growth)
    for i in range(4):
        alone, own = grown(binning, codes, gradients[i : i + 1], np.ones((1, 50)), growth)
        assert own[0].tolist() == leaves[i].tolist()
        assert (alone.columns[0] == together.columns[i]).all()
    assert (together.leaves(codes) == leaves).all()


@pytest.mark.parametrize("depth", range(1, 7))
def test_the_finder_finds_the_leaves_that_a_walk_from_the_root_finds(depth):
    rng = np.random.default_rng(depth)
    points = np.where(rng.random((60, 4)) < 0.1, np.nan, rng.integers(0, 9, size=(60, 4)))
    binning = Binning.of(points, np.array([False, True, False, True]))
    growth = Growth(depth=depth, categories="one-hot" if depth % 2 else "ordered")
    trees, _ = grown(binning, binning.codes(points), rng.normal(size=(7, 60)), np.ones((7, 60)), growth)
    codes = binning.codes(np.where(rng.random((200, 4)) < 0.1, np.nan, rng.integers(-1, 11, size=(200, 4))))
    assert (LeafFinder.of(trees).leaves(codes) == trees.leaves(codes)).all()


def test_a_tree_explains_as_much_as_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    points = rng.random((60, 4))
    targets = np.sin(6 * points[:, 0]) + points[:, 1] * points[:, 2]
    theirs = DecisionTreeRegressor(max_depth=3, random_state=0).fit(points, targets)
    _, _, leaves = tree_of(points, NUMBERS, targets - targets.mean(), Growth(depth=3))
    mine = sum(((targets[leaves == leaf] - targets[leaves == leaf].mean()) ** 2).sum() for leaf in np.unique(leaves))
    assert mine == pytest.approx(((theirs.predict(points) - targets) ** 2).sum())


def noisy(n, seed):
    rng = np.random.default_rng(seed)
    points = rng.random((n, 4))
    clean = 4.0 * (points[:, 0] - 0.3) ** 2 + np.sin(5.0 * points[:, 1]) + points[:, 2] * points[:, 3]
    return points, clean, clean + 0.2 * rng.normal(size=n)


def pinball(targets, outputs, level):
    return np.mean(np.maximum(level * (targets - outputs), (level - 1.0) * (targets - outputs)))


@pytest.mark.parametrize("n", [60, 150])
def test_quantiles_are_about_as_good_as_those_of_scikit_learn(n):
    mine, theirs = [], []
    points, _, targets = noisy(n, 0)
    others, _, outcomes = noisy(1000, 10)
    outputs = boosted(points, NUMBERS, targets, Boosting(QuantileLoss(LEVELS))).outputs(others)
    for level, output in zip(LEVELS, outputs, strict=True):
        model = GradientBoostingRegressor(loss="quantile", alpha=level, random_state=0).fit(points, targets)
        mine.append(pinball(outcomes, output, level))
        theirs.append(pinball(outcomes, model.predict(others), level))
    assert np.mean(mine) <= 1.05 * np.mean(theirs)


def test_means_are_about_as_good_as_those_of_scikit_learn():
    points, _, targets = noisy(200, 0)
    others, clean, _ = noisy(1000, 1)
    mine = boosted(points, NUMBERS, targets, Boosting(SquaredLoss())).outputs(others)[0]
    theirs = GradientBoostingRegressor(random_state=0).fit(points, targets).predict(others)
    assert ((mine - clean) ** 2).mean() <= 1.1 * ((theirs - clean) ** 2).mean()


def test_squared_loss_is_boosted_as_by_scikit_learn():
    points, _, targets = noisy(50, 0)  # fewer numbers than bins, so that all thresholds are tried
    mine = boosted(points, NUMBERS, targets, Boosting(SquaredLoss(), rounds=20)).outputs(points)[0]
    theirs = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(points, targets)
    np.testing.assert_allclose(mine, theirs.predict(points), rtol=1e-9)


def test_probabilities_are_those_of_the_labels():
    rng = np.random.default_rng(5)
    points = rng.random((1000, 1))
    labels = (rng.random(1000) < np.where(points[:, 0] < 0.5, 0.2, 0.9)).astype(np.float64)
    growth = Growth(depth=1, least_weight=20.0)
    model = boosted(points, np.array([False]), labels, Boosting(LogisticLoss(), rounds=30, growth=growth))
    low, high = 1.0 / (1.0 + np.exp(-model.outputs(np.array([[0.25], [0.75]]))[0]))
    assert low == pytest.approx(labels[points[:, 0] < 0.5].mean(), abs=0.05)
    assert high == pytest.approx(labels[points[:, 0] >= 0.5].mean(), abs=0.05)


def test_leaf_values_of_quantiles_are_those_of_numpy():
    rng = np.random.default_rng(6)
    targets, leaves = rng.normal(size=40), rng.integers(0, 3, size=(5, 40))
    outputs = rng.normal(size=(5, 40))
    values = QuantileLoss(LEVELS).leaf_values(targets, outputs, leaves, 4, 0.0)
    for i, level in enumerate(LEVELS):
        for leaf in range(3):
            inside = leaves[i] == leaf
            assert values[i, leaf] == pytest.approx(np.quantile((targets - outputs[i])[inside], level))
        assert values[i, 3] == 0.0


@pytest.mark.parametrize("loss", [SquaredLoss(), LogisticLoss(), QuantileLoss(LEVELS)])
def test_hopeless_data_give_a_constant(loss):
    constant = np.full((5, 2), 3.0)
    for points in (constant, constant[:1], np.empty((5, 0)), np.full((5, 2), np.nan)):
        targets = np.array([0.0, 1.0, 1.0, 0.0, 1.0])[: len(points)]
        flags = np.zeros(points.shape[1], dtype=np.bool_)
        outputs = boosted(points, flags, targets, Boosting(loss)).outputs(points)
        np.testing.assert_allclose(outputs, np.repeat(loss.start(targets)[:, None], len(points), axis=1))


def test_the_same_data_give_the_same_trees_and_continuing_adds_to_them():
    points, _, targets = noisy(40, 0)
    boosting = Boosting(QuantileLoss(LEVELS), rounds=10)
    one, two = (boosted(points, NUMBERS, targets, boosting) for _ in range(2))
    assert np.array_equal(one.outputs(points), two.outputs(points))
    more = one.continued(points, targets, 10)
    twice = boosted(points, NUMBERS, targets, Boosting(QuantileLoss(LEVELS), rounds=20))
    np.testing.assert_allclose(more.outputs(points), twice.outputs(points), rtol=1e-12)
    assert one.continued(points, targets, 0) is one


def test_many_rows_are_asked_about_in_parts():
    points, _, targets = noisy(30, 0)
    model = boosted(points, NUMBERS, targets, Boosting(SquaredLoss(), rounds=100))
    many = np.random.default_rng(0).random((50_000, 4))
    assert np.array_equal(model.outputs(many)[:, 45_000:], model.outputs(many[45_000:]))


@pytest.mark.parametrize(
    ("points", "targets"), [(np.ones((2, 1)), [1.0]), (np.ones((0, 1)), []), (np.ones((1, 1)), [np.inf])]
)
def test_data_that_make_no_sense_are_refused(points, targets):
    with pytest.raises(ValueError, match="boosted needs a finite target"):
        boosted(points, np.array([False]), np.array(targets), Boosting(SquaredLoss()))


def test_bins_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="most=1"):
        Binning.of(np.ones((2, 1)), np.array([False]), most=1)
    with pytest.raises(ValueError, match="shapes"):
        Binning.of(np.ones((2, 1)), np.array([False, True]))
