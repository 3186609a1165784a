"""`Study.optimize` with several trials at a time: threads, executors, and a fixed order."""

import concurrent.futures
import functools
import multiprocessing
import operator
import random
import threading
import time

import pytest
from patience import PATIENCE

import hpo
from hpo.errors import InvalidType, NotOptimizing
from hpo.samplers import GridSampler, RandomSampler, TPESampler
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)  # importable in any process
missing = operator.attrgetter("no_such_attribute")


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), seed=0)


@pytest.fixture(scope="module")
def pool():
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


def hurried(trial, *, haste):
    """Takes a time of its own in every run."""
    x = trial.suggest_float("x", -1, 1)
    n = trial.suggest_int("n", 1, 3)
    time.sleep(haste.random() / 100)
    for step in range(n):
        trial.report(x * step, step)
        if trial.should_prune():
            raise hpo.TrialPruned
    return x * x + n


def facts(study):
    """All that does not depend on clocks, in the order told."""
    return [(t.number, t.state, t.values, t.params, dict(t.intermediate_values)) for t in study.state.finished]


def test_as_many_trials_as_jobs_run_at_the_same_time(study):
    together = threading.Barrier(3)

    def objective(trial):
        together.wait(timeout=PATIENCE)
        return unit(trial)

    study.optimize(objective, n_trials=6, n_jobs=3)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 6


def test_no_more_trials_than_jobs_run_at_the_same_time(study):
    running, most, lock = set(), [], threading.Lock()

    def objective(trial):
        with lock:
            running.add(trial.number)
            most.append(len(running))
        time.sleep(0.005)
        with lock:
            running.discard(trial.number)
        return unit(trial)

    study.optimize(objective, n_trials=20, n_jobs=2)
    assert max(most) <= 2
    assert [trial.number for trial in study.trials] == [*range(20)]


def test_all_cpus_are_a_number_of_jobs(study):
    study.optimize(unit, n_trials=8, n_jobs=-1)
    assert len(study.trials) == 8


def test_trials_in_threads_never_repeat_each_other(study):
    study.optimize(unit, n_trials=40, n_jobs=4)
    assert len({trial.params["x"] for trial in study.trials}) == 40


def test_callbacks_run_in_the_calling_thread(study):
    threads = []
    study.optimize(unit, n_trials=4, n_jobs=2, callbacks=[lambda *_: threads.append(threading.current_thread())])
    assert threads == [threading.current_thread()] * 4


def test_thread_error_is_raised_when_the_others_have_ended(study):
    second_runs, deadline = threading.Event(), time.monotonic() + PATIENCE

    def objective(trial):
        if trial.number == 0:
            assert second_runs.wait(timeout=PATIENCE)
            raise ZeroDivisionError("a mistake")
        second_runs.set()
        while trial.number > 20 and study.trials[0].state is TrialState.RUNNING:  # its thread is slow to end
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.005)
        return 1.0

    with pytest.raises(ZeroDivisionError, match="a mistake"):
        study.optimize(objective, n_trials=50, n_jobs=2)
    assert len(study.trials) < 50
    assert study.trials[0].state is TrialState.FAIL
    assert {trial.state for trial in study.trials[1:]} == {TrialState.COMPLETE}


def test_callback_error_is_raised_when_other_trials_have_ended(study):
    both_run = threading.Barrier(2)

    def objective(trial):
        if trial.number < 2:
            both_run.wait(timeout=PATIENCE)
        time.sleep(0.05 * trial.number)
        return 1.0

    def broken(study, trial):
        raise LookupError("a callback's mistake")

    with pytest.raises(LookupError, match="a callback's mistake"):
        study.optimize(objective, n_trials=50, n_jobs=2, callbacks=[broken])
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 2


def test_stop_in_a_thread_lets_the_running_trials_end(study):
    stopped = threading.Event()

    def objective(trial):
        if trial.number == 3:
            study.stop()
            stopped.set()
        elif trial.number > 3:
            assert stopped.wait(timeout=PATIENCE)
        return unit(trial)

    study.optimize(objective, n_trials=50, n_jobs=2)
    assert 4 <= len(study.trials) <= 5
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}


def test_optimize_inside_an_objective_in_a_thread_is_an_error(study):
    with pytest.raises(NotOptimizing):
        study.optimize(lambda trial: study.optimize(unit, n_trials=1), n_trials=2, n_jobs=2)
    assert {trial.state for trial in study.trials} == {TrialState.FAIL}


def test_several_threads_optimize_one_study_at_once(study):
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(study.optimize, unit, 10) for _ in range(4)]
    assert [run.result() for run in runs] == [None] * 4
    assert [trial.number for trial in study.trials] == [*range(40)]
    assert len({trial.params["x"] for trial in study.trials}) == 40


@pytest.mark.parametrize("sampler", [RandomSampler, TPESampler])
def test_fixed_order_gives_the_same_study_at_any_timing(sampler):
    runs = []
    for haste in (random.Random(1), random.Random(2)):
        study = hpo.create_study(sampler=sampler(), seed=5)
        objective = functools.partial(hurried, haste=haste)
        study.optimize(objective, n_trials=30, n_jobs=3, order="deterministic")
        runs.append(facts(study))
    assert runs[0] == runs[1]
    assert [number for number, *_ in runs[0]] == [*range(30)]


def test_fixed_order_fixes_what_a_trial_sees(study):
    seen = {}

    def spy(state, trial, space, key):
        seen.setdefault(trial.number, (len(state.finished), sorted(state.running)))
        return RandomSampler()(state, trial, space, key)

    study = hpo.create_study(sampler=spy)
    study.optimize(unit, n_trials=6, n_jobs=3, order="deterministic")
    assert seen == {
        0: (0, [0]),
        1: (0, [0, 1]),
        2: (0, [0, 1, 2]),
        3: (1, [1, 2, 3]),
        4: (2, [2, 3, 4]),
        5: (3, [3, 4, 5]),
    }


def test_with_one_job_a_fixed_order_is_the_serial_run():
    ordered, serial = (hpo.create_study(seed=5) for _ in range(2))
    objective = functools.partial(hurried, haste=random.Random(0))
    ordered.optimize(objective, n_trials=15, order="deterministic")
    serial.optimize(objective, n_trials=15)
    assert facts(ordered) == facts(serial)


def test_stop_in_a_fixed_order_is_reproducible():
    def objective(trial, study, haste):
        time.sleep(haste.random() / 100)
        if trial.number == 4:
            study.stop()
        return unit(trial)

    for seed in range(3):
        study = hpo.create_study(sampler=RandomSampler())
        run = functools.partial(objective, study=study, haste=random.Random(seed))
        study.optimize(run, n_trials=30, n_jobs=3, order="deterministic")
        assert len(study.trials) == 7  # 5 and 6 had started when 4 was told


def test_trials_run_in_other_processes(study, pool):
    study.optimize(unit, n_trials=6, executor=pool)
    assert [trial.number for trial in study.trials] == [*range(6)]
    assert all(trial.value == trial.params["x"] for trial in study.trials)
    assert len({trial.value for trial in study.trials}) == 6


def test_processes_give_the_values_of_the_serial_run_in_a_declared_space(pool):
    space = {"x": hpo.FloatDistribution(0, 1)}
    apart, serial = (hpo.create_study(sampler=RandomSampler(), seed=3, space=space) for _ in range(2))
    apart.optimize(unit, n_trials=6, executor=pool)
    serial.optimize(unit, n_trials=6)
    assert [trial.params for trial in apart.trials] == [trial.params for trial in serial.trials]


def test_a_fixed_order_holds_in_other_processes(pool):
    runs = []
    for _ in range(2):
        study = hpo.create_study(sampler=TPESampler(n_startup_trials=2), seed=3)
        study.optimize(unit, n_trials=12, n_jobs=2, executor=pool, order="deterministic")
        runs.append(facts(study))
    assert runs[0] == runs[1]
    assert [number for number, *_ in runs[0]] == [*range(12)]


def test_process_error_fails_its_trial_and_is_raised(study, pool):
    with pytest.raises(AttributeError, match="no_such_attribute"):
        study.optimize(missing, n_trials=4, executor=pool)
    assert {trial.state for trial in study.trials} == {TrialState.FAIL}
    assert "AttributeError" in study.trials[0].reason

    study.optimize(missing, n_trials=4, executor=pool, catch=AttributeError)
    assert {trial.state for trial in study.trials} == {TrialState.FAIL}


def test_unpicklable_objective_fails_its_trials_and_the_pool_stays_usable(study, pool):
    lock = threading.Lock()
    with pytest.raises(InvalidType, match=r"cannot be sent to another process"):
        study.optimize(lambda trial: lock, n_trials=4, executor=pool)
    assert {trial.state for trial in study.trials} == {TrialState.FAIL}
    assert study.trials[0].reason.startswith("lost: the executor failed")
    study.optimize(unit, n_trials=1, executor=pool)
    assert study.trials[-1].state is TrialState.COMPLETE


def test_enqueued_values_travel_to_other_processes(study, pool):
    study.enqueue_trial({"x": 0.25}, user_attrs={"from": "elsewhere"})
    study.optimize(unit, n_trials=2, executor=pool)
    assert (study.trials[0].params, study.trials[0].user_attrs) == ({"x": 0.25}, {"from": "elsewhere"})


def test_a_grid_in_other_processes_is_covered_once(pool):
    study = hpo.create_study(sampler=GridSampler({"x": [0.0, 0.25, 0.5, 0.75, 1.0]}))
    study.optimize(unit, n_trials=20, executor=pool)
    complete = study.get_trials(states=[TrialState.COMPLETE])
    assert sorted(trial.params["x"] for trial in complete) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert len(study.trials) == 5


def test_threads_of_somebody_else_are_an_executor_too(study):
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        study.optimize(unit, n_trials=6, executor=threads)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 6


@pytest.mark.parametrize("order", ["any", "deterministic"])
def test_an_objective_in_anothers_thread_can_stop_its_study(study, order):
    stopped = threading.Event()

    def objective(trial):
        if trial.number == 2:
            study.stop()
            stopped.set()
        elif trial.number > 2:
            assert stopped.wait(timeout=PATIENCE)
        return unit(trial)

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        study.optimize(objective, n_trials=40, executor=threads, order=order)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    assert 3 <= len(study.trials) <= 4


class Immediately(concurrent.futures.Executor):
    """Runs every call at once, in the thread that submits it."""

    def submit(self, fn, /, *args, **kwargs):
        future = concurrent.futures.Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_callbacks_can_stop_a_run_with_an_executor_in_the_same_thread(study):
    study.optimize(unit, n_trials=9, executor=Immediately(), n_jobs=1, callbacks=[lambda study, trial: study.stop()])
    assert len(study.trials) == 1


def test_objective_in_an_executor_thread_records_everything(study):
    def objective(trial):
        trial.report(0.5, 0)
        trial.set_user_attr("a", [1])
        trial.set_constraint("c", -1)
        assert (trial.user_attrs, trial.constraints) == ({"a": [1]}, {"c": -1.0})
        return unit(trial)

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        study.optimize(objective, n_trials=3, executor=threads)
    for trial in study.trials:
        assert trial.state is TrialState.COMPLETE, trial.reason
        assert (trial.intermediate_values, trial.user_attrs, trial.constraints) == ({0: 0.5}, {"a": [1]}, {"c": -1.0})


@pytest.mark.parametrize("options", [{"n_jobs": 2}, {"n_jobs": 2, "order": "deterministic"}, {"executor": True}])
def test_sampler_error_is_raised_when_running_trials_have_ended(options):
    def broken(state, trial, space, key):
        if trial.number == 1:
            raise LookupError("the sampler's mistake")
        return RandomSampler()(state, trial, space, key)

    study = hpo.create_study(sampler=broken)
    with concurrent.futures.ThreadPoolExecutor(2) as threads, pytest.raises(LookupError, match="the sampler's mistake"):
        study.optimize(unit, n_trials=9, **({"executor": threads} if "executor" in options else options))
    ends = {trial.number: trial for trial in study.trials}
    assert ends[0].state is TrialState.COMPLETE
    assert 1 not in ends or (ends[1].state is TrialState.FAIL and "the sampler's mistake" in ends[1].reason)
    assert {trial.state for trial in study.trials} <= {TrialState.COMPLETE, TrialState.FAIL}


def test_sampler_exhausted_for_now_is_asked_again_when_a_trial_ends():
    def objective(trial):
        time.sleep(0.02 * (trial.number % 3))
        mode = trial.suggest_categorical("mode", ["plain", "fancy"])
        return trial.suggest_int("z", 1, 4) if mode == "fancy" else 0

    for seed in range(3):
        study = hpo.create_study(sampler=hpo.samplers.BruteForceSampler(seed=seed))
        study.optimize(objective, n_jobs=4)
        tried = {tuple(sorted(trial.params.items())) for trial in study.trials}
        assert len(tried) == 5
