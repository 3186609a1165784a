"""Trials that are enqueued: their values, and what the sampler adds."""

import math
import operator

import pytest

import hpo
from hpo.samplers import BruteForceSampler, CmaEsSampler, GridSampler, PartialFixedSampler, RandomSampler, TPESampler
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=0)


def test_enqueued_value_outside_the_range_is_kept_with_a_warning(study):
    study.enqueue_trial({"x": 7.0})
    with pytest.warns(UserWarning, match="keeps the given value 7.0, which is outside"):
        study.optimize(unit, n_trials=1)
    assert (study.trials[0].params, study.trials[0].value) == ({"x": 7.0}, 7.0)


def test_enqueued_value_that_is_not_a_choice_fails_its_trial(study):
    study.enqueue_trial({"c": "z"})
    with pytest.raises(ValueError, match="'z' is not a valid value for parameter 'c'"):
        study.optimize(lambda trial: len(trial.suggest_categorical("c", ["a", "b"])), n_trials=1)
    assert study.trials[0].state is TrialState.FAIL


def test_enqueued_names_that_are_not_asked_for_are_kept(study):
    study.enqueue_trial({"unheard_of": 3})
    study.optimize(unit, n_trials=1)
    (trial,) = study.trials
    assert {*trial.params} == {"x"}
    assert trial.fixed_params == {"unheard_of": 3}


def test_grid_completes_an_enqueued_trial_and_covers_everything():
    study = hpo.create_study(sampler=GridSampler({"x": [0.0, 1.0], "n": [1, 2]}))
    study.enqueue_trial({"x": 0.5})
    study.optimize(lambda trial: unit(trial) + trial.suggest_int("n", 1, 2))
    tried = [(trial.params["x"], trial.params["n"]) for trial in study.trials]
    assert tried[0][0] == 0.5
    assert sorted(tried[1:]) == [(0.0, 1), (0.0, 2), (1.0, 1), (1.0, 2)]


LAYERS = {"cnn": ["c3", "c5"], "rnn": ["lstm", "gru"]}


def layered(trial):
    kind = trial.suggest_categorical("kind", ["cnn", "rnn"])
    return len(trial.suggest_categorical("layer", LAYERS[kind])) + 9 * (kind == "rnn")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("sampler", [TPESampler, RandomSampler, lambda: TPESampler(group=True), CmaEsSampler])
def test_choices_that_depend_on_another_parameter_can_be_enqueued(seed, sampler):
    study = hpo.create_study(seed=seed, sampler=sampler())
    study.optimize(layered, n_trials=14)
    for kind, layer in [("cnn", "c3"), ("rnn", "gru")]:
        study.enqueue_trial({"kind": kind, "layer": layer})
    study.optimize(layered, n_trials=2)
    assert [trial.params for trial in study.trials[14:]] == [
        {"kind": "cnn", "layer": "c3"},
        {"kind": "rnn", "layer": "gru"},
    ]
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    assert hpo.verify(study).clean


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(4))
def test_failed_trials_of_every_branch_are_retried(seed):
    tries = {}

    def fails_first(trial):
        value = layered(trial)
        key = (*trial.params.values(),)
        tries[key] = tries.get(key, 0) + 1
        if tries[key] % 2:
            raise OSError("busy")
        return value

    study = hpo.create_study(seed=seed, sampler=TPESampler(n_startup_trials=2))
    retry = hpo.RetryFailedTrials(lost_only=False)
    study.optimize(fails_first, n_trials=30, catch=OSError, callbacks=[retry])
    retried = [trial for trial in study.trials if "retried_from" in trial.user_attrs and trial.state.is_finished()]
    assert len(retried) >= 4
    for trial in retried:
        assert trial.params == study.trials[trial.user_attrs["retried_from"]].params


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("enqueued", "changed"),
    [
        ("c", lambda trial: trial.suggest_categorical("p", ["a", "b", "c"])),
        ("a", lambda trial: trial.suggest_categorical("p", ["a"])),
        (7.5, lambda trial: trial.suggest_float("p", 0, 10)),
        (7, lambda trial: trial.suggest_int("p", 5, 10)),
        (None, lambda trial: trial.suggest_categorical("p", [None, 1])),
    ],
)
def test_what_the_objective_asks_for_now_decides_about_an_enqueued_value(enqueued, changed):
    study = hpo.create_study(sampler=RandomSampler(), seed=0)
    study.optimize(lambda trial: len(trial.suggest_categorical("p", ["a", "b"])), n_trials=3)
    for _ in range(2):  # before and after a trial of the changed program
        study.enqueue_trial({"p": enqueued})
        study.optimize(lambda trial: len(str(changed(trial))), n_trials=1)
        assert study.trials[-1].params == {"p": enqueued}
    study.optimize(lambda trial: trial.suggest_float("p", 0, 1), n_trials=2)
    study.enqueue_trial({"p": 20})
    study.optimize(lambda trial: trial.suggest_int("p", 10, 30), n_trials=1)
    assert study.trials[-1].params == {"p": 20}


@pytest.mark.parametrize("fixed", [{"kind": "cnn", "layer": "c3"}, {"kind": "rnn", "layer": "lstm"}])
@pytest.mark.parametrize("base", [RandomSampler(), TPESampler(n_startup_trials=2)])
def test_fixed_parameters_may_depend_on_each_other(fixed, base):
    study = hpo.create_study(seed=0, sampler=RandomSampler())
    study.optimize(layered, n_trials=14)
    study.sampler = PartialFixedSampler(fixed, base)
    study.optimize(layered, n_trials=3)
    assert [trial.params for trial in study.trials[14:]] == [fixed] * 3
    assert hpo.verify(study).clean


def test_a_given_space_still_decides_by_itself(study):
    study.enqueue_trial({"c": "z"})
    with pytest.raises(ValueError, match="'z' is not a valid value"):
        study.ask({"c": hpo.CategoricalDistribution(["a", "b"])})
    assert study.trials[0].state is TrialState.FAIL


def test_asked_for_by_hand_a_number_outside_of_the_known_range_is_kept():
    state, sampler = hpo.StudyState.create(seed=0), RandomSampler()
    space = {"x": hpo.FloatDistribution(0, 1), "c": hpo.CategoricalDistribution(["a", "b"])}
    state, trial = hpo.ask(state, sampler, space)
    state = hpo.tell(state, trial, 0.0)
    state = hpo.enqueue(state, {"x": 7.0, "c": "new"})
    with pytest.warns(UserWarning, match=r"keeps the given value 7\.0"):
        state, trial = hpo.ask(state, sampler)
    assert trial.params == {"x": 7.0}
    assert trial.fixed_params == {"x": 7.0, "c": "new"}


@pytest.mark.parametrize("space", [None, {"c": hpo.CategoricalDistribution([math.nan, 1.0, None])}])
@pytest.mark.parametrize("sampler", [TPESampler, CmaEsSampler, BruteForceSampler, RandomSampler])
def test_nan_is_enqueued_and_retried_where_it_is_a_choice(sampler, space):
    def objective(trial):
        missing = trial.suggest_categorical("c", [math.nan, 1.0, None])
        if trial.number == 0:
            raise OSError("busy")
        return 0.0 if missing is None else 1.0

    study = hpo.create_study(sampler=sampler(), space=space, seed=1)
    study.enqueue_trial({"c": math.nan})
    study.optimize(objective, n_trials=2, catch=OSError, callbacks=[hpo.RetryFailedTrials(lost_only=False)])
    assert [repr(trial.params) for trial in study.trials] == ["{'c': nan}"] * 2
    study.enqueue_trial({"c": float("nan")}, skip_if_exists=True)
    assert len(study.trials) == 2
    assert hpo.StudyState.from_bytes(study.state.to_bytes()) == study.state == hpo.replay(study.events())
    assert hpo.verify(study).clean


def test_nan_is_no_number_of_a_range(study):
    study.enqueue_trial({"x": math.nan})
    with pytest.raises(ValueError, match="nan is not a valid value for parameter 'x'"):
        study.optimize(unit, n_trials=1)
    declared = hpo.create_study(space={"x": hpo.FloatDistribution(0, 1)})
    with pytest.raises(ValueError, match="nan is not a valid value for parameter 'x'"):
        declared.enqueue_trial({"x": math.nan})


def test_exhaustive_search_covers_the_part_where_nan_is_fixed():
    sampler = PartialFixedSampler({"c": math.nan}, BruteForceSampler())
    study = hpo.create_study(sampler=sampler, seed=1)
    study.optimize(lambda trial: len(str(trial.suggest_categorical("c", [math.nan, 1]))) + trial.suggest_int("n", 1, 3))
    assert sorted(trial.params["n"] for trial in study.trials) == [1, 2, 3]
