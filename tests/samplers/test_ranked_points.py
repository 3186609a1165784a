"""What boosted trees, kernels and evolution learn from: points with ranks, neighbours, and what was tried."""

import numpy as np
import pytest

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    History,
    IntDistribution,
    Key,
    SearchSpace,
    StudyState,
    TrialState,
    ask,
    create_trial,
    set_constraint,
    tell,
)
from hpo.samplers import RandomSampler
from hpo.samplers.parts import UnitCube
from hpo.samplers.parts.feature_coding import FeatureCoding
from hpo.samplers.parts.neighbours import candidates, neighbours, with_branches
from hpo.samplers.parts.ranked_points import RankedFold, known, unfinished_points
from hpo.samplers.parts.tried import tried_configurations

UNIT = FloatDistribution(0.0, 1.0)
X = SearchSpace({"x": UNIT})


def trial(x=0.5, *, space=X, value=None, state=TrialState.COMPLETE, **more):
    return create_trial(value=value, state=state, params={"x": x}, distributions=space, **more)


def ranked(trials, directions=("minimize",), space=X, **more):
    fold = RankedFold(directions, UnitCube.of(space))
    return fold.ranked(History(trials).fold(fold), **more)


def test_equal_results_have_their_mean_rank_and_failed_trials_are_last():
    failed = trial(state=TrialState.FAIL)
    trials = [trial(value=1.0), failed, trial(value=0.0), trial(value=1.0), trial(value=float("inf")), failed]
    assert ranked(trials).ranks.tolist() == [1.5, 4.5, 0.0, 1.5, 3.0, 4.5]
    assert ranked(trials, failed=False).ranks.tolist() == [1.5, 0.0, 1.5, 3.0]


def test_pruned_trials_are_behind_complete_ones_and_violations_behind_both():
    trials = [trial(value=0.0, constraints={"c": 1.0}), trial(state=TrialState.PRUNED), trial(value=9.0)]
    assert ranked(trials).ranks.tolist() == [2.0, 1.0, 0.0]


def test_several_objectives_are_ranked_by_fronts():
    values = [(2.0, 2.0), (1.0, 1.0), (0.5, 3.0)]
    trials = [create_trial(values=each, params={"x": 0.5}, distributions=X) for each in values]
    ranks = ranked(trials, ("minimize", "minimize")).ranks
    assert ranks[0] == 2.0
    assert sorted(ranks.tolist()) == [0.0, 1.0, 2.0]


def test_trials_outside_of_the_ranges_and_without_parameters_are_left_out():
    wide = SearchSpace({"x": FloatDistribution(0.0, 9.0)})
    other = create_trial(value=0.0, params={"y": 0.5}, distributions={"y": UNIT})
    found = ranked([trial(8.0, space=wide, value=0.0), other, trial(0.25, value=1.0)])
    assert found.points.tolist() == [[0.25]]


def test_what_is_running_or_paused_is_known_but_not_what_has_no_parameters_yet():
    state = StudyState.create(seed=1)
    for _ in range(2):
        state, _ = ask(state, RandomSampler(), X)
    assert unfinished_points(state, UnitCube.of(X)).shape == (2, 1)
    assert unfinished_points(StudyState.create(), UnitCube.of(X)).shape == (0, 1)


MIXED = SearchSpace(
    {
        "c": CategoricalDistribution(["a", "b", "c"]),
        "i": IntDistribution(1, 5),
        "log": FloatDistribution(1e-6, 1.0, log=True),
        "x": UNIT,
    }
)


@pytest.mark.parametrize("width", [0.001, 0.1, 10.0])
def test_neighbours_are_inside_of_the_space_and_differ(width):
    coding = FeatureCoding.of(UnitCube.of(MIXED))
    generator = np.random.default_rng(0)
    centres = coding.from_uniforms(generator.random((500, 4)))
    found = neighbours(coding, generator, centres, np.full(500, width), rate=0.0)
    assert ((found >= 0.0) & (found <= coding.cube.top)).all()
    changed = found != centres
    assert changed.sum(axis=1).max() == 1
    # a choice may be drawn again, and the ends of a grid are ends
    assert changed.any(axis=1).mean() > 0.75
    for point in found[:50].tolist():
        values = coding.cube.params(point)
        assert all(MIXED[name].contains(value) for name, value in values.items())


def test_neighbours_have_numbers_where_their_centre_has_none():
    coding = FeatureCoding.of(UnitCube.of(MIXED))
    centres = np.tile([np.nan, 0.5, np.nan, 0.5], (200, 1))
    found = neighbours(coding, np.random.default_rng(0), centres, np.full(200, 0.1), rate=0.0)
    assert not np.isnan(found).any()
    assert {*found[:, 0].tolist()} == {0.0, 1.0, 2.0}
    # one of the columns that the centre has changes, though it may be drawn again
    assert ((found[:, 1] != 0.5) | (found[:, 3] != 0.5)).mean() > 0.9


def test_candidates_are_everywhere_and_near_the_best():
    coding = FeatureCoding.of(UnitCube.of(X))
    points = candidates(coding, Key(1), np.array([[0.3]]), 100, 300)
    assert points.shape == (400, 1)
    assert (np.histogram(points[:100, 0], bins=4, range=(0.0, 1.0))[0] > 5).all()
    assert np.mean(np.abs(points[100:, 0] - 0.3) < 0.1) > 0.5
    assert candidates(coding, Key(1), np.empty((0, 1)), 100, 300).shape == (100, 1)


def test_branches_are_learned_from_what_was_seen():
    space = SearchSpace({"kind": CategoricalDistribution(["a", "b"]), "size": UNIT})
    coding = FeatureCoding.of(UnitCube.of(space))
    seen = np.array([[0.0, 0.5], [1.0, np.nan], [0.0, 0.1]])
    assert np.isnan(with_branches(coding, np.array([[1.0, 0.7], [0.0, 0.7]]), seen)).tolist() == [
        [False, True],
        [False, False],
    ]


def knowledge_of(values, space):
    state = StudyState.create(seed=1)
    for value in values:
        state, asked = ask(state, RandomSampler(), space)
        state = tell(state, asked, float(value))
    return state, known(state, space, n_startup_trials=1, consider_failed_trials=True)


def test_the_few_configurations_that_are_left_are_all_compared():
    space = SearchSpace({"c": CategoricalDistribution(["a", "b"]), "i": IntDistribution(1, 2)})
    state, knowledge = knowledge_of([0.0], space)
    tried = tried_configurations(state, space)
    left = knowledge.left(tried)
    params = [knowledge.coding.cube.params(point) for point in left.tolist()]
    assert len(params) == 3
    assert not any(tried.contains(each) for each in params)
    assert knowledge.left(None) is None


def test_a_point_that_was_tried_is_passed_over_in_a_space_without_end_too():
    _, knowledge = knowledge_of([0.0, 1.0], X)
    first, second = knowledge.ranked.points
    assert knowledge.first_new(np.array([first, second, [0.123]]), None) == (2, {"x": 0.123})
    assert knowledge.first_new(np.array([first, second]), None)[0] == 0


def test_nothing_is_known_before_there_are_enough_trials():
    state = StudyState.create(seed=1)
    assert known(state, X, n_startup_trials=0, consider_failed_trials=True) is None
    state, asked = ask(state, RandomSampler(), X)
    state = set_constraint(state, asked.number, "c", 1.0)
    state = tell(state, asked, 1.0)
    assert known(state, X, n_startup_trials=2, consider_failed_trials=True) is None
    assert known(state, X, n_startup_trials=1, consider_failed_trials=True) is not None
    # a running trial counts as well
    state, _ = ask(state, RandomSampler(), X)
    assert known(state, X, n_startup_trials=2, consider_failed_trials=True) is not None
    assert known(state, SearchSpace({"y": UNIT}), n_startup_trials=1, consider_failed_trials=True) is None
