"""The TPE where objectives branch, where parameters are modelled alone, and where configurations run out."""

import attrs
import numpy as np
import pytest
from sampled_studies import EAGER, study, suggested
from scipy import integrate, stats

import hpo
from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    Key,
    SearchSpace,
    StudyState,
    TrialState,
    ask,
    create_trial,
    identity_of,
    tell,
)
from hpo.errors import InvalidArgument, InvalidType, SearchSpaceExhausted
from hpo.numerics.parzen import fit_parzen
from hpo.pruners import NopPruner
from hpo.samplers import RandomSampler, TPESampler
from hpo.samplers.tpe.propose import GroupFold

UNIT = FloatDistribution(0.0, 1.0)


# parameters that only a branch has


def branching(trial):
    """The best x depends on the branch, and within it on the joint parameter y."""
    y = trial.suggest_float("y", 0.0, 1.0)
    if trial.suggest_categorical("kind", ["left", "right"]) == "left":
        return (trial.suggest_float("x_left", 0.0, 1.0) - y) ** 2
    return (trial.suggest_float("x_right", 0.0, 1.0) - 0.2) ** 2 + 1.0


def test_a_parameter_of_a_branch_is_modelled_given_the_joint_ones():
    space = {"y": UNIT, "x": UNIT}
    state = study(150, lambda p: (p["x"] - p["y"]) ** 2, space, RandomSampler())
    for y in (0.2, 0.5, 0.8):
        answers = [suggested(state, {"x": UNIT}, seed=seed, known=({"y": y}, {"y": UNIT})) for seed in range(30)]
        assert {answer.note["rule"] for answer in answers} == {"model"}
        assert np.median([answer.params["x"] for answer in answers]) == pytest.approx(y, abs=0.12)


def test_a_known_value_outside_of_its_range_is_left_out():
    state = study(30, lambda p: (p["x"] - p["y"]) ** 2, {"y": UNIT, "x": UNIT}, RandomSampler())
    with pytest.warns(UserWarning, match="outside"):
        state, trial = ask(hpo.enqueue(state, {"y": 7.0}), RandomSampler(), {"y": UNIT})
    assert trial.params == {"y": 7.0}
    alone = EAGER(state, trial, SearchSpace({"x": UNIT}), Key(99))
    _, unknowing = ask(study(30, lambda p: (p["x"] - p["y"]) ** 2, {"y": UNIT, "x": UNIT}, RandomSampler()), EAGER, {})
    assert alone == EAGER(state, unknowing, SearchSpace({"x": UNIT}), Key(99))


@pytest.mark.parametrize("sampler", [EAGER, attrs.evolve(EAGER, group=True), attrs.evolve(EAGER, multivariate=False)])
def test_a_study_with_branches_finds_the_best_one(sampler):
    study = hpo.create_study(sampler=sampler, pruner=NopPruner(), seed=1)
    study.optimize(branching, n_trials=60)
    assert study.best_params["kind"] == "left"
    assert study.best_value < 0.01
    assert hpo.verify(study).clean


def test_groups_are_suggested_before_the_objective_asks_for_them():
    study = hpo.create_study(sampler=attrs.evolve(EAGER, group=True), pruner=NopPruner(), seed=1)
    study.optimize(branching, n_trials=20)
    _, trial = ask(study.state, study.sampler)
    assert set(trial.params) == {"y", "kind", "x_left", "x_right"}
    plain = TPESampler(n_startup_trials=3)
    assert set(ask(study.state, plain)[1].params) == {"y", "kind"}


def test_groups_are_modelled_given_their_companions():
    study = hpo.create_study(sampler=RandomSampler(), pruner=NopPruner(), seed=3)
    study.optimize(branching, n_trials=150)
    grouped = attrs.evolve(EAGER, group=True)
    away = []
    for number in range(40):
        _, trial = ask(hpo.StudyState.from_bytes(study.state.to_bytes()), attrs.evolve(grouped, seed=number))
        away.append(abs(trial.params["x_left"] - trial.params["y"]))
    assert np.median(away) < 0.15  # 1/3 were they independent


def finished(*names, state=TrialState.COMPLETE):
    value = 1.0 if state is TrialState.COMPLETE else None
    return create_trial(
        state=state, value=value, params=dict.fromkeys(names, 0.5), distributions=dict.fromkeys(names, UNIT)
    )


def branches_of(*trials):
    carry = GroupFold().init()
    for trial in trials:
        carry = GroupFold().step(carry, trial)
    return carry


def test_groups_are_parameters_of_the_same_trials():
    carry = branches_of(finished("a", "b", "x"), finished("a", "b", "y"), finished("a", "b", "x", "z"), finished("a"))
    found = [(sorted(b.names), sorted(b.companions), b.n_trials) for b in carry.in_order]
    assert found == [
        (["a"], ["a"], 4),
        (["b"], ["a", "b"], 3),
        (["x"], ["a", "b", "x"], 2),
        (["y"], ["a", "b", "y"], 1),
        (["z"], ["a", "b", "x", "z"], 1),
    ]


def test_groups_depend_neither_on_order_nor_on_failed_trials():
    trials = [finished("a", "b", "x"), finished("a", "b", "y"), finished("a", "c"), finished("a", "b", "x", "z")]
    one = branches_of(*trials, finished("nothing", state=TrialState.FAIL))
    other = branches_of(*reversed(trials))
    assert one.in_order == other.in_order
    assert set(one.space) == {"a", "b", "c", "x", "y", "z"}


# one parameter at a time


def test_without_multivariate_each_parameter_is_modelled_by_itself():
    space = SearchSpace({"x": UNIT, "y": UNIT})
    state = study(40, lambda p: (p["x"] - p["y"]) ** 2, space, RandomSampler())
    alone = attrs.evolve(EAGER, multivariate=False)
    both = suggested(state, space, alone)
    x = alone(*ask(state, RandomSampler(), {}), SearchSpace({"x": UNIT}), Key(99).child("x"))
    y = alone(*ask(state, RandomSampler(), {}), SearchSpace({"y": UNIT}), Key(99).child("y"))
    assert both.params == {**x.params, **y.params}
    assert both.note["acquisition"] == pytest.approx(x.note["acquisition"] + y.note["acquisition"])
    assert both.params != suggested(state, space).params


# conditional densities


def test_a_conditional_density_is_joint_over_marginal():
    rng = np.random.default_rng(2)
    seen = np.column_stack([rng.random(6), rng.integers(0, 3, 6), rng.random(6)]).astype(float)
    joint = fit_parzen(seen, np.array([0, 3, 0]), rng.random(6))
    point = np.array([0.3, 2.0, 0.0])
    given = joint.given(np.array([0, 1]), point)
    x = np.linspace(0.0, 1.0, 201)
    along = np.exp(joint.log_density(np.column_stack([np.full(201, 0.3), np.full(201, 2.0), x])))
    mean = integrate.trapezoid(along, x)
    np.testing.assert_allclose(np.exp(given.log_density(x[:, None])), along / mean, rtol=1e-3)


def test_a_mixture_given_a_cell_of_a_grid_counts_the_mass_in_it():
    seen = np.array([[0.05, 0.1], [0.95, 0.9]])
    joint = fit_parzen(seen, np.array([0, 0]), np.ones(2))
    cells = {0: (np.array([0.0]), np.array([0.1]))}
    given = joint.given(np.array([0]), np.array([0.05, 0.0]), cells)
    s = joint.widths[0]
    mass = [stats.truncnorm(-c / s, (1 - c) / s, c, s).cdf(0.1) / 0.1 for c in (0.05, 0.95)]
    np.testing.assert_allclose(given.weights, np.array([*mass, 1.0]) / (sum(mass) + 1.0), rtol=1e-9)


# distances of choices


SIZES = ["s", "m", "l", "xl", "xxl"]


def size_distance(one, other):
    return abs(SIZES.index(one) - SIZES.index(other))


def test_choices_near_to_good_ones_are_likelier_than_far_ones():
    space = {"size": CategoricalDistribution(SIZES), "x": UNIT}
    state = study(40, lambda p: 0.0 if p["size"] == "s" else 1.0 + p["x"], space, RandomSampler())
    distant = attrs.evolve(EAGER, categorical_distance_func={"size": size_distance}, n_ei_candidates=1)

    def counts(sampler):
        sizes = [suggested(state, space, sampler, seed).params["size"] for seed in range(300)]
        return [sizes.count(size) for size in SIZES]

    with_distance, without = counts(distant), counts(attrs.evolve(distant, categorical_distance_func=None))
    assert with_distance[1] > 1.5 * with_distance[4]
    assert without[1] < 1.5 * without[4]


def test_samples_follow_the_density_of_choices_with_distances():
    table = np.array([[0.0, 0.3, 1.0], [0.3, 0.0, 1.0], [1.0, 1.0, 0.0]])
    estimator = fit_parzen(np.array([[0.0], [2.0]]), np.array([3]), np.array([3.0, 1.0]), distances={0: table})
    density = np.exp(estimator.log_density(np.arange(3.0)[:, None])) / 3
    assert density.sum() == pytest.approx(1.0)
    samples = estimator.sample(np.random.default_rng(1).random((30_000, 3)))[:, 0]
    np.testing.assert_allclose(np.bincount(samples.astype(int), minlength=3) / 30_000, density, atol=0.012)


def test_the_furthest_choice_is_as_unlikely_as_without_distances():
    table = np.array([[0.0, 1.0], [1.0, 0.0]])
    seen = np.array([[0.0], [1.0], [0.0]])
    plain = fit_parzen(seen, np.array([2]), np.ones(3))
    distant = fit_parzen(seen, np.array([2]), np.ones(3), distances={0: table})
    points = np.array([[0.0], [1.0]])
    np.testing.assert_allclose(distant.log_density(points), plain.log_density(points), rtol=1e-12)


def test_invalid_distances_are_named():
    with pytest.raises(InvalidType, match="categorical_distance_func maps names to functions of two choices, got 3"):
        TPESampler(categorical_distance_func=3)
    state = study(5, lambda p: 1.0, {"c": CategoricalDistribution(["a", "b", "c", "d", "e", "f"])})
    bad = attrs.evolve(EAGER, categorical_distance_func={"c": lambda a, b: -1.0})
    with pytest.raises(
        InvalidArgument, match=r"must return finite distances of at least 0 for 'c'; for the choices \['a'"
    ):
        suggested(state, {"c": CategoricalDistribution(["a", "b", "c", "d", "e", "f"])}, bad)


def test_the_identity_names_the_functions_of_distance():
    sampler = TPESampler(categorical_distance_func={"size": size_distance})
    assert sampler == TPESampler(categorical_distance_func={"size": size_distance})
    (pair,) = identity_of(sampler).options["categorical_distance_func"]
    assert pair[0] == "size"
    assert pair[1].endswith("size_distance")


# failed trials


def test_failed_trials_count_as_bad_on_request():
    state = study(30, lambda p: p["x"], {"x": UNIT}, RandomSampler())
    crashed = state
    for _ in range(30):
        crashed, trial = ask(hpo.enqueue(crashed, {"x": 0.1}), EAGER, {"x": UNIT})
        crashed = tell(crashed, trial.number, state=TrialState.FAIL)
    wary, blind = (attrs.evolve(EAGER, consider_failed_trials=option) for option in (True, False))
    for seed in range(10):
        ignored = suggested(crashed, {"x": UNIT}, blind, seed=seed)
        assert ignored.params == suggested(state, {"x": UNIT}, blind, seed=seed).params
    wary, careless = attrs.evolve(wary, gamma=lambda n: 8), attrs.evolve(blind, gamma=lambda n: 8)

    def near(sampler):
        return [abs(suggested(crashed, {"x": UNIT}, sampler, seed).params["x"] - 0.1) for seed in range(40)]

    assert np.median(near(wary)) > 1.2 * np.median(near(careless))


# configurations run out


GRID = {"x": IntDistribution(0, 5), "c": CategoricalDistribution(["a", "b", "c"])}


@pytest.mark.parametrize("multivariate", [True, False])
def test_every_configuration_is_tried_once(multivariate):
    sampler = attrs.evolve(EAGER, multivariate=multivariate)
    state = study(18, lambda p: p["x"], GRID, sampler)
    assert len({tuple(trial.params.values()) for trial in state.finished}) == 18
    with pytest.raises(SearchSpaceExhausted, match="all 18 configurations are tried or running"):
        ask(state, sampler, GRID)


def test_a_batch_has_no_repeats():
    state = study(8, lambda p: p["x"], GRID)
    state, trials = ask(state, EAGER, GRID, n=10)
    assert len({tuple(trial.params.values()) for trial in [*state.finished, *trials]}) == 18


def test_duplicates_are_allowed_on_request():
    state = study(60, lambda p: p["x"], GRID, attrs.evolve(EAGER, duplicates="allow"))
    assert len({tuple(trial.params.values()) for trial in state.finished}) < 18
    with pytest.raises(InvalidArgument, match="duplicates is 'avoid' or 'allow', got 'never'"):
        TPESampler(duplicates="never")


def test_a_branching_objective_is_never_exhausted():
    study = hpo.create_study(sampler=EAGER, pruner=NopPruner(), seed=1)

    def objective(trial):
        if trial.suggest_categorical("kind", ["a", "b"]) == "a":
            return trial.suggest_float("x", 0.0, 1.0)
        return trial.suggest_float("y", 0.0, 1.0)

    study.optimize(objective, n_trials=20)
    assert len(study.trials) == 20


# several objectives


def test_several_objectives_are_split_by_front_and_hypervolume():
    space = {"x": UNIT, "y": UNIT}
    state = StudyState.create(seed=0, directions=["minimize", "minimize"])
    for _ in range(80):
        state, trial = ask(state, EAGER, space)
        x, y = trial.params["x"], trial.params["y"]
        state = tell(state, trial.number, [x**2 + y, (x - 1.0) ** 2 + y])
    assert np.median([trial.params["y"] for trial in state.finished[40:]]) < 0.1
    spread = [trial.params["x"] for trial in state.finished[40:]]
    assert np.quantile(spread, 0.9) - np.quantile(spread, 0.1) > 0.4
