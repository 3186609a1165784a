"""An end after so many trials of a study, whoever ran them."""

import pytest

import hpo
from hpo.errors import InvalidArgument, InvalidType
from hpo.samplers import RandomSampler
from hpo.study import MaxTrialsCallback
from hpo.study.callbacks.max_trials import number_of_trials

COMPLETE, PRUNED, FAIL = hpo.TrialState.COMPLETE, hpo.TrialState.PRUNED, hpo.TrialState.FAIL


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=1)


def every_second_is_pruned(trial):
    x = trial.suggest_float("x", 0, 1)
    if trial.number % 2:
        raise hpo.TrialPruned
    return x


def test_a_run_ends_when_enough_trials_are_complete(study):
    study.optimize(every_second_is_pruned, callbacks=[MaxTrialsCallback(3)])
    assert [trial.state for trial in study.trials] == [COMPLETE, PRUNED, COMPLETE, PRUNED, COMPLETE]


def test_the_states_that_count_can_be_chosen(study):
    study.optimize(every_second_is_pruned, callbacks=[MaxTrialsCallback(2, states=[PRUNED, FAIL])])
    assert len(study.trials) == 4


def test_max_trials_without_states_counts_all(study):
    for x in (0.1, 0.2, 0.3, 0.4):
        study.enqueue_trial({"x": x})
    study.optimize(every_second_is_pruned, n_trials=9, callbacks=[MaxTrialsCallback(4, states=None)])
    assert number_of_trials(study.state, None) == 4
    assert number_of_trials(study.state, [hpo.TrialState.WAITING]) == 3
    assert number_of_trials(study.state, [COMPLETE, PRUNED, FAIL]) == 1


def test_the_trials_of_other_runs_and_workers_count(tmp_path):
    path = str(tmp_path / "study.jsonl")
    one = hpo.create_study(storage=path, sampler=RandomSampler(), seed=1)
    other = hpo.load_study(storage=path, sampler=RandomSampler())
    one.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=4)
    other.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=9, callbacks=[MaxTrialsCallback(6)])
    assert len(one.trials) == 6


def test_a_state_that_stands_twice_counts_once(study):
    study.optimize(every_second_is_pruned, n_trials=9, callbacks=[MaxTrialsCallback(4, (COMPLETE, COMPLETE))])
    assert len(study.trials) == 7


@pytest.mark.parametrize("n_trials", [-1, 2.5, None, "many"])
def test_a_limit_is_a_whole_number_from_0_on(n_trials):
    with pytest.raises(InvalidArgument, match="n_trials is a whole number from 0 on, got"):
        MaxTrialsCallback(n_trials)


@pytest.mark.parametrize("states", [[None], "complete", 3])
def test_states_are_states(states):
    with pytest.raises(
        InvalidType, match=r"(states is None or a collection of members of|a trial's state is a) TrialState"
    ):
        MaxTrialsCallback(3, states)


def test_states_may_be_given_by_name():
    assert MaxTrialsCallback(3, ["complete"]) == MaxTrialsCallback(3)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("states", [(COMPLETE, PRUNED), None])
def test_a_study_that_has_enough_trials_starts_no_more(study, states, n_jobs):
    study.optimize(every_second_is_pruned, n_trials=5)
    study.optimize(every_second_is_pruned, n_trials=9, n_jobs=n_jobs, callbacks=[MaxTrialsCallback(5, states)])
    assert len(study.trials) == 5


def test_any_callback_may_look_before_the_first_trial(study):
    class Gate:
        def before_run(self, study):
            study.stop()

        def __call__(self, study, trial):
            raise AssertionError("no trial is run")

    study.optimize(every_second_is_pruned, n_trials=9, callbacks=[Gate()])
    assert not study.trials
