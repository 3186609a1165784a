"""`optimize(timeout_per_trial=...)`: a trial that takes too long fails, its process ends, and nothing else is lost."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from patience import PATIENCE

import hpo
from hpo import TrialState
from hpo.errors import InvalidArgument
from hpo.pruners import NopPruner
from hpo.samplers import RandomSampler

LIMIT = 1.0
COMPLETE, FAIL, PAUSED = TrialState.COMPLETE, TrialState.FAIL, TrialState.PAUSED


@contextlib.contextmanager
def pool(n=2, method="fork"):
    with concurrent.futures.ProcessPoolExecutor(n, mp_context=multiprocessing.get_context(method)) as executor:
        yield executor


@pytest.fixture
def study():
    return hpo.create_study(sampler=RandomSampler(), pruner=NopPruner(), seed=1)


def is_there(pid):
    """Return whether a process runs: one that has ended may wait for its parent to take note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def eventually(condition):
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def hangs_once(trial):
    x = trial.suggest_float("x", 0, 1)
    trial.set_user_attr("pid", os.getpid())
    trial.report(x, 0)
    if trial.number == 1:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        trial.set_user_attr("child", child.pid)
        while True:
            time.sleep(0.01)
    return x


def test_a_trial_over_its_time_fails_with_what_it_has_and_the_others_go_on(study):
    heard = []
    with pool() as executor:
        study.optimize(
            hangs_once,
            n_trials=8,
            executor=executor,
            timeout_per_trial=LIMIT,
            callbacks=[lambda study, trial: heard.append(trial.number)],
        )
    late = study.trials[1]
    assert late.reason == "timeout: its objective ran for more than 1 seconds, so that its process was ended"
    assert late.intermediate_values == {0: late.params["x"]}
    assert [trial.state for trial in study.trials] == [COMPLETE, FAIL, *[COMPLETE] * 6]
    assert sorted(heard) == [*range(8)]
    assert hpo.verify(study).clean
    for pid in (late.user_attrs["pid"], late.user_attrs["child"]):
        assert eventually(lambda pid=pid: not is_there(pid))
    others = {trial.user_attrs["pid"] for trial in study.trials if trial is not late}
    assert late.user_attrs["pid"] not in {trial.user_attrs["pid"] for trial in study.trials[4:]}
    for pid in others:
        assert eventually(lambda pid=pid: not is_there(pid)), "they end with the workers of the executor"


def test_a_run_in_a_fixed_order_goes_on_as_well(study):
    with pool() as executor:
        study.optimize(hangs_once, n_trials=4, executor=executor, timeout_per_trial=LIMIT, order="deterministic")
    assert [trial.state for trial in study.trials] == [COMPLETE, FAIL, COMPLETE, COMPLETE]


def pauses_and_hangs(trial):
    trial.pause("here")
    time.sleep(1000)


def test_a_trial_that_has_paused_stays_paused(study):
    with pool(1) as executor:
        study.optimize(pauses_and_hangs, n_trials=1, executor=executor, timeout_per_trial=LIMIT)
    assert [(trial.state, trial.checkpoint) for trial in study.trials] == [(PAUSED, "here")]


def dies_once(trial):
    x = trial.suggest_float("x", 0, 1)
    if trial.number == 0:
        os._exit(3)
    return x


def test_a_trial_whose_process_dies_is_lost_with_its_parameters_and_the_executor_is_not(study):
    with pool(1) as executor:
        study.optimize(
            dies_once,
            n_trials=3,
            executor=executor,
            timeout_per_trial=100,
            callbacks=[hpo.RetryFailedTrials(max_retry=1)],
        )
    lost, retried, _ = study.trials
    assert (lost.state, lost.reason) == (FAIL, "lost: its process ended with the exit code 3")
    assert (retried.state, retried.params) == (COMPLETE, lost.params)


def raises(trial):
    trial.suggest_float("x", 0, 1)
    raise OSError("the machine is on fire")


def test_errors_come_back_as_without_a_limit(study):
    with pool(1) as executor:
        with pytest.raises(OSError, match="on fire"):
            study.optimize(raises, n_trials=3, executor=executor, timeout_per_trial=100)
        study.optimize(raises, n_trials=2, executor=executor, timeout_per_trial=100, catch=OSError)
    assert len(study.trials) == 3
    assert all("on fire" in trial.reason for trial in study.trials)


def test_processes_end_with_a_worker_that_is_killed(tmp_path):
    path = tmp_path / "pid"

    def hangs(trial):
        path.write_text(f"{os.getpid()} {os.getppid()}", encoding="utf-8")
        time.sleep(1000)

    def kill():
        assert eventually(lambda: path.exists() and len(path.read_text(encoding="utf-8").split()) == 2)
        os.kill(int(path.read_text(encoding="utf-8").split()[1]), 9)

    study = hpo.create_study(sampler=RandomSampler())
    killer = threading.Thread(target=kill)
    executor = concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    killer.start()
    with pytest.raises(concurrent.futures.BrokenExecutor):
        study.optimize(hangs, n_trials=2, executor=executor, timeout_per_trial=1000)
    killer.join()
    executor.shutdown()
    assert eventually(lambda: not is_there(int(path.read_text(encoding="utf-8").split()[0])))


class InThisProcess(concurrent.futures.Executor):
    max_workers = 1

    def submit(self, fn, /, *args, **kwargs):
        future = concurrent.futures.Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.mark.parametrize(
    ("make", "got"),
    [(lambda: None, "no executor"), (lambda: concurrent.futures.ThreadPoolExecutor(1), "ThreadPoolExecutor")],
)
def test_runs_without_processes_are_refused(study, make, got):
    with pytest.raises(InvalidArgument, match=rf"ProcessPoolExecutor.*; got .*{got}"):
        study.optimize(hangs_once, n_trials=1, executor=make(), timeout_per_trial=LIMIT)
    assert study.trials == []


def test_an_executor_that_turns_out_to_be_without_processes_ends_the_run(study):
    with pytest.raises(InvalidArgument, match="nothing can end a thread"):
        study.optimize(hangs_once, n_trials=3, executor=InThisProcess(), timeout_per_trial=LIMIT, catch=Exception)
    assert [trial.state for trial in study.trials] == [FAIL]


@pytest.mark.parametrize("wrong", [0, -1.0, float("inf"), float("nan"), "soon"])
def test_what_is_no_time_is_refused(study, wrong):
    with pytest.raises(InvalidArgument, match="timeout_per_trial is None or a finite number of seconds above 0, got"):
        study.optimize(hangs_once, n_trials=1, timeout_per_trial=wrong)
