"""Arguments of `create_study` and `optimize` that are refused, and exceptions in objectives and callbacks."""

import functools
import math
import operator

import pytest

import hpo
from hpo.errors import InvalidType, NotOptimizing, StudyNotFound, TrialNotRunning
from hpo.samplers import RandomSampler
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=0)


@pytest.mark.parametrize("direction", ["upwards", "MINIMIZE", "", 1, hpo.StudyDirection])
def test_invalid_direction_is_refused(direction):
    with pytest.raises(ValueError, match="'minimize' or 'maximize'"):
        hpo.create_study(direction=direction)


@pytest.mark.parametrize("directions", [[], "maximize", ["minimize", "up"]])
def test_invalid_directions_are_refused(directions):
    with pytest.raises(ValueError, match="direction"):
        hpo.create_study(directions=directions)


def test_direction_and_directions_exclude_each_other():
    with pytest.raises(ValueError, match="either direction or directions"):
        hpo.create_study(direction="minimize", directions=["minimize"])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"n_trials": -1}, ValueError),
        ({"n_trials": 2.5}, ValueError),
        ({"timeout": -0.1}, ValueError),
        ({"timeout": math.nan}, ValueError),
        ({"timeout": "1 s"}, ValueError),
        ({"n_jobs": 0}, ValueError),
        ({"n_jobs": -2}, ValueError),
        ({"n_jobs": 1.5}, ValueError),
        ({"order": "reverse"}, ValueError),
        ({"catch": (ValueError, 3)}, TypeError),
        ({"catch": int}, TypeError),
        ({"callbacks": [print, "log"]}, TypeError),
    ],
)
def test_invalid_argument_of_optimize_starts_no_trial(study, arguments, error):
    with pytest.raises(error, match=next(iter(arguments)).rstrip("s")):
        study.optimize(unit, **{"n_trials": 1, **arguments})
    assert study.trials == []


def test_objective_that_is_not_callable_is_refused(study):
    with pytest.raises(InvalidType, match="takes a trial"):
        study.optimize(0.5, n_trials=1)


@pytest.mark.parametrize("limit", [{"n_trials": 0}, {"timeout": 0}, {"n_trials": 5, "timeout": 0.0}])
def test_limit_of_zero_starts_no_trial(study, limit):
    study.optimize(unit, **limit)
    assert study.trials == []


def test_optimize_inside_its_own_objective_is_an_error(study):
    def nested(which, trial):
        which.optimize(unit, n_trials=2)
        return 0.0

    other = hpo.create_study(sampler=RandomSampler())
    study.optimize(functools.partial(nested, other), n_trials=1)
    assert len(other.trials) == 2

    with pytest.raises(NotOptimizing, match="inside an objective or a callback of the same study"):
        study.optimize(functools.partial(nested, study), n_trials=1)
    assert study.trials[-1].state is TrialState.FAIL
    with pytest.raises(RuntimeError):
        study.optimize(unit, n_trials=1, callbacks=[lambda study, trial: study.optimize(unit, n_trials=1)])


def test_callback_error_ends_the_run_and_the_trial_stays_complete(study):
    later = []

    def broken(study, trial):
        if trial.number == 1:
            raise LookupError("a callback's mistake")

    with pytest.raises(LookupError, match="a callback's mistake"):
        study.optimize(unit, n_trials=5, callbacks=[broken, lambda study, trial: later.append(trial.number)])
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 2
    assert later == [0]


@pytest.mark.parametrize("catch", [LookupError, [KeyError, ZeroDivisionError], (KeyError,), {KeyError}])
def test_catch_takes_one_class_or_several(study, catch):
    def objective(trial):
        if trial.number == 0:
            raise KeyError("gone")
        return 1.0

    study.optimize(objective, n_trials=2, catch=catch)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


@pytest.mark.parametrize("look", [hpo.load_study, hpo.delete_study])
def test_an_unknown_study_is_a_key_error_that_names_it(tmp_path, look):
    storage = f"{tmp_path}/runs/"
    hpo.create_study(study_name="other", storage=storage)
    with pytest.raises(StudyNotFound, match="'digits'") as caught:
        look(study_name="digits", storage=storage)
    assert isinstance(caught.value, KeyError)
    assert "other" in str(caught.value)


def test_finished_trial_refuses_every_change(study):
    trial = study.ask()
    study.tell(trial, 1.0)
    for late in (
        lambda: trial.report(1.0, 0),
        lambda: trial.set_user_attr("a", 1),
        lambda: trial.set_constraint("c", 1.0),
        lambda: trial.suggest_float("x", 0, 1),
        trial.should_prune,
        lambda: study.tell(trial, 2.0),
    ):
        with pytest.raises(TrialNotRunning):
            late()
    assert study.trials[0].value == 1.0
