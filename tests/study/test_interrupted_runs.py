"""Ctrl-C: one is enough, running trials fail with a reason, and the study goes on where it was."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from patience import PATIENCE

import hpo
from hpo.errors import JournalFull
from hpo.samplers import RandomSampler
from hpo.trial import TrialState


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal():
    """Children inherit that an interrupt is ignored, as it is in whatever a shell has started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


SCRIPT = """
import concurrent.futures
import pathlib
import sys
import time

import hpo

storage, markers, how = sys.argv[1:]


def objective(trial):
    trial.suggest_float("x", 0, 1)
    if trial.number >= 1:  # the first trial is quick
        pathlib.Path(markers, str(trial.number)).touch()
        time.sleep(300)
    return 1.0


if __name__ == "__main__":
    study = hpo.load_study(study_name="s", storage=storage, sampler=hpo.samplers.RandomSampler())
    if how == "serial":
        study.optimize(objective, n_trials=9)
    elif how == "threads":
        study.optimize(objective, n_trials=9, n_jobs=2)
    elif how == "ordered":
        study.optimize(objective, n_trials=9, n_jobs=2, order="deterministic")
    elif how == "ask":
        trial = study.ask()
        study.tell(trial, 1.0)
        objective(study.ask())
    else:
        with concurrent.futures.ProcessPoolExecutor(2) as executor:
            study.optimize(objective, n_trials=9, executor=executor)
"""


def interrupted(tmp_path, how, n_sleeping):
    """The study and the process, after a Ctrl-C while `n_sleeping` objectives slept; what a terminal does."""
    script, markers, storage = tmp_path / "run.py", tmp_path / "markers", f"{tmp_path}/runs/"
    script.write_text(SCRIPT)
    markers.mkdir()
    study = hpo.create_study(study_name="s", storage=storage, sampler=RandomSampler(), seed=0)
    process = subprocess.Popen(
        [sys.executable, script, storage, markers, how],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group of its own: workers get the signal too, as in a terminal
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while len([*markers.iterdir()]) < n_sleeping:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline, "the objectives did not start"
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return study, process.returncode, err


@pytest.mark.parametrize(("how", "n_sleeping"), [("serial", 1), ("threads", 2), ("ordered", 2), ("processes", 2)])
def test_one_interrupt_ends_the_program(tmp_path, how, n_sleeping):
    study, returncode, err = interrupted(tmp_path, how, n_sleeping)
    assert returncode not in (0, None, -signal.SIGKILL)
    assert "KeyboardInterrupt" in err

    first, *others = study.trials
    assert (first.state, first.value) == (TrialState.COMPLETE, 1.0)
    assert [trial.state for trial in others] == [TrialState.FAIL] * n_sleeping
    assert [trial.reason for trial in others] == ["interrupted"] * n_sleeping
    assert all(trial.datetime_complete is not None for trial in others)

    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    assert [trial.number for trial in study.trials] == [*range(4 + n_sleeping)]
    assert [trial.state for trial in study.trials[-3:]] == [TrialState.COMPLETE] * 3
    assert study.get_trials(states=[TrialState.RUNNING, TrialState.WAITING]) == []


def test_asked_trial_stays_running(tmp_path):
    study, _, _ = interrupted(tmp_path, "ask", 1)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.RUNNING]
    study.tell(1, 0.5)
    assert study.best_trial.number == 1


def test_an_interrupt_in_the_objective_is_raised_and_told():
    study = hpo.create_study(sampler=RandomSampler())

    def objective(trial):
        if trial.number == 1:
            raise KeyboardInterrupt
        return 1.0

    with pytest.raises(KeyboardInterrupt):
        study.optimize(objective, n_trials=5)
    assert [(trial.state, trial.reason) for trial in study.trials] == [
        (TrialState.COMPLETE, None),
        (TrialState.FAIL, "interrupted"),
    ]


@pytest.mark.parametrize("options", [{}, {"n_jobs": 2}, {"n_jobs": 2, "order": "deterministic"}])
def test_interrupt_in_a_callback_leaves_no_trial_running(options):
    study = hpo.create_study(sampler=RandomSampler())

    def interrupt(study, trial):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.optimize(lambda trial: 1.0, n_trials=9, callbacks=[interrupt], **options)
    states = [trial.state for trial in study.trials]
    assert TrialState.COMPLETE in states
    assert {*states} <= {TrialState.COMPLETE, TrialState.FAIL}
    assert {trial.reason for trial in study.trials} <= {None, "interrupted"}
    study.optimize(lambda trial: 1.0, n_trials=1)
    assert study.trials[-1].state is TrialState.COMPLETE


def test_interrupt_in_a_sampler_leaves_no_trial_running():
    class Thinking(hpo.samplers.BaseSampler):
        def infer_relative_search_space(self, study, trial):
            return {}

        def sample_relative(self, study, trial, search_space):
            raise KeyboardInterrupt

        def sample_independent(self, study, trial, param_name, param_distribution):
            return param_distribution.from_unit(0.5)

    study = hpo.create_study(sampler=Thinking())
    with pytest.raises(KeyboardInterrupt):
        study.optimize(lambda trial: 1.0, n_trials=1)
    assert [(trial.state, trial.reason) for trial in study.trials] == [(TrialState.FAIL, "interrupted")]


def test_late_result_of_an_abandoned_thread_changes_nothing(tmp_path):
    script = tmp_path / "late.py"
    script.write_text(
        textwrap.dedent("""
        import os, signal, threading, time
        import hpo

        started, release, done = threading.Event(), threading.Event(), threading.Event()

        def objective(trial):
            started.set()
            release.wait()
            try:
                trial.report(1.0, 0)
            except hpo.HpoError as error:
                print(error)
            done.set()
            return 1.0

        def interrupt():
            started.wait()
            os.kill(os.getpid(), signal.SIGINT)

        study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
        threading.Thread(target=interrupt).start()
        try:
            study.optimize(objective, n_trials=1, n_jobs=2)
        except KeyboardInterrupt:
            release.set()
            done.wait()
            time.sleep(0.05)
            print(study.trials[0].state.name, study.trials[0].reason, study.trials[0].values)
        """)
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert ran.stdout.splitlines() == [
        "trial 0 is failed, not running: a finished trial cannot be changed",
        "FAIL interrupted None",
    ]


STARTING = """
import os, signal, sys, threading
import hpo

study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
asleep = threading.Event()



def objective(trial):
    if trial.number == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGINT)  # while the main thread is still starting this trial, or the next one
        asleep.wait()
    return 1.0


try:
    study.optimize(objective, n_trials=40, n_jobs=2)
except KeyboardInterrupt:
    print(sorted({trial.state.name for trial in study.trials}))
"""


@pytest.mark.parametrize("number", [0, 1, 5, 6, 7])
def test_interrupt_while_trials_start_leaves_none_running(tmp_path, number):
    script = tmp_path / "starting.py"
    script.write_text(STARTING)
    ran = subprocess.run(
        [sys.executable, script, str(number)], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert ran.stdout.strip() in ("['COMPLETE', 'FAIL']", "['FAIL']"), ran.stderr


def test_trials_that_a_failing_storage_takes_down_say_so(monkeypatch):
    study = hpo.create_study(sampler=RandomSampler())
    both_run, over = threading.Barrier(2), threading.Event()

    def objective(trial):
        both_run.wait(PATIENCE)
        if trial.number == 1:
            over.wait(PATIENCE)
        return 1.0

    def no_room(tell, commands, paused=False):
        raise JournalFull("study.jsonl", "no space left on device")

    monkeypatch.setattr(study._trials, "finish_trial", no_room)
    with pytest.raises(JournalFull):
        study.optimize(objective, n_trials=2, n_jobs=2)
    over.set()
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.FAIL]
    for trial in study.trials:
        assert trial.reason.startswith(
            "hpo.errors.JournalFull: study.jsonl: nothing was added because there is no space left"
        )
