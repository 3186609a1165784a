"""Workers that die: their trials fail once and are tried again, and nobody else's trials are touched."""

import concurrent.futures
import contextlib
import errno
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest
from patience import PATIENCE

import hpo
from hpo.core import Ask
from hpo.samplers import RandomSampler
from hpo.study.callbacks.retries import lineage
from hpo.study.running.workers import LOST
from hpo.trial import TrialState

WORKER = """
import concurrent.futures
import os
import pathlib
import sys
import time

import hpo

storage, markers, how = sys.argv[1:]


def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    if trial.number % 3 < 2:
        trial.set_user_attr("who", "me")
        pathlib.Path(markers, f"{trial.number}-{os.getpid()}").touch()
        until = time.monotonic() + 300
        while not pathlib.Path(markers, "go").exists() and time.monotonic() < until:
            time.sleep(0.01)
    return x


if __name__ == "__main__":
    study = hpo.load_study(study_name="s", storage=storage, sampler=hpo.samplers.RandomSampler())
    if how == "threads":
        study.optimize(objective, n_trials=2, n_jobs=2)
    elif how == "ask":
        objective(study.ask())
    else:
        with concurrent.futures.ProcessPoolExecutor(2) as executor:
            study.optimize(objective, n_trials=2, executor=executor)
"""

REAPER = """
import sys

import hpo

study = hpo.load_study(study_name="s", storage=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(*[trial.number for trial in study.fail_lost_trials()])
"""


def quick(trial):
    return trial.suggest_float("x", 0, 1)


@pytest.fixture
def study(tmp_path):
    return hpo.create_study(study_name="s", storage=f"{tmp_path}/s.jsonl", sampler=RandomSampler(), seed=0)


@pytest.fixture
def markers(tmp_path):
    directory = tmp_path / "markers"
    directory.mkdir()
    return directory


@contextlib.contextmanager
def worker_in(study, markers, how="threads", *, n_running=2):
    """Another process that runs trials of `study`, once `n_running` more of them wait for the file ``go``."""
    script = markers.parent / "worker.py"
    script.write_text(WORKER)
    wanted = len([*markers.iterdir()]) + n_running
    process = subprocess.Popen(
        [sys.executable, script, study.storage.location, markers, how],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while len([*markers.iterdir()]) < wanted:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline, "the objectives did not start"
            time.sleep(0.01)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the workers of its pool as well
        process.communicate()


def killed(process):
    process.kill()
    process.wait()


def states(study):
    return [trial.state.name for trial in study.trials]


def test_trials_of_a_killed_worker_fail_and_those_of_another_go_on(study, markers):
    with worker_in(study, markers) as lost, worker_in(study, markers, n_running=1) as other:
        assert study.fail_lost_trials() == []
        mine = {trial.worker for trial in study.trials[:2]}
        assert len(mine) == 1
        killed(lost)
        assert states(hpo.load_study(study_name="s", storage=study.storage))[:2] == ["RUNNING"] * 2, (
            "loading is reading"
        )

        failed = study.fail_lost_trials()
        assert [trial.number for trial in failed] == [0, 1]
        assert {(trial.state, trial.reason) for trial in failed} == {(TrialState.FAIL, LOST)}
        assert LOST == "lost: its worker is gone"
        assert all(trial.datetime_complete is not None and 0 <= trial.params["x"] <= 1 for trial in failed)
        assert study.fail_lost_trials() == []

        (markers / "go").touch()
        _, err = other.communicate(timeout=PATIENCE)
        assert other.returncode == 0, err
    assert states(study) == ["FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    assert [file.name for file in markers.parent.glob("s.jsonl*")] == ["s.jsonl"]


def test_stopped_worker_counts_as_alive(study, markers):
    with worker_in(study, markers) as process:
        os.killpg(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert study.fail_lost_trials() == []
        study.optimize(quick, n_trials=1)
        (markers / "go").touch()
        os.killpg(process.pid, signal.SIGCONT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
    assert states(study) == ["COMPLETE"] * 3


def test_pool_workers_of_a_killed_parent_do_not_keep_its_trials(study, markers):
    with worker_in(study, markers, "pool") as process:
        assert study.fail_lost_trials() == []
        pool = {int(marker.name.partition("-")[2]) for marker in markers.iterdir()}
        assert process.pid not in pool
        killed(process)
        for pid in pool:
            os.kill(pid, 0)  # it is there
        assert [trial.number for trial in study.fail_lost_trials()] == [0, 1]


def test_all_who_ask_at_once_fail_each_trial_once(study, markers):
    with worker_in(study, markers) as process:
        killed(process)
    studies = [hpo.load_study(study_name="s", storage=study.storage.location) for _ in range(8)]
    ready = threading.Barrier(8)

    def ask(study):
        ready.wait()
        return [trial.number for trial in study.fail_lost_trials()]

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = [*threads.map(ask, studies)]
    assert sorted(number for numbers in answers for number in numbers) == [0, 1]
    assert sum(type(event).__name__ == "TrialFinished" for event in study.events()) == 2


def test_processes_that_ask_at_once_fail_each_trial_once(study, markers):
    with worker_in(study, markers) as process:
        killed(process)
    script = markers.parent / "reaper.py"
    script.write_text(REAPER)
    reapers = [
        subprocess.Popen(
            [sys.executable, script, study.storage.location],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        assert [reaper.stdout.readline() for reaper in reapers] == ["ready\n"] * 3
        for reaper in reapers:
            reaper.stdin.write("go\n")
            reaper.stdin.flush()
        answers = [reaper.communicate(timeout=PATIENCE)[0].split() for reaper in reapers]
    finally:
        for reaper in reapers:
            reaper.kill()
            reaper.communicate()
    assert [reaper.returncode for reaper in reapers] == [0] * 3
    assert sorted(number for numbers in answers for number in numbers) == ["0", "1"]
    assert sum(type(event).__name__ == "TrialFinished" for event in study.events()) == 2
    assert hpo.verify(study).clean


def test_a_faster_reaper_is_noticed(study, markers, monkeypatch):
    with worker_in(study, markers) as process:
        killed(process)
    faster = hpo.load_study(study_name="s", storage=study.storage.location)
    journal = study._recorder.journal
    is_alive = journal.is_alive

    def while_another_tells(worker):
        with contextlib.suppress(hpo.errors.TrialNotRunning):
            faster.tell(0, 0.5)
        return is_alive(worker)

    monkeypatch.setattr(journal, "is_alive", while_another_tells)
    assert [trial.number for trial in study.fail_lost_trials()] == [1]
    assert states(study) == ["COMPLETE", "FAIL"]


def test_optimize_fails_lost_trials_at_its_start_and_calls_callbacks(study, markers):
    with worker_in(study, markers) as process:
        killed(process)
    heard = []
    study.optimize(quick, n_trials=1, callbacks=[lambda _, trial: heard.append((trial.number, trial.state.name))])
    assert heard == [(0, "FAIL"), (1, "FAIL"), (2, "COMPLETE")]


def test_callback_error_on_a_lost_trial_at_the_start_ends_the_run(study, markers):
    with worker_in(study, markers) as process:
        killed(process)

    def refuse(study, trial):
        raise OSError(trial.reason)

    with pytest.raises(OSError, match=LOST):
        study.optimize(quick, n_trials=1, callbacks=[refuse])
    assert states(study) == ["FAIL", "FAIL"]


def test_asked_trials_have_no_worker(study, markers):
    with worker_in(study, markers, "ask", n_running=1) as process:
        killed(process)
    assert study.fail_lost_trials() == []
    study.optimize(quick, n_trials=1)
    assert states(study) == ["RUNNING", "COMPLETE"]
    study.tell(0, 1.0)


def test_a_worker_that_comes_back_late_is_told_so(study, markers):
    with worker_in(study, markers) as process:
        killed(process)
    study.fail_lost_trials()
    with pytest.raises(hpo.errors.TrialNotRunning, match="trial 0 is fail"):
        study.tell(0, 1.0)
    assert study.trials[0].reason == LOST
    assert study.tell(0, 1.0, skip_if_finished=True).state is TrialState.FAIL


@pytest.mark.parametrize("place", ["memory", "file"])
def test_fail_lost_trials_inside_a_run_spares_its_trials(tmp_path, place):
    storage = None if place == "memory" else f"{tmp_path}/s.jsonl"
    study = hpo.create_study(study_name="s", storage=storage, sampler=RandomSampler())
    answers = []

    def objective(trial):
        answers.append(study.fail_lost_trials())
        return quick(trial)

    study.optimize(objective, n_trials=4, n_jobs=2)
    study.optimize(objective, n_trials=2)
    assert answers == [[]] * 6
    assert states(study) == ["COMPLETE"] * 6


def test_pickled_study_in_memory_has_no_workers():
    study, pickles = hpo.create_study(sampler=RandomSampler()), []

    def objective(trial):
        pickles.append(pickle.dumps(study))
        return quick(trial)

    study.optimize(objective, n_trials=1)
    copy = pickle.loads(pickles[0])
    assert states(copy) == ["RUNNING"]
    assert [trial.reason for trial in copy.fail_lost_trials()] == [LOST]
    assert states(study) == ["COMPLETE"]


def test_unwatched_worker_is_never_failed(study, caplog, monkeypatch):
    def refuse(fd, command, lock):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.fcntl", refuse)
    hpo.logging.enable_propagation()
    answers = []

    def objective(trial):
        answers.append(study.fail_lost_trials())
        return quick(trial)

    try:
        study.optimize(objective, n_trials=1)
    finally:
        hpo.logging.disable_propagation()
    assert answers == [[]]
    assert states(study) == ["COMPLETE"]
    assert study.trials[0].worker.startswith("unwatched-")
    assert "No locks available" in caplog.text


def test_a_journal_that_knows_no_workers_loses_none(study, markers):
    with worker_in(study, markers) as process:
        killed(process)
    journal = study._recorder.journal

    class Plain:
        read, append = journal.read, journal.append

    study._recorder._journal = Plain()
    assert study.fail_lost_trials() == []
    study.optimize(quick, n_trials=1)
    assert states(study) == ["RUNNING", "RUNNING", "COMPLETE"]


def test_lost_trials_are_retried_with_parameters_and_attributes(study, markers):
    with worker_in(study, markers) as process:
        killed(process)
    lost = [trial.params for trial in study.trials]
    assert all(lost)
    study.optimize(quick, n_trials=3, callbacks=[hpo.RetryFailedTrials(max_retry=1)])
    assert states(study) == ["FAIL", "FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]
    assert [trial.params for trial in study.trials[2:4]] == lost
    assert [trial.user_attrs for trial in study.trials[2:]] == [
        {"who": "me", "retried_from": 0, "retry": 1, "retry_history": [0]},
        {"who": "me", "retried_from": 1, "retry": 1, "retry_history": [1]},
        {},
    ]


def test_lost_trials_without_parameters_are_sampled_anew(study, markers):
    study.enqueue_trial({"x": 0.25})
    with worker_in(study, markers, "pool") as process:
        killed(process)
    retry = hpo.RetryFailedTrials()
    for trial in study.fail_lost_trials():
        retry(study, trial)
    study.optimize(quick, n_trials=2)
    assert [lineage(trial) for trial in study.trials[2:]] == [(0, 1), (1, 1)]
    assert study.trials[2].params == {"x": 0.25}
    assert 0 <= study.trials[3].params["x"] <= 1


def test_running_trials_by_worker():
    state = hpo.StudyState.create()
    for worker in ["b", "a", None, "b"]:
        state = hpo.replay(hpo.core.decide(state, Ask(worker=worker)), state)
    state = hpo.tell(state, 1, 0.5)
    assert hpo.core.views.running_by_worker(state) == {"b": [0, 3]}


def test_a_database_knows_its_workers_too(tmp_path):
    study = hpo.create_study(storage=f"sqlite:///{tmp_path}/s.db", study_name="s", sampler=hpo.samplers.RandomSampler())
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    worker = study.trials[0].worker
    journal = study.storage.open("s")
    assert journal.is_alive(worker) is False
    with journal.hold(worker):
        assert journal.is_alive(worker) is True
