"""`optimize(total_trials=...)`: the number of trials of a study over all runs and workers, which is never exceeded."""

import concurrent.futures
import multiprocessing

import pytest

import hpo
from hpo import Resume, TrialState
from hpo.errors import InvalidArgument
from hpo.pruners import NopPruner
from hpo.samplers import RandomSampler
from hpo.stopping import MaxTrials

COMPLETE, PRUNED, FAIL, PAUSED = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.PAUSED


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), pruner=NopPruner(), seed=1)


def number_in(study, *states):
    return sum(trial.state in states for trial in study.trials)


def x(trial):
    return trial.suggest_float("x", 0, 1)


def every_third_is_pruned(trial):
    if trial.number % 3 == 2:
        raise hpo.TrialPruned("unlucky")
    if trial.number % 3 == 1:
        raise OSError("unlucky")
    return x(trial)


def test_counts_the_trials_of_all_runs(study):
    study.optimize(x, n_trials=3)
    study.optimize(x, total_trials=5)
    study.optimize(x, total_trials=5)
    assert len(study.trials) == 5


def test_the_smaller_one_of_the_two_numbers_ends_the_run(study):
    study.optimize(x, n_trials=3, total_trials=5)
    assert len(study.trials) == 3
    study.optimize(x, n_trials=30, total_trials=5)
    assert len(study.trials) == 5
    study.optimize(x, n_trials=30, total_trials=0)
    assert len(study.trials) == 5


@pytest.mark.parametrize(
    ("states", "complete", "in_all"), [((COMPLETE,), 4, 10), ((COMPLETE, PRUNED), 3, 7), (None, 2, 4)]
)
def test_counts_by_state_as_max_trials_does(study, states, complete, in_all):
    study.optimize(
        every_third_is_pruned, total_trials=MaxTrials(4 if states != (COMPLETE, PRUNED) else 5, states), catch=OSError
    )
    assert (number_in(study, COMPLETE), len(study.trials)) == (complete, in_all)


@pytest.mark.parametrize("order", ["any", "deterministic"])
def test_threads_start_no_trial_too_many(study, order):
    study.optimize(every_third_is_pruned, total_trials=8, n_jobs=4, catch=OSError, order=order)
    assert number_in(study, COMPLETE) == 8


def test_an_executor_starts_no_trial_too_many(study):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        study.optimize(every_third_is_pruned, total_trials=8, executor=pool, catch=OSError)
    assert number_in(study, COMPLETE) == 8


def run_to_the_end(path):
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    study = hpo.load_study(storage=path, sampler=RandomSampler(), pruner=NopPruner())
    study.optimize(every_third_is_pruned, total_trials=20, catch=OSError)
    return number_in(study, COMPLETE)


def test_several_processes_start_no_trial_too_many_and_wait_for_the_last(tmp_path):
    path = str(tmp_path / "study.jsonl")
    study = hpo.create_study(storage=path, sampler=RandomSampler(), seed=1)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        seen = pool.map(run_to_the_end, [path] * 3, chunksize=1)
    assert number_in(study, COMPLETE) == 20
    assert seen == [20] * 3, "whoever ends early has waited until it was enough"


def test_a_worker_waits_for_the_trial_of_another_and_takes_its_place_when_it_fails(tmp_path, monkeypatch):
    path = str(tmp_path / "study.jsonl")
    study = hpo.create_study(storage=path, sampler=RandomSampler(), seed=1)
    other = hpo.load_study(storage=path, sampler=RandomSampler())
    waits = []

    def other_fails(seconds):
        waits.append(seconds)
        other.tell(0, state="fail")

    monkeypatch.setattr("hpo.study.running.session.time.sleep", other_fails)
    with other.as_worker():
        other.ask()
        study.optimize(x, total_trials=1)
    assert [trial.state for trial in study.trials] == [FAIL, COMPLETE]
    assert len(waits) == 1


def test_a_place_that_was_left_after_the_study_was_found_full_is_taken(tmp_path, monkeypatch):
    path = str(tmp_path / "study.jsonl")
    study = hpo.create_study(storage=path, sampler=RandomSampler(), seed=1)
    other = hpo.load_study(storage=path, sampler=RandomSampler())
    looks = []

    def other_fails_and_goes(recorder):
        if not looks:
            other.tell(0, state="fail")
        looks.append(recorder)
        return False

    monkeypatch.setattr("hpo.study.running.session.others_working", other_fails_and_goes)
    other.ask()
    study.optimize(x, total_trials=1)
    assert [trial.state for trial in study.trials] == [FAIL, COMPLETE]


def test_a_running_trial_that_nobody_tells_holds_its_place_and_the_run_says_so(study, caplog):
    study.ask()
    hpo.logging.enable_propagation()
    study.optimize(x, total_trials=2)
    hpo.logging.disable_propagation()
    assert number_in(study, COMPLETE) == 1
    assert "it has 1 trials of the 2 that total_trials allows, and running trials hold the rest" in caplog.text


def test_retries_of_failed_trials_take_the_places_of_the_failed(study):
    def fails_first(trial):
        if "retry" not in trial.user_attrs:
            raise OSError("the machine is on fire")
        return x(trial)

    retry = hpo.RetryFailedTrials(lost_only=False)
    study.optimize(fails_first, total_trials=3, catch=OSError, callbacks=[retry])
    assert (number_in(study, COMPLETE), number_in(study, FAIL)) == (3, 3)


def test_enqueued_trials_wait_for_places(study):
    for value in (0.1, 0.2, 0.3):
        study.enqueue_trial({"x": value})
    study.optimize(x, total_trials=2)
    assert [trial.state for trial in study.trials] == [COMPLETE, COMPLETE, TrialState.WAITING]
    study.optimize(x, total_trials=MaxTrials(3, states=None))
    assert number_in(study, COMPLETE) == 3


def pauses_once(trial):
    trial.report(1.0, 1 if trial.checkpoint else 0)
    if trial.checkpoint is None:
        trial.pause("a")
    return 1.0


def first_to_wait(state, key):
    return (
        Resume(min(state.paused), "first") if len(state.paused) >= 2 or (state.n_trials >= 4 and state.paused) else None
    )


def test_paused_trials_hold_no_place_unless_they_count(study):
    study.promoter = first_to_wait
    study.optimize(pauses_once, total_trials=3)
    assert number_in(study, COMPLETE) == 3
    study.optimize(pauses_once, total_trials=MaxTrials(5, (COMPLETE, PAUSED)))
    assert number_in(study, COMPLETE, PAUSED) == 5
    study.promoter = lambda state, key: Resume(min(state.paused), "all") if state.paused else None
    study.optimize(pauses_once, total_trials=MaxTrials(5, (COMPLETE, PAUSED)))
    assert (number_in(study, COMPLETE), len(study.trials)) == (5, 5)


def test_what_is_no_number_of_trials_is_refused(study):
    for wrong in (-1, 1.5, "many"):
        with pytest.raises(InvalidArgument, match=r"total_trials is None, a whole number .* got"):
            study.optimize(x, total_trials=wrong)
    assert study.trials == []
