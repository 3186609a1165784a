"""What an executor must be able to do for `Study.optimize`, and what it may rely on: `check_executor`."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs

import hpo
from hpo.study.running.executors import size_of

_PRELOADED = 1_000  # trials of the study whose jobs are weighed
_LARGEST_JOB = 2_048  # bytes


@attrs.frozen
class ExecutorCase:
    """An executor under test.

    Attributes:
        executor: The executor.
        n_jobs: How many trials run there at a time.
        directory: A folder that its workers see, too, or None.
    """

    executor: Executor
    n_jobs: int
    directory: Path | None


def check_executor(executor: Executor, *, n_jobs: int | None = None, directory: str | Path | None = None) -> None:
    """Check that `Study.optimize` keeps its promises when `executor` runs the objectives.

    It takes a few seconds. The executor has to be able to import `hpo.testing`, and is usable afterwards.

    Args:
        executor: The executor. Its workers may be threads, processes, or on other machines.
        n_jobs: How many trials run there at a time; needed if the executor does not tell how many workers it has.
        directory: A folder that the workers see under the same path. By default a temporary one of this machine;
            ``""`` for none, so that sending trials themselves is left out.

    Raises:
        AssertionError: a promise is broken. A note says which.
        InvalidArgument, InvalidType: `executor` is not an executor, or does not tell its size and `n_jobs` is missing.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(2) as threads:
        ...     check_executor(threads)
    """
    hpo.create_study().optimize(_constant, n_trials=0, executor=executor, n_jobs=n_jobs)  # refuses what is not one
    jobs = size_of(executor) if n_jobs is None else n_jobs
    assert jobs is not None, "optimize refuses an executor without a size"
    with tempfile.TemporaryDirectory() as temporary, quiet_log():
        folder = None if directory == "" else Path(temporary if directory is None else directory)
        case = ExecutorCase(executor, jobs, folder)
        for law in LAWS:
            try:
                law(case)
            except AssertionError as error:
                error.add_note(f"The promise: {law.__doc__}")
                raise


def results_come_back(case: ExecutorCase) -> None:
    """Every trial gets its own parameters, and all that it recorded comes back."""
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
    study.optimize(_records_all, n_trials=3 * case.n_jobs, executor=case.executor, n_jobs=case.n_jobs)
    assert [trial.number for trial in study.trials] == [*range(3 * case.n_jobs)], study.trials
    for trial in study.trials:
        assert trial.state is hpo.TrialState.COMPLETE, trial
        assert trial.value == trial.params["x"] == trial.user_attrs["x"] == trial.intermediate_values[3], trial
        assert trial.constraints == {"c": -1.0}, trial
    assert len({trial.value for trial in study.trials}) == 3 * case.n_jobs, study.trials


def values_are_those_of_a_serial_run(case: ExecutorCase) -> None:
    """In a declared space, a sampler that does not learn suggests what it suggests without an executor."""
    space = {"x": hpo.FloatDistribution(0, 1)}
    runs = []
    for options in ({"executor": case.executor, "n_jobs": case.n_jobs}, {}):
        study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=3, space=space)
        study.optimize(_unit, n_trials=6, **options)  # type: ignore[arg-type]
        runs.append([trial.params for trial in study.trials])
    assert runs[0] == runs[1], runs


def fixed_order_gives_one_study(case: ExecutorCase) -> None:
    """With ``order="deterministic"``, the same seed and the same number of jobs give the same study."""
    runs = []
    for _ in range(2):
        study = hpo.create_study(sampler=hpo.samplers.TPESampler(n_startup_trials=2), seed=3)
        study.optimize(_unit, n_trials=8, executor=case.executor, n_jobs=2, order="deterministic")
        runs.append([(trial.number, trial.params, trial.value) for trial in study.state.finished])
    assert runs[0] == runs[1], runs
    assert [number for number, *_ in runs[0]] == [*range(8)], runs


def suggestions_and_decisions_are_replayed(case: ExecutorCase) -> None:
    """What samplers and pruners decide in workers is what they decide again from the journal."""
    study = hpo.create_study(
        sampler=hpo.samplers.TPESampler(n_startup_trials=3), pruner=hpo.pruners.MedianPruner(n_startup_trials=2), seed=5
    )
    study.optimize(_pruned, n_trials=4 * case.n_jobs + 4, executor=case.executor, n_jobs=case.n_jobs)
    report = hpo.verify(study)
    assert report.clean, report


def jobs_are_small(case: ExecutorCase) -> None:
    """A job is a module-level function with one hashable argument, which does not grow with the study."""
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
    distribution = hpo.FloatDistribution(0, 1)
    study.add_trials(
        hpo.create_trial(params={"x": i / _PRELOADED}, distributions={"x": distribution}, value=i / _PRELOADED)
        for i in range(_PRELOADED)
    )
    watched = _Watched(case.executor)
    study.optimize(_unit, n_trials=12 * case.n_jobs, executor=watched, n_jobs=case.n_jobs)
    for function, arguments in watched.jobs:
        assert getattr(sys.modules[function.__module__], function.__qualname__) is function, function
        assert hash((function, *arguments)) == hash((function, *arguments)), arguments
        assert len(repr(arguments)) <= 200, arguments
    if case.executor.submit(os.getpid).result() == os.getpid():
        return  # jobs for threads are not pickled
    sizes = sorted(watched.sizes)
    # each worker, and each that was taken for one, needs the whole study once
    assert sizes[len(sizes) // 2] <= _LARGEST_JOB, f"bytes per job: {sizes}"


def lost_jobs_fail_their_trials(case: ExecutorCase) -> None:
    """If a job is cancelled or its worker dies, the trial fails as lost, and the run goes on."""
    for spoil, catch in ((_cancelled, ()), (_dead, ()), (_dead, Exception)):
        study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        failed: list[int] = []
        spoiling = _Watched(case.executor, {2: spoil})
        study.optimize(
            _unit,
            n_trials=6,
            executor=spoiling,
            n_jobs=case.n_jobs,
            catch=catch,
            callbacks=[lambda _, trial, failed=failed: failed.append(trial.number)],  # type: ignore[misc]
        )
        lost = study.get_trials(states=[hpo.TrialState.FAIL])
        assert [(trial.reason or "")[:6] for trial in lost] == ["lost: "], study.trials
        assert len(study.trials) == 6, study.trials
        assert sorted(failed) == [*range(6)], "callbacks are called for every trial that has ended"


def broken_executors_end_the_run(case: ExecutorCase) -> None:
    """If the executor itself is broken, its trials fail as lost, and its error is raised."""
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
    watched = _Watched(case.executor, {2: _broken})
    try:
        study.optimize(_unit, n_trials=50, executor=watched, n_jobs=case.n_jobs, catch=Exception)
    except BrokenExecutor:
        assert len(study.trials) < 50, study.trials
        assert not study.state.running, study.trials
        return
    raise AssertionError("the run went on")


def errors_are_caught_by_class(case: ExecutorCase) -> None:
    """`catch` applies to errors that cannot be pickled; others come back with their class, reason and traceback."""
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
    options: dict[str, Any] = {"executor": case.executor, "n_jobs": case.n_jobs}
    study.optimize(_fails_unpicklably, n_trials=2, catch=LookupError, **options)
    for trial in study.trials:
        reason = trial.reason or ""
        assert "UnpicklableError: first line second line" in reason, reason
        assert reason.endswith("in _fails_unpicklably)"), reason
    try:
        study.optimize(_fails, n_trials=2, **options)
    except ZeroDivisionError as error:
        told = f"{error.__cause__}" if error.__traceback__ is None or error.__cause__ else "_fails"
        assert "_fails" in told, told
    else:
        raise AssertionError("an error that is not caught is raised")


def objectives_can_stop_the_run(case: ExecutorCase) -> None:
    """`Study.stop` in an objective lets no more trials start."""
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
    study.optimize(_Stops(study), n_trials=500, executor=case.executor, n_jobs=case.n_jobs)
    assert 1 <= len(study.trials) <= 2 * case.n_jobs + 1, len(study.trials)
    assert {trial.state for trial in study.trials} == {hpo.TrialState.COMPLETE}, study.trials


def functions_of_a_prompt_run(case: ExecutorCase) -> None:
    """Lambdas run, or an error says what to do."""
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
    shift = 2.0
    try:
        study.optimize(lambda trial: _unit(trial) + shift, n_trials=2, executor=case.executor, n_jobs=case.n_jobs)
    except hpo.errors.InvalidType as error:
        advice = str(error)
        assert find_spec("cloudpickle") is None, advice
        assert "purehpo[cloudpickle]" in advice, advice
    else:
        assert [trial.value for trial in study.trials] == [trial.params["x"] + shift for trial in study.trials]


def waiting_is_not_running(case: ExecutorCase) -> None:
    """The time that a trial waits in the executor's queue is not part of the time that it ran."""
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
    study.optimize(
        _tells_when, n_trials=4 * case.n_jobs, executor=case.executor, n_jobs=4 * case.n_jobs, order="deterministic"
    )
    last: dict[str, float] = {}
    for trial in sorted(study.trials, key=lambda trial: trial.user_attrs["began"]):
        assert trial.started_at is not None
        where, slack = trial.user_attrs["where"], 0.002  # times are kept to the millisecond
        assert trial.started_at <= trial.user_attrs["began"] + slack, trial
        assert trial.started_at >= last.get(where, 0.0) - slack, trial
        last[where] = trial.user_attrs["ended"]


def trials_can_be_sent(case: ExecutorCase) -> None:
    """A running trial of a study that others can open is pickled, asked for parameters there, and told here."""
    if case.directory is None:
        return
    path = case.directory / f"sent-{os.getpid()}-{id(case)}.jsonl"
    study = hpo.create_study(storage=str(path), sampler=hpo.samplers.RandomSampler(), seed=1)
    trials = [study.ask() for _ in range(3)]
    futures = [case.executor.submit(_records_all, trial) for trial in trials]
    for trial, future in zip(trials, futures, strict=True):
        value = future.result()
        told = study.tell(trial, value)
        assert told.value == told.params["x"] == told.intermediate_values[3], told


LAWS: tuple[Callable[[ExecutorCase], None], ...] = (
    results_come_back,
    values_are_those_of_a_serial_run,
    fixed_order_gives_one_study,
    suggestions_and_decisions_are_replayed,
    jobs_are_small,
    lost_jobs_fail_their_trials,
    broken_executors_end_the_run,
    errors_are_caught_by_class,
    objectives_can_stop_the_run,
    functions_of_a_prompt_run,
    waiting_is_not_running,
    trials_can_be_sent,
)
"""What `check_executor` checks, in this order."""


class _Watched(Executor):
    """Another executor, with a note of all jobs; some of their futures can be replaced."""

    def __init__(self, inner: Executor, spoil: dict[int, Callable[[], Future[Any]]] | None = None) -> None:
        self._inner = inner
        self._spoil = spoil or {}
        self.jobs: list[tuple[Any, tuple[Any, ...]]] = []
        self.sizes: list[int] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.jobs.append((fn, args))
        self.sizes.append(len(pickle.dumps((fn, args))))
        spoil = self._spoil.get(len(self.jobs))
        return self._inner.submit(fn, *args, **kwargs) if spoil is None else spoil()


def _cancelled() -> Future[Any]:
    future: Future[Any] = Future()
    future.cancel()
    future.set_running_or_notify_cancel()
    return future


def _dead() -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(ConnectionError("the worker died"))
    return future


def _broken() -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(BrokenExecutor("no worker is left"))
    return future


class UnpicklableError(LookupError):
    """An error that cannot be pickled, with a message of several lines."""

    def __init__(self) -> None:
        super().__init__("first line\nsecond line")
        self.lock = threading.Lock()


@attrs.frozen
class _Stops:
    study: Any

    def __call__(self, trial: Any) -> float:
        self.study.stop()
        return _unit(trial)


def _constant(trial: Any) -> float:
    return 1.0


def _unit(trial: Any) -> float:
    value: float = trial.suggest_float("x", 0, 1)
    return value


def _records_all(trial: Any) -> float:
    x = _unit(trial)
    trial.report(x, 3)
    trial.set_user_attr("x", x)
    trial.set_constraint("c", -1)
    return x


def _pruned(trial: Any) -> float:
    x, y = _unit(trial), trial.suggest_int("y", 1, 3)
    for step in range(3):
        trial.report(x * y + step, step)
        if trial.should_prune():
            raise hpo.TrialPruned
    return float(x * y)


def _fails_unpicklably(trial: Any) -> float:
    raise UnpicklableError


def _fails(trial: Any) -> float:
    return 1 / 0


def _tells_when(trial: Any) -> float:
    trial.set_user_attr("began", time.time())
    trial.set_user_attr("where", f"{os.getpid()} {threading.get_ident()}")
    deadline = time.monotonic() + 0.01
    while time.monotonic() < deadline:
        _unit(trial)
    trial.set_user_attr("ended", time.time())
    return 1.0


@contextmanager
def quiet_log() -> Iterator[None]:
    """Log nothing in the block but critical messages."""
    before = hpo.logging.get_verbosity()
    hpo.logging.set_verbosity(hpo.logging.CRITICAL)
    try:
        yield
    finally:
        hpo.logging.set_verbosity(before)
