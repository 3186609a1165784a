"""What is sent to the workers of executors, and which executors are accepted."""

import concurrent.futures
import operator
import pickle
import sys
import threading
import types

import pytest
from patience import PATIENCE

import hpo
from hpo.errors import InvalidArgument, InvalidType, NotOptimizing
from hpo.samplers import RandomSampler, TPESampler
from hpo.study.running import remote
from hpo.study.running.ledger import Known, Ledger
from hpo.testing import check_executor
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)


class Posted(concurrent.futures.Executor):
    """Pickles every job as it would be for another process, and runs it at once; workers take turns."""

    def __init__(self, monkeypatch, n_workers=1):
        self._monkeypatch = monkeypatch
        self.memories = [remote.WorkerMemory() for _ in range(n_workers)]
        self.turn = 0
        self.sizes = []

    def submit(self, fn, /, *args, **kwargs):
        sent = pickle.dumps((fn, args))
        self.sizes.append(len(sent))
        function, arguments = pickle.loads(sent)
        self._monkeypatch.setattr(remote, "_MEMORY", self.memories[self.turn % len(self.memories)])
        reply = pickle.loads(pickle.dumps(function(*arguments)))
        self.turn += reply.result is not None
        future = concurrent.futures.Future()
        future.set_result(reply)
        return future


@pytest.fixture
def posted(monkeypatch):
    return Posted(monkeypatch)


def study_of(n, sampler=None):
    study = hpo.create_study(sampler=sampler or RandomSampler(), seed=1)
    space = {"x": hpo.FloatDistribution(0, 1)}
    study.add_trials(hpo.create_trial(params={"x": i / n}, distributions=space, value=i / n) for i in range(n))
    return study


def branching(trial):
    kind = trial.suggest_categorical("kind", ["a", "b"])
    x = trial.suggest_float("x", -1, 1)
    for step in range(3):
        trial.report(x + step, step)
        if trial.should_prune():
            raise hpo.TrialPruned
    return x if kind == "a" else x + trial.suggest_int("depth", 1, 5)


def facts(study):
    return [(t.number, t.state, t.values, t.params, dict(t.intermediate_values)) for t in study.state.finished]


def test_jobs_do_not_grow_with_the_study(monkeypatch):
    executor = Posted(monkeypatch, n_workers=2)
    study_of(1_000).optimize(unit, n_trials=40, executor=executor, n_jobs=1)
    small = [size for size in executor.sizes if size <= 2048]
    assert len(executor.sizes) - len(small) == 2, "each worker gets the whole study once"
    assert len(executor.sizes) <= 42


def test_workers_know_the_study_in_the_next_run(posted):
    study = study_of(1_000)
    for _ in range(5):
        study.optimize(unit, n_trials=2, executor=posted, n_jobs=1)
    assert [size > 2048 for size in posted.sizes] == [True] + [False] * 9


def test_a_worker_that_forgets_everything_is_told_again(posted):
    study = study_of(50)

    def forget(study, trial):
        if trial.number == 53:
            posted.memories[:] = [remote.WorkerMemory()]

    study.optimize(unit, n_trials=8, executor=posted, n_jobs=1, callbacks=[forget])
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    assert len(posted.sizes) == 9, "the job that found a worker without memory was sent twice"


def test_executors_with_new_workers_for_every_job_are_told_everything_at_once(monkeypatch):
    executor = Posted(monkeypatch, n_workers=40)
    study = study_of(20)
    study.optimize(unit, n_trials=30, executor=executor, n_jobs=1)
    assert len(study.trials) == 50
    assert len(executor.sizes) <= 30 + 6


def test_workers_that_are_told_what_is_new_compute_what_a_serial_run_computes(monkeypatch):
    executor = Posted(monkeypatch, n_workers=3)
    runs = []
    for options in ({}, {"executor": executor, "n_jobs": 1}):
        study = hpo.create_study(
            sampler=TPESampler(n_startup_trials=4), pruner=hpo.pruners.MedianPruner(n_startup_trials=3), seed=4
        )
        study.enqueue_trial({"kind": "b"})
        study.optimize(branching, n_trials=25, **options)
        assert hpo.verify(study).clean
        runs.append(facts(study))
    assert runs[0] == runs[1]


def test_an_objective_that_changed_is_sent_again(posted):
    class Counting:
        shift = 0.0

        def __call__(self, trial):
            return unit(trial) * 0 + self.shift

    objective = Counting()
    monkey = types.ModuleType("counting_objective")
    Counting.__module__, Counting.__qualname__ = monkey.__name__, "Counting"
    monkey.Counting = Counting
    sys.modules[monkey.__name__] = monkey

    def change(study, trial):
        objective.shift = trial.number + 1.0

    study = hpo.create_study(sampler=RandomSampler())
    try:
        study.optimize(objective, n_trials=3, executor=posted, n_jobs=1, callbacks=[change])
    finally:
        del sys.modules[monkey.__name__]
    assert [trial.value for trial in study.trials] == [0.0, 1.0, 2.0]


def test_a_worker_that_lags_behind_does_not_make_the_jobs_of_others_grow():
    ledger, known = Ledger(), Known
    ledger.note("slow", known(1, b""), None)
    long = ledger.expected()
    assert long == ("slow", (1, b""))
    for version in range(100, 200, 10):
        ledger.note("quick", known(version, b""), None)
        assert ledger.expected() == ("quick", (version, b""))
    ledger.note("slow", known(1, b""), long)
    assert ledger.expected() == ("slow", (1, b""))
    assert ledger.expected()[1].version > 100, "nobody is known to be free: the one that lags is not expected"


def test_a_job_will_do_for_each_worker_that_may_be_free():
    ledger, known = Ledger(), Known
    ledger.note("a", known(10, b""), None)
    ledger.note("b", known(20, b""), None)
    first = ledger.expected()
    assert first[1] == ledger.expected()[1] == (10, b"")
    ledger.note("a", known(30, b""), first)
    ledger.note("b", known(40, b"program"), ("a", known(10, b"")))
    assert ledger.expected()[1] == (30, b"")
    ledger.note("b", known(300, b""), None)
    assert ledger.expected() == ("b", (300, b"")), "a has been idle for long: it would make every job large"


def test_stop_works_in_an_objective_that_was_sent(posted, tmp_path):
    study = hpo.create_study(storage=str(tmp_path / "s.jsonl"), sampler=RandomSampler())
    other = hpo.create_study(storage=str(tmp_path / "t.jsonl"), sampler=RandomSampler())
    study.optimize(Stops(study), n_trials=20, executor=posted, n_jobs=1)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE]
    with pytest.raises(NotOptimizing):
        study.optimize(Stops(other), n_trials=20, executor=posted, n_jobs=1)


class Stops:
    def __init__(self, study):
        self.study = study

    def __call__(self, trial):
        self.study.stop()
        return unit(trial)


def refuses_module(*args):
    raise ModuleNotFoundError("No module named 'only_here'")


class OnlyHere:
    """An objective that workers cannot read."""

    def __call__(self, trial):
        return 1.0

    def __reduce__(self):
        return refuses_module, ()


@pytest.mark.parametrize("objective", [lambda trial: 1.0 + unit(trial), OnlyHere()])
def test_objectives_that_cannot_be_sent_come_with_advice(posted, monkeypatch, objective):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)  # as if it were not installed
    study = hpo.create_study(sampler=RandomSampler())
    with pytest.raises(InvalidType, match=r"(?s)objective.*purehpo\[cloudpickle\].*n_jobs=4 without an executor"):
        study.optimize(objective, n_trials=5, executor=posted, n_jobs=1)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL]


def test_cloudpickle_sends_functions_that_have_no_name(posted):
    pytest.importorskip("cloudpickle")
    study, shift = hpo.create_study(sampler=RandomSampler()), 3.0
    study.optimize(lambda trial: unit(trial) + shift, n_trials=3, executor=posted, n_jobs=1)
    assert [trial.value for trial in study.trials] == [trial.params["x"] + 3.0 for trial in study.trials]


def test_an_objective_with_a_lock_cannot_be_sent_even_with_cloudpickle(posted):
    pytest.importorskip("cloudpickle")
    study, lock = hpo.create_study(sampler=RandomSampler()), threading.Lock()
    with pytest.raises(InvalidType, match="open it in the objective"):
        study.optimize(lambda trial: lock, n_trials=3, executor=posted, n_jobs=1)


class Client:
    """Looks like a client of Dask."""

    def submit(self, function, *args):
        raise AssertionError("nobody calls this")

    map = shutdown = submit

    def get_executor(self):
        raise AssertionError("nobody calls this")


class OneMethod:
    def submit(self, function, *args):
        raise AssertionError("nobody calls this")


class Foreign(concurrent.futures.Executor):
    def submit(self, fn, /, *args, **kwargs):
        return "a future of another kind"


class Unsized(concurrent.futures.Executor):
    def submit(self, fn, /, *args, **kwargs):
        raise AssertionError("nobody calls this")


@pytest.mark.parametrize(
    ("executor", "message"),
    [
        (Client(), r"executor=it\.get_executor\(\)"),
        (OneMethod(), "methods submit, map and shutdown"),
        (concurrent.futures.ThreadPoolExecutor, r"pass an instance of it, ThreadPoolExecutor\(\)"),
        (3, "got 3"),
    ],
)
def test_what_is_not_an_executor_is_refused_before_a_trial_starts(executor, message):
    study = hpo.create_study(sampler=RandomSampler())
    with pytest.raises(InvalidType, match=message):
        study.optimize(unit, n_trials=1, executor=executor)
    assert study.trials == []


def test_an_executor_whose_futures_are_others_is_refused():
    study = hpo.create_study(sampler=RandomSampler())
    with pytest.raises(InvalidType, match=r"returns a concurrent\.futures\.Future; that of a Foreign returned a str"):
        study.optimize(unit, n_trials=4, executor=Foreign(), n_jobs=2)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL]


@pytest.mark.parametrize("n_jobs", [None, -1])
def test_an_executor_that_does_not_tell_its_size_needs_a_number_of_jobs(n_jobs):
    study = hpo.create_study(sampler=RandomSampler())
    with pytest.raises(InvalidArgument, match="does not tell how many workers it has: pass n_jobs"):
        study.optimize(unit, n_trials=1, executor=Unsized(), n_jobs=n_jobs)
    assert study.trials == []


def test_no_trial_starts_before_a_worker_is_free(monkeypatch):
    study = hpo.create_study(sampler=RandomSampler())
    at_once, both = [], threading.Barrier(2)

    def objective(trial):
        if trial.number < 2:
            both.wait(timeout=PATIENCE)
        at_once.append(len(study.state.running))
        return unit(trial)

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        study.optimize(objective, n_trials=10, executor=threads, n_jobs=8)
    assert max(at_once) == 2


def test_an_executor_that_loses_everything_ends_the_run():
    class Loses(concurrent.futures.Executor):
        def submit(self, fn, /, *args, **kwargs):
            future = concurrent.futures.Future()
            future.set_exception(ConnectionError("no route"))
            return future

    study = hpo.create_study(sampler=RandomSampler())
    with pytest.raises(ConnectionError, match="no route"):
        study.optimize(unit, executor=Loses(), n_jobs=2)
    assert {trial.state for trial in study.trials} == {TrialState.FAIL}
    assert 8 <= len(study.trials) <= 20


def test_lost_trials_are_retried():
    class LosesOne(concurrent.futures.ThreadPoolExecutor):
        lost = False

        def submit(self, fn, /, *args, **kwargs):
            if self.lost:
                return super().submit(fn, *args, **kwargs)
            self.lost = True
            future = concurrent.futures.Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    study = hpo.create_study(sampler=RandomSampler(), seed=1)
    with LosesOne(1) as executor:
        study.optimize(unit, n_trials=3, executor=executor, callbacks=[hpo.RetryFailedTrials(max_retry=1)])
    assert study.trials[0].reason == "lost: its job was cancelled in the executor"
    assert [trial.user_attrs.get("retried_from") for trial in study.trials] == [None, 0, None]


def test_threads_are_an_executor_that_keeps_all_promises():
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        check_executor(threads)


def test_a_broken_promise_of_an_executor_is_found():
    class Forgetful(concurrent.futures.ThreadPoolExecutor):
        """Runs one job in three twice, as a scheduler that retries does."""

        n = 0

        def submit(self, fn, /, *args, **kwargs):
            self.n += 1
            if self.n % 3 == 0:
                future = concurrent.futures.Future()
                future.set_exception(OSError("gone"))
                return future
            return super().submit(fn, *args, **kwargs)

    with Forgetful(2) as executor, pytest.raises(AssertionError) as caught:
        check_executor(executor)
    assert any("all that it recorded comes back" in note for note in caught.value.__notes__)


def test_a_running_trial_is_sent_to_another_process_and_told_here(tmp_path):
    study = hpo.create_study(storage=str(tmp_path / "s.jsonl"), sampler=RandomSampler(), seed=1)
    trial = study.ask()
    there = pickle.loads(pickle.dumps(trial))
    x = there.suggest_float("x", 0, 1)
    there.report(x, 1)
    assert pickle.loads(pickle.dumps(there)).params == {"x": x}
    told = study.tell(trial, x)
    assert (told.params, told.intermediate_values) == ({"x": x}, {1: x})


def test_a_trial_that_was_sent_is_told_by_its_copy_with_what_the_copy_asked_for(tmp_path):
    study = hpo.create_study(storage=str(tmp_path / "s.jsonl"), seed=1)
    space = {"x": hpo.FloatDistribution(0, 1), "y": hpo.FloatDistribution(0, 1)}
    declared = hpo.create_study(storage=str(tmp_path / "d.jsonl"), sampler=RandomSampler(), space=space)
    for told_by_copy, params in ((True, {"x"}), (False, {"x", "y"})):
        trial = declared.ask()
        there = pickle.loads(pickle.dumps(trial))
        there.suggest_float("x", 0, 1)
        assert set(declared.tell(there if told_by_copy else trial, 1.0).params) == params
    assert study.trials == []


def test_a_resumed_trial_that_was_sent_keeps_its_parameters(tmp_path):
    study = hpo.create_study(storage=str(tmp_path / "s.jsonl"), sampler=RandomSampler(), seed=1)
    trial = study.ask()
    x = trial.suggest_float("x", 0, 1)
    trial.pause("here.pt")
    again = pickle.loads(pickle.dumps(study.resume(0)))
    assert (again.suggest_float("x", 0, 1), again.checkpoint, again.number) == (x, "here.pt", 0)


def test_a_trial_in_memory_says_what_to_send():
    study = hpo.create_study(sampler=RandomSampler())
    with pytest.raises(InvalidType, match=r"(?s)in memory.*send trial\.params.*study\.tell\(trial\.number, value\)"):
        pickle.dumps(study.ask())


def test_a_trial_in_an_executor_says_what_to_send(posted):
    study = hpo.create_study(sampler=RandomSampler())
    study.optimize(pickle.dumps, n_trials=1, executor=posted, n_jobs=1, catch=InvalidType)
    assert "trial 0 runs in an executor" in study.trials[0].reason
