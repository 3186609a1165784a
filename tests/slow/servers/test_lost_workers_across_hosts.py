"""Workers that share a study on a server, and are killed or stopped: their trials fail once, and no result counts twice."""

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import threading
import time

import pytest
from patience import PATIENCE

import hpo
from hpo.samplers import RandomSampler
from hpo.study.callbacks.retries import lineage
from hpo.study.running.workers import LOST
from hpo.trial import TrialState

SHORT = 0.7  # seconds that a worker which is to be lost may be silent; others may be so for long

WORKER = """
    import pathlib, sys, time
    import hpo
    from hpo_adapters._servers.leases import HeldLeases

    url, markers, how, grace = sys.argv[1:]
    markers = pathlib.Path(markers)
    if how == "without a thread":
        HeldLeases._keep = lambda *_: None


    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        if not (markers / "go").exists():
            (markers / f"{how}-{trial.number}").touch()
            while not (markers / "go").exists():
                time.sleep(0.01)
            if how == "reports":
                trial.report(x, 0)
        return x


    def told(study, trial):
        print("told", trial.number, flush=True)


    storage = hpo.open_journal(url, heartbeat_interval=float(grace) / 7, grace_period=float(grace))
    study = hpo.load_study(study_name="s", storage=storage, sampler=hpo.samplers.RandomSampler())
    if how == "asks":
        with study.as_worker():
            trial = study.ask()
            try:
                study.tell(trial, objective(trial))
            except hpo.errors.TrialNotRunning as error:
                print(error)
            trial = study.ask()
            study.tell(trial, objective(trial))
    else:
        study.optimize(objective, n_trials=3, callbacks=[told, hpo.RetryFailedTrials()])
"""


@pytest.fixture
def study(url):
    return hpo.create_study(study_name="s", storage=url, sampler=RandomSampler(), seed=0)


@pytest.fixture
def start(url, script, tmp_path):
    """A function that starts another process which runs a trial, and waits until it does."""
    with contextlib.ExitStack() as stack:

        def start(how, grace=SHORT):
            process = subprocess.Popen(
                script(WORKER, url, tmp_path, how, grace), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            deadline = time.monotonic() + PATIENCE
            while not [*tmp_path.glob(f"{how}-*")]:
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            return process

        yield start


def stopped(process):
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)


def failed_at_last(study):
    """The trials that this study fails as soon as there are some."""
    deadline = time.monotonic() + PATIENCE
    while not (trials := study.fail_lost_trials()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return trials


def finished(process):
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert "Traceback" not in err, "threads end quietly"
    return out, err


@pytest.mark.parametrize("how", ["returns", "reports", "without a thread"])
def test_a_worker_that_was_silent_for_too_long_is_told_so_and_goes_on_under_another_name(study, start, tmp_path, how):
    process = start(how)
    if how != "without a thread":
        stopped(process)
    retry = hpo.RetryFailedTrials()
    (lost,) = failed_at_last(study)
    retry(study, lost)
    assert (lost.number, lost.state, lost.reason) == (0, TrialState.FAIL, LOST)
    (tmp_path / "go").touch()
    process.send_signal(signal.SIGCONT)
    out, err = finished(process)
    assert "The result of trial 0 comes too late" in err
    assert out.splitlines() == ["told 1", "told 2"], "who failed trial 0 knows of it"
    trials = study.trials
    assert [trial.state.name for trial in trials] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert [lineage(trial) for trial in trials] == [(0, 0), (0, 1), (2, 0)], "it is retried once"
    assert trials[1].params == trials[0].params
    assert trials[0].worker != trials[1].worker == trials[2].worker
    assert hpo.verify(study).clean


def test_who_asks_and_tells_in_time_or_late_knows_it(study, start, tmp_path):
    process = start("asks")
    stopped(process)
    assert [trial.number for trial in failed_at_last(study)] == [0]
    (tmp_path / "go").touch()
    process.send_signal(signal.SIGCONT)
    out, _ = finished(process)
    assert out == "trial 0 is failed, not running: a finished trial cannot be changed\n"
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE"]
    assert study.fail_lost_trials() == []


def test_the_trials_of_a_killed_worker_fail_once_and_those_of_others_go_on(study, url, start, tmp_path):
    alive = start("reports", grace=1000.0)
    killed = start("returns")  # after the other one, which looks for lost trials as it begins
    killed.kill()
    killed.wait()
    askers = [hpo.load_study(study_name="s", storage=url) for _ in range(4)]
    ready, done = threading.Barrier(4), threading.Event()

    def ask(asker):
        ready.wait()
        numbers, deadline = [], time.monotonic() + PATIENCE
        while not done.is_set() and time.monotonic() < deadline:
            if some := [trial.number for trial in asker.fail_lost_trials()]:
                numbers += some
                done.set()
        return numbers + [trial.number for trial in asker.fail_lost_trials()]

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        answers = [*threads.map(ask, askers)]
    assert sorted(number for numbers in answers for number in numbers) == [1]
    assert sum(type(event).__name__ == "TrialFinished" for event in study.events()) == 1
    (tmp_path / "go").touch()
    finished(alive)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]


def test_a_run_fails_and_retries_the_trials_of_workers_that_die_meanwhile(study, start, tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.study.running.session._LOOK_FOR_LOST", 0.0)
    process = start("returns")
    deadline = time.monotonic() + PATIENCE

    def objective(trial):
        if process.poll() is None:
            process.kill()
            process.wait()
        return trial.suggest_float("x", 0, 1)

    def stop_after_the_retry(study, trial):
        assert time.monotonic() < deadline
        if lineage(trial) == (0, 1):
            study.stop()

    study.optimize(objective, callbacks=[stop_after_the_retry, hpo.RetryFailedTrials(max_retry=1)])
    assert study.trials[0].reason == LOST
    (retried,) = [trial for trial in study.trials if lineage(trial) == (0, 1)]
    assert retried.state is TrialState.COMPLETE
    assert retried.params == study.trials[0].params
