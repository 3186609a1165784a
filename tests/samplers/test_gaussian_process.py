"""The Gaussian process sampler: spaces of all kinds, running and failed trials, constraints, branches, notes, refits."""

import math
from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest
from sampled_studies import MIXED, best, mixed_loss, study, suggested

import hpo
from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    SearchSpace,
    StudyState,
    TrialState,
    ask,
    best_trials,
    create_trial,
    set_constraint,
    tell,
)
from hpo.models.gaussian_process import Fold, last_fit, surrogate
from hpo.numerics.pareto.hypervolume import hypervolume
from hpo.samplers import GPSampler, RandomSampler
from hpo.samplers.parts import UnitCube
from hpo.samplers.parts.feature_coding import FeatureCoding, learned_conditions, without_inactive

EAGER = GPSampler(n_startup_trials=4, n_candidates=64, n_local_searches=2)
UNIT = FloatDistribution(0.0, 1.0)
PLANE = SearchSpace({"x": UNIT, "y": UNIT})
CURVED = SearchSpace({"kind": CategoricalDistribution(["a", "b"]), "x": UNIT, "size": UNIT})


def bowl(params):
    return (params["x"] - 0.3) ** 2 + 3.0 * (params["y"] - 0.8) ** 2


def test_it_finds_the_bottom_of_a_bowl():
    assert best(study(25, bowl, PLANE, EAGER)) < 1e-4


def test_it_finds_good_values_of_all_kinds():
    assert best(study(40, mixed_loss, MIXED, EAGER)) < best(study(40, mixed_loss, MIXED, RandomSampler())) / 3


def test_infinite_results_are_the_worst_and_missing_ones_fail():
    def loss(params):
        return math.inf if params["x"] > 0.9 else math.nan if params["y"] < 0.1 else bowl(params)

    values = [trial.value for trial in study(25, loss, PLANE, EAGER).finished if trial.value is not None]
    assert min(values) < 1e-2


def test_running_trials_keep_away_from_each_other():
    state = study(12, bowl, PLANE, EAGER)
    points = []
    for _ in range(6):
        state, trial = ask(state, EAGER, PLANE)
        points.append([trial.params["x"], trial.params["y"]])
    distances = np.linalg.norm(np.array(points)[:, None] - np.array(points)[None], axis=2)
    assert distances[np.triu_indices(6, 1)].min() > 1e-3


def test_a_constraint_is_learned_by_its_name():
    state = StudyState.create(seed=3)
    for _ in range(30):
        state, trial = ask(state, EAGER, PLANE)
        state = set_constraint(state, trial.number, "limit", trial.params["x"] - 0.5)
        if trial.number % 2:  # a constraint that only some trials have set, first
            state = set_constraint(state, trial.number, "always met", -1.0)
        state = tell(state, trial.number, -trial.params["x"] - trial.params["y"])
    feasible = [trial.value for trial in state.finished if trial.constraints["limit"] <= 0.0]
    assert len(feasible) > 12
    assert min(feasible) < -1.45


def test_without_a_feasible_trial_it_looks_for_one():
    state = StudyState.create(seed=3)
    for number in range(25):
        state, trial = ask(state, EAGER, PLANE)
        state = set_constraint(state, trial.number, "far", 0.1 - trial.params["x"] * trial.params["y"] ** 4 + 0.6)
        state = tell(state, trial.number, float(number))
    assert any(trial.constraints["far"] <= 0.0 for trial in state.finished)


@pytest.mark.parametrize("consider", [True, False])
def test_a_place_that_failed_is_not_suggested_over_and_over(consider):
    sampler = GPSampler(n_startup_trials=4, n_candidates=64, n_local_searches=3, consider_failed_trials=consider)
    state = study(10, bowl, PLANE, sampler)
    seen = []
    for _ in range(5):
        state, trial = ask(state, sampler, PLANE)
        seen.append([trial.params["x"], trial.params["y"]])
        state = tell(state, trial.number, state="fail")
    assert np.unique(np.round(seen, 4), axis=0).shape == (5, 2)


def test_a_branch_has_parameters_of_its_own():
    def objective(trial):
        if trial.suggest_categorical("kind", ["a", "b"]) == "a":
            return 1.0 + (trial.suggest_float("size", 0.0, 1.0) - 0.7) ** 2
        return abs(trial.suggest_float("x", 0.0, 1.0) - 0.2)

    hpo.logging.set_verbosity(hpo.logging.ERROR)
    found = hpo.create_study(sampler=EAGER, seed=1)
    found.optimize(objective, n_trials=30)
    assert found.best_value < 0.02
    joint = EAGER.joint_space(found.state, found.trials[0])
    assert {*joint} == {"kind", "size", "x"}
    assert Counter(trial.params["kind"] for trial in found.trials[10:])["b"] > 12


def test_what_decides_about_a_parameter_is_learned():
    coding = FeatureCoding.of(UnitCube.of(CURVED))
    assert coding.cube.names == ("kind", "size", "x")
    points = np.array([[0.0, 0.4, np.nan], [1.0, np.nan, 0.3], [0.0, 0.9, np.nan], [1.0, np.nan, 0.1]])
    conditions = learned_conditions(coding, points)
    asked = np.array([[0.0, 0.5, 0.5], [1.0, 0.5, 0.5]])
    assert np.isnan(without_inactive(asked, conditions)).tolist() == [[False, False, True], [False, True, False]]
    # nothing decides about "x" if it is there and not there for one choice
    assert {each.columns for each in learned_conditions(coding, np.array([*points, [0.0, 0.1, 0.1]]))} == {(1,)}
    assert learned_conditions(coding, asked) == ()


def test_a_missing_parameter_is_in_the_middle():
    coding = FeatureCoding.of(UnitCube.of(CURVED))
    one, other = coding.features(np.array([[0.0, 0.4, np.nan], [np.nan, 0.4, 0.5]]))
    assert one.tolist() == pytest.approx([math.sqrt(0.5), 0.0, 0.4, 0.5])
    assert other.tolist() == pytest.approx([0.0, 0.0, 0.4, 0.5])


def test_values_of_grids_are_snapped_to_their_own_points():
    space = SearchSpace({"n": IntDistribution(1, 5), "u": IntDistribution(1, 100, log=True), "x": UNIT})
    coding = FeatureCoding.of(UnitCube.of(space))
    for params in ({"n": 2, "u": 3, "x": 0.25}, {"n": 5, "u": 100, "x": 1.0}):
        row = coding.row(create_trial(value=0.0, params=params, distributions=space))
        assert coding.snapped(np.array([row]) + 1e-4 * np.array([1.0, 1.0, 0.0])).tolist() == [row]
        assert coding.cube.params(row) == params


def test_small_spaces_are_tried_in_full_and_once():
    space = SearchSpace({"n": IntDistribution(0, 4), "c": CategoricalDistribution(["a", "b"])})
    state = study(10, lambda params: params["n"] + (params["c"] == "a"), space, EAGER)
    assert len({(trial.params["n"], trial.params["c"]) for trial in state.finished}) == 10
    assert type(suggested(state, space, EAGER)).__name__ == "Exhausted"


def test_shuffled_results_are_explored_and_a_bowl_is_not():
    noise = iter(np.random.default_rng(5).permutation(50).tolist())
    rules = Counter(t.note["rule"] for t in study(40, lambda params: float(next(noise)), PLANE, EAGER).finished[20:])
    assert rules["explore"] >= 16
    rules = Counter(trial.note["rule"] for trial in study(25, bowl, PLANE, EAGER).finished)
    assert rules == {"startup": 4, "model": 21}


def test_constant_results_are_explored():
    assert suggested(study(12, lambda params: 1.0, PLANE, EAGER), PLANE, EAGER).note["rule"] == "explore"


def test_the_note_says_what_is_predicted():
    note = suggested(study(15, bowl, PLANE, EAGER), PLANE, EAGER).note
    assert {*note} == {"rule", "acquisition", "mean", "deviation"}
    assert note["deviation"] > 0.0


def test_fits_are_rarer_the_more_trials_there_are():
    fits = sorted({last_fit(n) for n in range(1, 2001)})
    assert fits[:20] == [*range(1, 21)]
    assert 40 < len(fits) < 80
    assert max(later - sooner for sooner, later in pairwise(fits)) == 100


def test_between_fits_the_model_is_that_of_a_study_read_anew():
    state = study(27, bowl, PLANE, EAGER)
    fold = Fold(FeatureCoding.of(UnitCube.of(PLANE)), 0)
    grown = surrogate(fold, state.finished.fold(fold))
    carry = fold.init()
    for trial in state.finished:
        carry = fold.step(carry, trial)
    fresh = surrogate(fold, carry)
    assert len(carry.fit.rows) == 25  # and so two trials extend the factorization
    assert (grown.posterior.weights == fresh.posterior.weights).all()


def test_thousands_of_trials_are_modelled_by_the_best_and_the_newest():
    rng = np.random.default_rng(0)
    fold = Fold(FeatureCoding.of(UnitCube.of(PLANE)), 0)
    carry = fold.init()
    for x, y in rng.random((1200, 2)).tolist():
        params = {"x": x, "y": y}
        carry = fold.step(carry, create_trial(value=bowl(params), params=params, distributions=PLANE))
    model = surrogate(fold, carry)
    assert 1000 <= len(model.targets) < 1100
    assert (model.points[-1] == carry.rows.array[-1, -2:]).all()
    assert carry.rows.array[:, 0].argmin() in carry.fit.chosen


def test_a_pruned_trial_counts_as_an_upper_quartile():
    fold = Fold(FeatureCoding.of(UnitCube.of(PLANE)), 0)
    carry = fold.init()
    for value in (1.0, 2.0, 3.0, 4.0, 5.0):
        carry = fold.step(carry, create_trial(value=value, params={"x": 0.1, "y": 0.2}, distributions=PLANE))
    pruned = create_trial(state=TrialState.PRUNED, params={"x": 0.5, "y": 0.5}, distributions=PLANE)
    targets = fold.targets(fold.step(carry, pruned).rows.array)
    assert targets[-1] == targets[3]


def test_warped_inputs_find_a_minimum_at_a_steep_end():
    warping = GPSampler(n_startup_trials=4, n_candidates=64, n_local_searches=2, input_warping=True)

    def steep(params):
        return abs(params["x"] ** 0.2 - 0.3) + (params["y"] - 0.5) ** 2

    assert best(study(30, steep, PLANE, warping)) < 0.02
    space = SearchSpace({**MIXED})
    assert best(study(30, mixed_loss, space, warping)) < best(study(30, mixed_loss, MIXED, RandomSampler())) / 2


def test_a_known_standard_error_enters_the_noise():
    """Two groups of results say opposite things; which one is believed is what their standard errors say."""

    def learned(left, right):
        study = hpo.create_study()
        for place in range(12):
            x = place / 11.0
            study.add_trial(create_trial(value=x, params={"x": x}, distributions={"x": UNIT}, sem=left))
            study.add_trial(create_trial(value=1.0 - x, params={"x": x}, distributions={"x": UNIT}, sem=right))
        return [study.predict({"x": x})[0].mean for x in (0.1, 0.9)]

    low, high = learned(0.01, 0.5)
    assert low < 0.2
    assert high > 0.8
    low, high = learned(0.5, 0.01)
    assert low > 0.8
    assert high < 0.2
    low, high = learned(0.2, 0.2)
    assert abs(low - high) < 0.1


def test_a_lucky_result_with_a_large_standard_error_is_not_recommended():
    study = hpo.create_study()
    for x in np.linspace(0.0, 1.0, 11).tolist():
        study.add_trial(create_trial(value=(x - 0.3) ** 2, params={"x": x}, distributions={"x": UNIT}, sem=1e-3))
    study.add_trial(create_trial(value=-1.0, params={"x": 0.95}, distributions={"x": UNIT}, sem=3.0))
    assert study.best_trial.params == {"x": 0.95}
    assert study.recommend().params == {"x": pytest.approx(0.3)}
    endless = create_trial(value=-1.0, params={"x": 0.6}, distributions={"x": UNIT}, sem=math.inf)
    study.add_trial(endless)
    assert study.recommend().params == {"x": pytest.approx(0.3)}


def opposed(params):
    """Two objectives with the front ``y = 0``: from (0, 1) to (1, 0)."""
    x, rest = params["x"], 4.0 * params["y"]
    return [x + rest, (1.0 - math.sqrt(x)) + rest]


def dominated_area(state):
    values = sorted(trial.values for trial in best_trials(state))
    return hypervolume(np.array(values), np.array([1.1, 1.1]))


@pytest.mark.parametrize("directions", [["minimize", "minimize"], ["maximize", "minimize"]])
def test_a_front_is_found_along_its_whole_length(directions):
    signs = [-1.0 if direction == "maximize" else 1.0 for direction in directions]

    def values(params):
        return [sign * value for sign, value in zip(signs, opposed(params), strict=True)]

    state = study(30, values, PLANE, EAGER, directions=directions)
    front = np.array([trial.values for trial in best_trials(state)]) * signs
    assert hypervolume(front, np.array([1.1, 1.1])) > 0.82  # of .877 that the whole front dominates
    by_chance = study(30, opposed, PLANE, RandomSampler(), directions=["minimize"] * 2)
    assert dominated_area(by_chance) < 0.6


def test_running_trials_keep_away_from_each_other_along_a_front():
    state = study(20, opposed, PLANE, EAGER, directions=["minimize"] * 2)
    points = []
    for _ in range(5):
        state, trial = ask(state, EAGER, PLANE)
        points.append((trial.params["x"], trial.params["y"]))
    assert min(math.dist(one, other) for one, other in combinations(points, 2)) > 0.01


def test_the_note_has_a_prediction_for_each_objective():
    state = study(12, opposed, PLANE, EAGER, directions=["minimize"] * 2)
    note = suggested(state, PLANE, EAGER).note
    assert note["rule"] == "model"
    assert len(note["mean"]) == len(note["deviation"]) == 2


def test_constraints_keep_a_front_feasible():
    state = StudyState.create(directions=["minimize"] * 2, seed=2)
    for _ in range(30):
        state, trial = ask(state, EAGER, PLANE)
        state = set_constraint(state, trial.number, "left", 0.5 - trial.params["x"])
        state = tell(state, trial.number, opposed(trial.params))
    late = [trial.params["x"] >= 0.5 for trial in [*state.finished][15:]]
    assert sum(late) >= 11
    assert len(best_trials(state)) >= 4


def test_two_objectives_of_which_one_is_noise_are_modelled():
    rng = np.random.default_rng(0)
    state = study(30, lambda params: [bowl(params), rng.random()], PLANE, EAGER, directions=["minimize"] * 2)
    assert min(trial.values[0] for trial in state.finished) < 1e-2


@pytest.mark.parametrize("n_objectives", [3, 4, 6])
def test_more_objectives_than_two_have_a_front_as_well(n_objectives):
    centres = np.linspace(0.1, 0.9, n_objectives)

    def values(params):
        return [(params["x"] - centre) ** 2 + (params["y"] - 0.5) ** 2 for centre in centres]

    directions = ["minimize"] * n_objectives
    state = study(25, values, PLANE, EAGER, directions=directions)
    by_chance = study(25, values, PLANE, RandomSampler(), directions=directions)
    reference = np.ones(n_objectives)
    found, least = (
        hypervolume(np.array([trial.values for trial in each.finished]), reference) for each in (state, by_chance)
    )
    assert found > least
