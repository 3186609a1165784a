"""Workers that others took for dead, as a clock may say so: they go on under another name, and nothing counts twice."""

import concurrent.futures
import subprocess
import sys
import textwrap
import threading

import pytest
from patience import PATIENCE

import hpo
from hpo.core import TrialStarted
from hpo.errors import TrialNotRunning, WorkerLost
from hpo.journal.memory import MemoryJournal
from hpo.samplers import RandomSampler
from hpo.study.callbacks.retries import lineage
from hpo.study.running.workers import LOST


class Impatient(MemoryJournal):
    """A journal that gives up whom it is told to, as one with leases does."""

    def __init__(self, events):
        super().__init__(events)
        self._judging = threading.Lock()  # nobody is given up while a trial starts for it

    def give_up(self, worker):
        with self._judging, self._lock:
            self._workers.discard(worker)

    def append(self, events, *, expected):
        with self._judging:
            for event in events:
                if isinstance(event, TrialStarted) and event.worker is not None and not self.is_alive(event.worker):
                    raise WorkerLost(event.worker)
            return super().append(events, expected=expected)

    def hold(self, worker):
        return _Held(self, worker)


class _Held:
    def __init__(self, journal, worker):
        self.journal, self.worker = journal, worker

    def __enter__(self):
        self.journal._workers.add(self.worker)

    def __exit__(self, *_):
        self.journal.give_up(self.worker)


@pytest.fixture
def study():
    study = hpo.create_study(sampler=RandomSampler(), seed=0)
    study._recorder._journal = Impatient(study.events())
    return study


def run_in_process(text, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)]
    subprocess.run(command, check=True, timeout=PATIENCE)


def quick(trial):
    return trial.suggest_float("x", 0, 1)


def given_up(study, number):
    """Fail trial `number` as somebody does who misses its worker; the trials that this fails."""
    study._recorder.journal.give_up(study.trials[number].worker)
    return study.fail_lost_trials()


def losing(study, failed, number=0):
    """An objective whose worker is given up in trial `number`, before any later trial ends."""
    over = threading.Event()

    def objective(trial):
        if trial.number == number:
            failed.extend(given_up(study, number))
            over.set()
        assert over.wait(PATIENCE)
        return quick(trial)

    return objective


@pytest.mark.parametrize("options", [{}, {"n_jobs": 2}, {"n_jobs": 2, "order": "deterministic"}], ids=str)
def test_a_run_that_was_given_up_goes_on_under_another_name(study, options):
    failed, told = [], []
    study.optimize(losing(study, failed), n_trials=6, callbacks=[lambda _, trial: told.append(trial.number)], **options)
    lost = {trial.number for trial in failed}
    assert 0 in lost
    assert len(lost) <= 2
    assert [trial.number for trial in study.trials if trial.reason == LOST] == sorted(lost)
    assert sorted(told) == sorted({*range(6)} - lost), "callbacks of lost trials belong to who failed them"
    names = {trial.worker for trial in study.trials if trial.number not in lost}
    assert study.trials[0].worker not in names
    assert len(names) == 1


def test_a_run_whose_objectives_are_elsewhere_goes_on_too(study):
    failed = []

    class Executor(concurrent.futures.ThreadPoolExecutor):
        def submit(self, fn, job):
            if not failed:
                failed.extend(given_up(study, 0))
            return super().submit(fn, job)

    with Executor(1) as executor:
        study.optimize(quick, n_trials=3, executor=executor)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert study.trials[1].worker == study.trials[2].worker != study.trials[0].worker


@pytest.mark.parametrize("pauses", [False, True])
@pytest.mark.parametrize("detached", [False, True])
def test_a_late_worker_does_not_end_a_trial_that_another_has_resumed(study, detached, pauses):
    study.pause(study.ask(), "epoch 1")
    study.promoter = lambda state, key: hpo.Resume(0, "go on") if 0 in state.paused else None
    resumed, told = [], []

    def objective(trial):
        study._recorder.journal.give_up(study.trials[0].worker)
        assert study.fail_lost_trials() == []
        resumed.append(study.resume(0))
        if pauses and detached:
            trial.report(3.0, 3)
            trial.pause("epoch 3")
        return 1.0

    with study.as_worker(), concurrent.futures.ThreadPoolExecutor(1) as executor:
        options = {"executor": executor} if detached else {}
        study.optimize(objective, n_trials=1, callbacks=[lambda _, trial: told.append(trial)], **options)
        (trial,) = study.trials
        assert (trial.state.name, trial.checkpoint, dict(trial.intermediate_values)) == ("RUNNING", "epoch 1", {})
        assert told == []
        assert study.tell(resumed[0], 0.5).value == 0.5


def test_an_objective_that_hears_of_it_does_not_end_the_run(study):
    heard = []

    def objective(trial):
        if trial.number == 0:
            given_up(study, 0)
            for act in (lambda: trial.report(0.5, 0), lambda: trial.suggest_float("y", 0, 1), trial.should_prune):
                with pytest.raises(TrialNotRunning, match="trial 0 is failed"):
                    act()
                heard.append(trial.number)
            trial.set_user_attr("k", 1)
        return quick(trial)

    study.optimize(objective, n_trials=2)
    assert heard == [0, 0, 0]
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE"]


def test_error_after_the_trial_was_given_up_does_not_end_the_run(study):
    def objective(trial):
        if trial.number == 0:
            given_up(study, 0)
            raise OSError
        return quick(trial)

    study.optimize(objective, n_trials=2)
    assert [trial.reason for trial in study.trials] == [LOST, None]


def test_a_late_worker_does_not_retry_what_another_retries(study):
    retry, failed = hpo.RetryFailedTrials(), []

    def objective(trial):
        if trial.number == 0:
            failed.extend(given_up(study, 0))
            retry(study, failed[0])
        return quick(trial)

    study.optimize(objective, n_trials=3, callbacks=[retry])
    assert [lineage(trial) for trial in study.trials] == [(0, 0), (0, 1), (2, 0)]


def test_an_interrupt_ends_the_trials_of_all_names(study):
    class Executor(concurrent.futures.Executor):
        def submit(self, fn, job):
            if study.trials[-1].number == 1:
                raise KeyboardInterrupt
            study._recorder.journal.give_up(study.trials[0].worker)  # and nobody fails its trial
            return concurrent.futures.Future()

    with pytest.raises(KeyboardInterrupt):
        study.optimize(quick, n_trials=2, n_jobs=2, executor=Executor())
    first, second = study.trials
    assert first.reason == second.reason == "interrupted"
    assert first.worker != second.worker


def test_worker_that_was_given_up_asks_under_another_name(study):
    with study.as_worker():
        first = study.ask()
        assert [trial.number for trial in given_up(study, 0)] == [0]
        with pytest.raises(TrialNotRunning):
            study.tell(first, 0.5)
        second, third = study.ask(n=2)
        study.tell(second, 0.5)
    assert [trial.number for trial in study.fail_lost_trials()] == [third.number], "the block is over"
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE", "FAIL"]
    assert study.trials[0].worker != study.trials[1].worker == study.trials[2].worker
    assert study.tell(study.ask(), 0.5).worker is None


def test_threads_that_ask_at_once_find_one_new_name(study):
    with study.as_worker():
        study.ask()
        given_up(study, 0)
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            asked = [*threads.map(lambda _: study.ask(), range(8))]
        assert len({study.trials[trial.number].worker for trial in asked}) == 1


def test_blocks_of_workers_may_be_nested(study):
    with study.as_worker():
        outer = study.ask()
        with study.as_worker():
            inner = study.ask()
        assert [trial.number for trial in study.fail_lost_trials()] == [inner.number]
        again = study.ask()
        assert study.trials[again.number].worker == study.trials[outer.number].worker


def test_trials_asked_for_in_the_block_of_a_dead_process_are_lost(tmp_path):
    hpo.create_study(study_name="s", storage=f"{tmp_path}/s.jsonl", sampler=RandomSampler())
    run_in_process(
        """
        import os, sys, hpo
        study = hpo.load_study(storage=sys.argv[1])
        free = study.ask()
        with study.as_worker():
            trial = study.ask()
            assert study.fail_lost_trials() == []
            os._exit(0)
        """,
        tmp_path / "s.jsonl",
    )
    study = hpo.load_study(storage=f"{tmp_path}/s.jsonl")
    assert [trial.number for trial in study.fail_lost_trials()] == [1]
    assert [trial.state.name for trial in study.trials] == ["RUNNING", "FAIL"]


def test_overlapping_blocks_of_two_threads_keep_their_workers_apart(study):
    entered, left, checked = threading.Event(), threading.Event(), threading.Event()
    asked = {}

    def second():
        with study.as_worker():
            asked["second"] = study.ask().number
            entered.set()
            assert left.wait(60)
            asked["second, alone"] = study.ask().number
            assert study.fail_lost_trials() == []
        checked.set()

    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        with study.as_worker():
            ran = threads.submit(second)
            assert entered.wait(60)
            asked["first"] = study.ask().number
            study.tell(asked["first"], 0.5)
        left.set()
        ran.result(60)
    assert study.ask().number == 3
    worker = {name: study.trials[number].worker for name, number in asked.items()}
    assert worker["first"] != worker["second"] == worker["second, alone"]
    assert study.trials[3].worker is None
    assert [trial.number for trial in study.fail_lost_trials()] == [asked["second"], asked["second, alone"]]


def test_a_thread_without_a_block_works_for_the_newest_one(study):
    with concurrent.futures.ThreadPoolExecutor(1) as threads, study.as_worker():
        mine = study.ask()
        other = threads.submit(study.ask).result(60)
        assert study.trials[mine.number].worker == study.trials[other.number].worker is not None


def test_a_child_that_is_forked_in_a_block_has_a_worker_of_its_own(tmp_path):
    """The parent leaves its block while the child goes on, and the other way round."""
    study = hpo.create_study(study_name="s", storage=f"{tmp_path}/s.jsonl", sampler=RandomSampler())
    run_in_process(
        """
        import os, sys, hpo
        study = hpo.load_study(storage=sys.argv[1])
        watch = hpo.load_study(storage=sys.argv[1])
        reading, writing = os.pipe(), os.pipe()
        with study.as_worker():
            parent = study.ask()
            pid = os.fork()
            if not pid:
                child = study.ask()
                os.write(writing[1], b"x")
                os.read(reading[0], 1)  # the parent has left its block
                assert [trial.number for trial in watch.fail_lost_trials()] == [parent.number]
                study.tell(child, 0.5)
                study.ask()
                os._exit(0)
            os.read(writing[0], 1)
        os.write(reading[1], b"x")
        assert os.waitpid(pid, 0)[1] == 0
        """,
        tmp_path / "s.jsonl",
    )
    states = [trial.state.name for trial in study.trials]
    assert states == ["FAIL", "COMPLETE", "RUNNING"]
    assert len({trial.worker for trial in study.trials}) == 2
    assert [trial.number for trial in study.fail_lost_trials()] == [2], "the child is gone"


@pytest.mark.parametrize("options", [{}, {"n_jobs": 2}], ids=str)
def test_run_looks_for_lost_trials_from_time_to_time(study, monkeypatch, options):
    monkeypatch.setattr("hpo.study.running.session._LOOK_FOR_LOST", 0.0)
    told = []

    def objective(trial):
        if trial.number == 0:
            with study.as_worker():
                study.ask()
        return quick(trial)

    study.optimize(objective, n_trials=2, callbacks=[lambda _, trial: told.append(trial.reason)], **options)
    assert told.count(LOST) == 1


def test_callback_error_on_a_lost_trial_ends_the_run(study, monkeypatch):
    monkeypatch.setattr("hpo.study.running.session._LOOK_FOR_LOST", 0.0)

    def objective(trial):
        with study.as_worker():
            study.ask()
        return quick(trial)

    def refuse(_, trial):
        if trial.reason == LOST:
            raise OSError(trial.reason)

    with pytest.raises(OSError, match=LOST):
        study.optimize(objective, n_trials=2, callbacks=[refuse])
    assert len(study.trials) == 2


def test_a_run_does_not_look_all_the_time(study, monkeypatch):
    looks = []
    monkeypatch.setattr("hpo.study.running.session.fail_lost", lambda recorder: looks.append(recorder) or [])
    study.optimize(quick, n_trials=20)
    assert len(looks) == 1
