"""`Where`: nothing that violates the predicate is suggested, and what satisfies it is found where the sampler would look."""

import pytest

import hpo
from hpo.core import CategoricalDistribution, Exhausted, FloatDistribution, IntDistribution, identity_of
from hpo.errors import InvalidArgument, InvalidSuggestion, InvalidType
from hpo.samplers import (
    AutoSampler,
    CmaEsSampler,
    Fallback,
    GPSampler,
    GridSampler,
    PartialFixedSampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
    Warmup,
    Where,
)

SQUARE = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}
SMALL = {"a": IntDistribution(0, 4), "b": CategoricalDistribution(["one", "two"])}


def below_the_diagonal(params):
    return params["x"] + params["y"] <= 1.0


def even(params):
    return params["a"] % 2 == 0


def far_corner(trial):
    """The best place that is allowed is on the border, at (0.5, 0.5)."""
    x, y = trial.suggest_float("x", 0.0, 1.0), trial.suggest_float("y", 0.0, 1.0)
    return (x - 0.9) ** 2 + (y - 0.9) ** 2


GP = GPSampler(n_startup_trials=5, n_candidates=64, n_local_searches=2)
SAMPLERS = {
    "random": RandomSampler(),
    "sobol": QMCSampler(),
    "tpe": TPESampler(),
    "tpe of each": TPESampler(multivariate=False),
    "cma-es": CmaEsSampler(),
    "gp": GP,
    "warm-up": Warmup(4, QMCSampler(), TPESampler(n_startup_trials=1)),
    "nested": Where(lambda params: params["x"] >= 0.1, TPESampler()),
}


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_every_trial_satisfies_the_predicate_and_can_be_verified(sampler):
    where = Where(below_the_diagonal, sampler)
    study = hpo.create_study(sampler=where, space=SQUARE, seed=2)
    study.optimize(far_corner, n_trials=25)
    assert all(below_the_diagonal(trial.params) for trial in study.trials)
    assert hpo.verify(study, sampler=where).clean


@pytest.mark.parametrize("name", ["tpe", "cma-es", "gp"])
def test_models_find_the_best_place_on_the_border(name):
    found = []
    for seed in range(3):
        study = hpo.create_study(sampler=Where(below_the_diagonal, SAMPLERS[name]), space=SQUARE, seed=seed)
        study.optimize(far_corner, n_trials=40)
        found.append(study.best_value - 0.32)
    assert sorted(found)[1] < 0.02


def test_models_are_not_replaced_by_random_draws():
    study = hpo.create_study(sampler=Where(below_the_diagonal, GP), space=SQUARE, seed=1)
    study.optimize(far_corner, n_trials=20)
    rules = [trial.note["rule"] for trial in study.trials]
    assert rules[5:].count("model") >= 12


@pytest.mark.parametrize(
    "sampler",
    [
        Warmup(3, QMCSampler(), GP),
        Fallback(GP, RandomSampler()),
        PartialFixedSampler({"y": 0.6}, GP),
        AutoSampler(gp=GP),
    ],
    ids=["warm-up", "fallback", "fixed", "auto"],
)
def test_models_inside_of_wrappers_look_for_what_is_allowed(sampler):
    study = hpo.create_study(sampler=Where(below_the_diagonal, sampler), space=SQUARE, seed=1)
    study.optimize(far_corner, n_trials=20)
    assert all(below_the_diagonal(trial.params) for trial in study.trials)
    rules = [trial.note["rule"] for trial in study.trials]
    assert "where" not in rules[8:]
    assert rules[8:].count("model") >= 9


def test_an_undeclared_space_is_checked_from_the_second_trial_on():
    study = hpo.create_study(sampler=Where(below_the_diagonal, TPESampler()), seed=4)
    study.optimize(far_corner, n_trials=15)
    assert all(below_the_diagonal(trial.params) for trial in study.trials[1:])


def test_a_parameter_of_a_branch_is_checked_with_the_joint_ones():
    def branching(trial):
        x = trial.suggest_float("x", 0.0, 1.0)
        return x if x > 0.5 else trial.suggest_float("y", 0.0, 1.0)

    for sampler in (RandomSampler(), TPESampler(n_startup_trials=3)):
        study = hpo.create_study(sampler=Where(below_the_diagonal, sampler), space={"x": SQUARE["x"]}, seed=1)
        study.optimize(branching, n_trials=25)
        both = [trial.params for trial in study.trials if "y" in trial.params]
        assert len(both) > 3
        assert all(map(below_the_diagonal, both))


@pytest.mark.parametrize("sampler", [TPESampler(n_startup_trials=2), GP], ids=["tpe", "gp"])
def test_a_finite_space_is_exhausted_when_all_that_is_allowed_was_tried(sampler):
    study = hpo.create_study(sampler=Where(even, sampler), space=SMALL, seed=1)
    study.optimize(lambda trial: float(trial.suggest_int("a", 0, 4)), n_trials=30)
    assert len(study.trials) == 3  # b is not asked for
    study = hpo.create_study(sampler=Where(even, sampler), space=SMALL, seed=1)
    study.optimize(lambda t: t.suggest_int("a", 0, 4) + len(t.suggest_categorical("b", ["one", "two"])), n_trials=30)
    assert len({tuple(trial.params.items()) for trial in study.trials}) == len(study.trials) == 6


def test_a_grid_is_asked_again_or_replaced():
    sampler = Where(even, GridSampler({"a": [0, 1, 2, 3, 4]}))
    study = hpo.create_study(sampler=sampler, space={"a": SMALL["a"]}, seed=1)
    study.optimize(lambda trial: float(trial.suggest_int("a", 0, 4)), n_trials=4)
    assert all(even(trial.params) for trial in study.trials)


def test_fixed_parameters_are_seen_by_the_predicate():
    for sampler in (RandomSampler(), TPESampler(n_startup_trials=2)):
        fixed = PartialFixedSampler({"y": 0.7}, Where(below_the_diagonal, sampler))
        study = hpo.create_study(sampler=fixed, space=SQUARE, seed=1)
        study.optimize(far_corner, n_trials=10)
        assert all(trial.params["y"] == 0.7 and trial.params["x"] <= 0.3 for trial in study.trials)


def test_enqueued_values_are_seen_by_the_predicate():
    study = hpo.create_study(sampler=Where(below_the_diagonal, RandomSampler()), space=SQUARE, seed=1)
    study.enqueue_trial({"x": 0.95})
    study.optimize(far_corner, n_trials=1)
    assert study.trials[0].params["y"] <= 0.05


def test_a_predicate_that_nothing_satisfies_is_an_error_that_says_so():
    study = hpo.create_study(
        sampler=Where(lambda params: params["x"] > 2.0, RandomSampler(), max_draws=50), space=SQUARE
    )
    with pytest.raises(
        InvalidSuggestion, match="none of 50 random values of x, y and by no suggestion of RandomSampler"
    ):
        study.ask()


def test_exhaustion_of_the_sampler_is_passed_on():
    def done(state, trial, space, key):
        return Exhausted("that was all")

    study = hpo.create_study(sampler=Where(even, done), space=SMALL)
    study.optimize(lambda trial: 0.0, n_trials=3)
    assert not study.trials


def test_what_a_predicate_returns_is_checked():
    study = hpo.create_study(sampler=Where(lambda params: params["x"], RandomSampler()), space=SQUARE)
    with pytest.raises(InvalidType, match="returns True or False, got 0"):
        study.ask()


def test_an_error_of_the_predicate_itself_is_not_hidden():
    def broken(params):
        return {}["x"]

    study = hpo.create_study(sampler=Where(broken, RandomSampler()), space=SQUARE)
    with pytest.raises(KeyError):
        study.ask()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("x < 1", RandomSampler()), InvalidType),
        ((even, 3), InvalidType),
        ((even, RandomSampler(), 0), InvalidArgument),
    ],
)
def test_bad_arguments_are_refused(arguments, error):
    with pytest.raises(error):
        Where(*arguments)


def test_the_journal_names_the_predicate():
    options = identity_of(Where(even, RandomSampler())).options
    assert options["predicate"].endswith("even")
    assert {*options} == {"predicate", "sampler", "max_draws"}
