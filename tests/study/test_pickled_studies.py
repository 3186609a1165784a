"""Studies, states and trials on their way through pickle, joblib and copies."""

import copy
import operator
import pickle

import joblib
import pytest

import hpo
from hpo.samplers import GridSampler, RandomSampler, TPESampler

unit = operator.methodcaller("suggest_float", "x", 0, 1)


def through_pickle(study, tmp_path):
    return pickle.loads(pickle.dumps(study))


def through_joblib(study, tmp_path):
    joblib.dump(study, tmp_path / "study.pkl")
    return joblib.load(tmp_path / "study.pkl")


def through_deepcopy(study, tmp_path):
    return copy.deepcopy(study)


@pytest.mark.parametrize("travel", [through_pickle, through_joblib, through_deepcopy])
@pytest.mark.parametrize("sampler", [RandomSampler(), TPESampler(n_startup_trials=2), GridSampler({"x": [0, 0.5, 1]})])
def test_pickled_study_in_memory_is_independent(tmp_path, travel, sampler):
    study = hpo.create_study(sampler=sampler, seed=0, study_name="digits")
    study.set_user_attr("a", [1])
    study.enqueue_trial({"x": 0.5})
    study.optimize(unit, n_trials=2)
    study.enqueue_trial({"x": 0.25})
    arrived = travel(study, tmp_path)
    assert arrived.state == study.state
    assert arrived.best_trial == study.best_trial
    assert (arrived.study_name, arrived.user_attrs, arrived.sampler) == ("digits", {"a": [1]}, sampler)

    arrived.optimize(unit, n_trials=2)
    assert len(study.trials) == 3
    study.optimize(unit, n_trials=2)
    assert [trial.params for trial in arrived.trials] == [trial.params for trial in study.trials]


def test_a_study_in_a_file_finds_its_file_again(tmp_path):
    study = hpo.create_study(storage=tmp_path / "s.jsonl", study_name="s", sampler=RandomSampler())
    study.optimize(unit, n_trials=2)
    arrived = pickle.loads(pickle.dumps(study))
    arrived.optimize(unit, n_trials=1)
    assert study.trials == arrived.trials
    assert len(study.trials) == 3


def test_pickled_study_has_its_running_trials():
    study = hpo.create_study(sampler=RandomSampler())
    trial = study.ask({"x": hpo.FloatDistribution(0, 1)})
    arrived = pickle.loads(pickle.dumps(study))
    assert arrived.tell(trial.number, 1.0).params == trial.params
    assert study.trials[0].state is hpo.TrialState.RUNNING


def test_frozen_trials_travel_with_all_that_they_hold():
    study = hpo.create_study(sampler=RandomSampler())

    def objective(trial):
        trial.report(float("nan"), 0)
        trial.set_user_attr("a", {"b": (1, 2)})
        trial.set_constraint("c", 1.0)
        return trial.suggest_categorical("k", [None, True, 1])

    study.optimize(objective, n_trials=3)
    for trial in study.trials:
        assert pickle.loads(pickle.dumps(trial)) == trial == copy.copy(trial) == copy.deepcopy(trial)


def test_a_study_is_saved_from_inside_a_callback(tmp_path):
    study = hpo.create_study(sampler=RandomSampler())
    study.optimize(unit, n_trials=3, callbacks=[lambda study, trial: joblib.dump(study, tmp_path / "latest.pkl")])
    assert joblib.load(tmp_path / "latest.pkl").trials == study.trials
