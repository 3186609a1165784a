"""Trials: frozen, fixed, made by hand, their attributes and constraints."""

import contextlib

import pytest
from optuna_programs import quadratic, same_with_optuna, states, unit
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

import hpo
from hpo.distributions import CategoricalDistribution, FloatDistribution
from hpo.trial import FixedTrial


def test_the_repr_of_a_frozen_trial_has_its_fields():
    study = hpo.create_study(seed=0)
    study.optimize(quadratic, n_trials=1)
    text = repr(study.best_trial)
    assert text.startswith("FrozenTrial(number=0, ")
    for part in ("COMPLETE", "'x': ", "FloatDistribution(low=-10.0, high=10.0)", "intermediate_values={}"):
        assert part in text


def test_create_trial_returns_a_frozen_trial():
    trial = hpo.trial.create_trial(
        params={"x": 1.0, "y": 0},
        distributions={
            "x": FloatDistribution(0, 10),
            "y": CategoricalDistribution([-1, 0, 1]),
        },
        value=5.0,
    )

    assert isinstance(trial, hpo.trial.FrozenTrial)
    assert trial.value == 5.0
    assert trial.params == {"x": 1.0, "y": 0}


def test_trials_made_by_hand_are_added_to_several_studies():
    study = hpo.create_study()
    assert len(study.trials) == 0

    trial = hpo.trial.create_trial(
        params={"x": 2.0},
        distributions={"x": FloatDistribution(0, 10)},
        value=4.0,
    )
    study.add_trial(trial)
    assert len(study.trials) == 1

    study.optimize(quadratic, n_trials=3)
    assert len(study.trials) == 4

    other_study = hpo.create_study()
    for trial in study.trials:
        other_study.add_trial(trial)
    assert len(other_study.trials) == len(study.trials)
    assert [trial.params for trial in other_study.trials] == [trial.params for trial in study.trials]

    other_study.optimize(quadratic, n_trials=2)
    assert len(other_study.trials) == len(study.trials) + 2


@same_with_optuna
def test_trials_made_by_hand(lib):
    space = {"x": lib.distributions.FloatDistribution(0, 10)}
    study = lib.create_study()
    study.add_trial(lib.trial.create_trial(params={"x": 2.0}, distributions=space, value=4.0))
    study.add_trial(lib.create_trial(state=lib.trial.TrialState.FAIL))
    other = lib.create_study()
    other.add_trials(study.trials)
    other.add_trials(study.get_trials(deepcopy=False))
    for wrong in ({"params": {"x": 2.0}, "distributions": {}, "value": 4.0}, {"values": [1.0, 2.0]}):
        with pytest.raises(ValueError):  # noqa: PT011 - each library has its own words
            study.add_trial(lib.trial.create_trial(**wrong))
    trials = other.trials
    return (
        states(other),
        other.best_trial.number,
        trials[0] == study.trials[0],
        trials[0] < trials[1],
        other.best_params,
    )


def test_an_objective_is_a_function_of_a_fixed_trial():
    def mixed(trial):
        x = trial.suggest_float("x", -100, 100)
        y = trial.suggest_categorical("y", [-1, 0, 1])
        return x**2 + y

    assert mixed(hpo.trial.FixedTrial({"x": 1, "y": 0})) == 1


def sum_of_two(trial):
    x = trial.suggest_float("x", -1.0, 1.0)
    y = trial.suggest_int("y", -5, 5)
    return x + y


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"x": 1.0, "y": -1}, 0.0),
        ({"x": -1.0, "y": -4}, -5.0),
        ({"x": 1.0, "y": 0}, 1.0),
        ({"x": 0.0, "y": -1}, -1.0),
        ({"x": -1.0, "y": 1}, 0.0),
    ],
)
def test_an_objective_is_tested_with_fixed_parameters(params, expected):
    assert expected == sum_of_two(FixedTrial(params))


@same_with_optuna
def test_fixed_and_frozen_trials(lib):
    def objective(trial):
        trial.report(1.0, 1)
        trial.set_user_attr("k", 1)
        return trial.suggest_float("x", -100, 100) ** 2 + trial.suggest_categorical("y", [-1, 0, 1])

    fixed = lib.trial.FixedTrial({"x": 2.0, "y": 1}, number=3)
    value = objective(fixed)
    with pytest.raises(ValueError, match="y"):
        objective(lib.trial.FixedTrial({"x": 1.0}))
    study = lib.create_study()
    study.optimize(objective, n_trials=3)
    assert objective(study.best_trial) == study.best_value
    return value, fixed.params, fixed.user_attrs, fixed.number, sorted(fixed.distributions)


def test_the_best_trial_evaluates_again_to_the_best_value():
    def objective(trial):
        x = trial.suggest_float("x", -1, 1)
        return x**2

    study = hpo.create_study()
    study.optimize(objective, n_trials=3)
    assert objective(study.best_trial) == study.best_value


def test_an_objective_attaches_a_measurement_to_its_trial():
    iris = load_iris()

    def objective(trial):
        svc_c = trial.suggest_float("svc_c", 1e-10, 1e10, log=True)
        accuracy = cross_val_score(SVC(C=svc_c), iris.data, iris.target).mean()
        trial.set_user_attr("accuracy", accuracy)  # a numpy scalar
        return 1.0 - accuracy

    study = hpo.create_study()
    study.optimize(objective, n_trials=1)
    assert study.trials[0].user_attrs == {"accuracy": 1.0 - study.trials[0].value}
    assert type(study.trials[0].user_attrs["accuracy"]) is float


def test_changing_what_a_running_trial_returns_does_not_change_it(agreed):
    def program(lib):
        seen = []

        def objective(trial):
            trial.suggest_categorical("c", [None, "a"])
            trial.set_user_attr("k", {"a": [1, 2]})
            trial.params["z"] = 1
            with contextlib.suppress(TypeError):  # hpo says that the attribute would be lost
                trial.user_attrs["z"] = 1
            seen.append((sorted(trial.params), dict(trial.user_attrs), trial.number, trial.datetime_start is not None))
            return unit(trial)

        study = lib.create_study()
        study.optimize(objective, n_trials=1)
        return seen, study.trials[0].user_attrs, study.trials[0].last_step

    agreed(program)


@same_with_optuna
def test_constraints(lib):
    def objective(trial):
        x = [3.0, 1.0, 2.0][trial.number]
        trial.set_constraint(key="memory", value=2.0 - x)
        return x

    study = lib.create_study()
    study.optimize(objective, n_trials=3)
    return study.best_trial.number, dict(study.best_trial.constraints)
