"""Any prefix of a study is a state, and can be the beginning of another study."""

import pytest

import hpo
from hpo.samplers import RandomSampler, TPESampler


def objective(trial):
    return trial.suggest_float("x", -5, 5) ** 2 + trial.suggest_int("k", 1, 9)


@pytest.fixture
def study():
    study = hpo.create_study(study_name="parent", seed=8, sampler=TPESampler(n_startup_trials=4))
    study.optimize(objective, n_trials=12)
    return study


def params(study):
    return [trial.params for trial in study.trials]


def test_a_fork_goes_on_as_its_parent_did(study):
    fork = study.fork("again", at=study.version_before(7))
    assert params(fork) == params(study)[:7]
    fork.optimize(objective, n_trials=5)
    assert params(fork) == params(study)
    assert hpo.verify(fork).clean


def test_a_fork_may_begin_before_a_trial_by_its_number(study):
    fork = study.fork("again", before_trial=7)
    assert params(fork) == params(study)[:7]
    assert fork.state.parent == ("parent", study.version_before(7))
    with pytest.raises(ValueError, match="either at or before_trial, got 3 and 7"):
        study.fork("x", at=3, before_trial=7)
    with pytest.raises(KeyError, match="no trial 99"):
        study.fork("x", before_trial=99)
    assert hpo.get_all_study_names(study.storage) == ["parent", "again"]


def test_a_fork_names_its_parent_and_stands_beside_it(study):
    version = study.version_before(7)
    fork = study.fork("again", at=version)
    assert fork.state.parent == ("parent", version)
    assert hpo.get_all_study_names(study.storage) == ["parent", "again"]
    assert hpo.StudyState.from_bytes(fork.state.to_bytes()) == fork.state


def test_fork_with_another_sampler_does_not_change_its_parent(study):
    before = study.state
    fork = study.fork("other", at=study.version_before(7))
    fork.sampler = RandomSampler(seed=1)
    fork.optimize(objective, n_trials=5)
    assert params(fork)[:7] == params(study)[:7]
    assert params(fork)[7:] != params(study)[7:]
    assert study.state == before
    assert hpo.verify(fork).clean


def test_a_fork_fails_the_trials_that_were_running(study):
    study.ask()
    fork = study.fork("later")
    assert fork.trials[-1].state is hpo.TrialState.FAIL
    assert fork.trials[-1].reason == "it still ran when the study was forked"
    assert study.trials[-1].state is hpo.TrialState.RUNNING


def test_a_fork_may_go_to_another_storage(study, tmp_path):
    fork = study.fork("elsewhere", storage=hpo.open_journal(tmp_path / "fork.jsonl"))
    assert params(hpo.load_study(storage=tmp_path / "fork.jsonl")) == params(fork) == params(study)


def test_fork_needs_a_new_name_and_an_existing_version(study):
    with pytest.raises(hpo.DuplicatedStudyError):
        study.fork("parent")
    with pytest.raises(ValueError, match="versions 1 to"):
        study.fork("x", at=10_000)
    with pytest.raises(ValueError, match="versions 1 to"):
        study.fork("x", at=0)
    with pytest.raises(KeyError, match="no trial 99"):
        study.version_before(99)


def test_time_travel_gives_the_state_of_then(study):
    version = study.version_before(5)
    then = study.at(version)
    assert then.version == version
    assert [trial.number for trial in then.trials] == [0, 1, 2, 3, 4]
    assert study.at(study.state.version) == study.state


def test_what_if_changes_only_the_next_suggestion(study):
    space = {"x": hpo.FloatDistribution(-5, 5), "k": hpo.IntDistribution(1, 9)}
    state, running = hpo.ask(study.state, study.sampler, space)
    before = state.to_bytes()
    good = hpo.what_if(state, {running.number: -1000.0})
    bad = hpo.what_if(state, {running.number: 1000.0})
    assert hpo.best_trial(good).number == running.number
    assert hpo.ask(good, study.sampler, space)[1].params != hpo.ask(bad, study.sampler, space)[1].params
    assert state.to_bytes() == before
    with pytest.raises(RuntimeError, match="not running"):
        hpo.what_if(state, {0: 1.0})
