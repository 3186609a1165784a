"""A study: the effectful face of a journal, with a sampler and a pruner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, overload

from msgspec.structs import replace

from hpo.core import (
    AddTrial,
    AnyEvent,
    Distribution,
    Enqueue,
    FrozenTrial,
    Pruner,
    Sampler,
    SearchSpace,
    SetMetricNames,
    SetStudyAttribute,
    StudyDirection,
    StudyState,
    StudyView,
    Tell,
    TrialState,
    checked_batch_size,
    replay,
    views,
)
from hpo.errors import InvalidArgument, NotOptimizing, TrialNotRunning
from hpo.journal.storage import Storage
from hpo.study.advisors import Advisors
from hpo.study.duplicates import already_there
from hpo.study.open_trials import TrialDesk
from hpo.study.recorder import JournalRecorder, now
from hpo.study.replaying.copies import forked
from hpo.study.replaying.versions import events_until, version_before
from hpo.study.running.evaluation import Objective
from hpo.study.running.options import Callback, Plan
from hpo.study.running.session import Session
from hpo.study.running.workers import fail_lost
from hpo.study.trial import Trial

if TYPE_CHECKING:
    import pandas as pd


class Study:
    """A set of trials for one objective function. `create_study` and `load_study` make it.

    A study may be used from several threads, and any number of studies, in any number of processes, may work on one
    journal at once. An in-memory study is pickled whole; others find their storage again.

    Args:
        storage: Where the study's journal is.
        study_name: Its name there.
        sampler: Who suggests parameters.
        pruner: Who judges running trials.

    Raises:
        InvalidType: the sampler or the pruner can't be called, or is a class.
        StudyNotFound: the storage has no study of this name.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.GridSampler({"x": [1, 2, 3]}))
        >>> study.optimize(lambda trial: (trial.suggest_int("x", 0, 9) - 2) ** 2, n_trials=100)
        >>> len(study.trials), study.best_params, study.best_value
        (3, {'x': 2}, 0.0)
    """

    def __init__(self, storage: Storage, study_name: str, sampler: Sampler, pruner: Pruner) -> None:
        self.storage = storage
        self.study_name = study_name
        self._recorder = JournalRecorder(storage.open(study_name))
        self._desk = TrialDesk(self._recorder, Advisors(sampler, pruner))

    @property
    def sampler(self) -> Sampler:
        """Who suggests parameters; can be set to another one at any time."""
        return self._desk.advisors.sampler

    @sampler.setter
    def sampler(self, sampler: Sampler) -> None:
        self._desk.advisors = Advisors(sampler, self.pruner)

    @property
    def pruner(self) -> Pruner:
        """Who judges running trials; can be set to another one at any time."""
        return self._desk.advisors.pruner

    @pruner.setter
    def pruner(self, pruner: Pruner) -> None:
        self._desk.advisors = Advisors(self.sampler, pruner)

    @property
    def state(self) -> StudyState:
        """The study now, as an immutable value."""
        return self._recorder.state

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, ordered by number; see `get_trials`."""
        return self.get_trials()

    @property
    def directions(self) -> list[StudyDirection]:
        """Whether less or more is better, for each objective."""
        return StudyView(self.state).directions

    @property
    def direction(self) -> StudyDirection:
        """Whether less or more is better.

        Raises:
            SeveralObjectives: the study has several directions.
        """
        return StudyView(self.state).direction

    @property
    def metric_names(self) -> list[str] | None:
        """The names of the objectives, if they have some."""
        return StudyView(self.state).metric_names

    @property
    def user_attrs(self) -> dict[str, Any]:
        """What was attached to the study."""
        return StudyView(self.state).user_attrs

    @property
    def best_trial(self) -> FrozenTrial:
        """The complete trial with the best value; feasible ones come first. See `hpo.best_trial`.

        Raises:
            SeveralObjectives: the study has several directions; ask for `best_trials`.
            NoCompletedTrial: no trial is complete.
        """
        return views.best_trial(self.state)

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The complete trials that no other dominates, by number. See `hpo.best_trials`."""
        return views.best_trials(self.state)

    @property
    def best_value(self) -> float:
        """The value of `best_trial`; raises as it does."""
        return StudyView(self.state).best_value

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters of `best_trial`; raises as it does."""
        return StudyView(self.state).best_params

    def get_trials(self, deepcopy: bool = True, states: Iterable[TrialState] | None = None) -> list[FrozenTrial]:
        """All trials, or those in some states, ordered by number.

        Args:
            deepcopy: False gives the study's own objects, which is faster, instead of copies; they are immutable but
                for `FrozenTrial.set_user_attr`, which must not be called on them.
            states: Which states to keep; None keeps all.

        Raises:
            InvalidType: `states` is something else than several states.
        """
        return views.trials_in(self.state, states, copies=deepcopy)

    def events(self) -> list[AnyEvent]:
        """Everything that ever happened in the study, in order: what `state` is the fold of."""
        return [*self._recorder.events()]

    def at(self, version: int) -> StudyState:
        """The study as it was after its first `version` events.

        Raises:
            InvalidArgument: it does not have as many.
        """
        return replay(events_until(self._recorder.events(), version))

    def fork(
        self,
        study_name: str,
        *,
        at: int | None = None,
        before_trial: int | None = None,
        storage: Storage | None = None,
    ) -> Study:
        """A new study with the same beginning. It goes on with the same seed, sampler and pruner; change any of them.

        Trials that were running at that moment fail in the fork, where nobody will tell them.

        Args:
            study_name: The name of the fork.
            at: A version: how many events to take over. All of them if neither this nor `before_trial` is given.
            before_trial: The number of a trial, instead: take over what was there when it was started.
            storage: Where the fork goes; beside this study if not given.

        Raises:
            DuplicatedStudyError: there is a study of this name.
            InvalidArgument: the study does not have as many events; or both `at` and `before_trial` are given; or trial
                `before_trial` was never started.
            TrialNotFound: there is no trial `before_trial`.
        """
        if before_trial is not None:
            if at is not None:
                raise InvalidArgument(f"give either at or before_trial, got {at!r} and {before_trial!r}")
            at = self.version_before(before_trial)
        events = self._recorder.events()
        beginning = events_until(events, len(events) if at is None else at)
        target = self.storage if storage is None else storage
        target.create(study_name, forked(beginning, study_name))
        return Study(target, study_name, self.sampler, self.pruner)

    def version_before(self, number: int) -> int:
        """How many events there were when trial `number` was started: a version for `at` and `fork`.

        Raises:
            TrialNotFound: there is no such trial.
            InvalidArgument: it was never started: it waits, or came whole from elsewhere.
        """
        trial = self.state.trial(number)
        return version_before(self._recorder.events(), trial)

    def optimize(
        self,
        func: Objective,
        n_trials: int | None = None,
        timeout: float | None = None,
        n_jobs: int | None = None,
        catch: type[BaseException] | Iterable[type[BaseException]] = (),
        callbacks: Iterable[Callback] | None = None,
        gc_after_trial: bool = False,
        show_progress_bar: bool = False,
        *,
        executor: Executor | None = None,
        order: Literal["any", "deterministic"] = "any",
    ) -> None:
        """Run trials of `func`.

        A trial whose objective returns NaN, None or something else that is no result FAILs with a reason, and the
        study goes on. An exception FAILs its trial and, unless it is in `catch`, is raised when the other running
        trials have ended. On Ctrl-C the running trials FAIL with the reason "interrupted", and where the storage fails,
        with its error.

        Args:
            func: The objective: takes a `Trial` and returns a number, or one per direction as a sequence or by metric
                name.
            n_trials: How many trials to run; None means no limit.
            timeout: Seconds after which no trial starts; None means no limit.
            n_jobs: How many trials run at a time, in threads or in `executor`; -1 for all CPUs. 1 if not given, or the
                number of the executor's workers.
            catch: Exceptions that do not end the run.
            callbacks: Called in this thread with the study and the finished trial, in order; one that raises ends the
                run as an objective that raises does. They are also called for the trials of workers that died, which
                this run fails when it begins, and once a minute; see `fail_lost_trials`.
            gc_after_trial: Whether to collect garbage after each trial.
            show_progress_bar: Whether to show one (needs ``purehpo[progress]``).
            executor: Runs the objectives, for example a `ProcessPoolExecutor`. State and sampler travel, suggestions
                are computed by the worker (the joint ones here, for samplers that are asked in turn; see
                `hpo.core.contracts.sampler.Sampler`), and what the trial recorded arrives with its result.
            order: ``"deterministic"`` starts trial i when trial i - `n_jobs` has been told and tells results in the
                order of numbers: the same seed and `n_jobs` give the same study, whatever the timing.

        Raises:
            InvalidArgument, InvalidType: an argument can't be followed; no trial is started.
            NotOptimizing: it is called from inside an objective or callback of this study.
        """
        if self._desk.whereabouts.run is not None:
            raise NotOptimizing("optimize can't be called from inside an objective or a callback of the same study")
        plan = Plan.checked(
            func,
            n_trials=n_trials,
            timeout=timeout,
            n_jobs=n_jobs,
            catch=catch,
            callbacks=callbacks,
            gc_after_trial=gc_after_trial,
            show_progress_bar=show_progress_bar,
            executor=executor,
            order=order,
        )
        Session(self, self._desk, plan).run()

    def fail_lost_trials(self) -> list[FrozenTrial]:
        """Fail the trials that will never be told, because the process that ran them is gone.

        Every trial is failed once, whoever asks, with the reason ``"lost: its worker is gone"``. A worker that still
        works keeps its trials, and so does one of which it can't be known. Where a lock of the system tells, one that
        is stopped or waits works, too; on a server, it is gone when it was silent for its grace period. Trials that
        were asked for with `ask` have no worker, unless in a block of `as_worker`. `optimize` does this when it begins,
        and once a minute between trials.

        Returns:
            The trials that this call failed, for example for `hpo.RetryFailedTrials`.
        """
        return [replace(trial) for trial in fail_lost(self._recorder)]

    def stop(self) -> None:
        """Let the running `optimize` start no more trials; for objectives and callbacks.

        Raises:
            NotOptimizing: it is called from anywhere else.
        """
        where = self._desk.whereabouts
        if where.run is None:
            raise NotOptimizing("stop can only be called from inside an objective or a callback")
        where.run.request_stop(where.number)

    @overload
    def ask(self, space: Mapping[str, Distribution] | None = ..., n: None = ...) -> Trial: ...
    @overload
    def ask(self, space: Mapping[str, Distribution] | None = ..., n: int = ...) -> list[Trial]: ...
    def ask(self, space: Mapping[str, Distribution] | None = None, n: int | None = None) -> Trial | list[Trial]:
        """Start a trial whose result will be told.

        Args:
            space: Parameters to suggest at once; without it they are suggested as they are asked for.
            n: Start this many and return a list; each sees the ones before it as running trials.

        Raises:
            SearchSpaceExhausted: the sampler has nothing left; no trial is started.
            InvalidArgument: `n` is less than 1.
        """
        joint = None if space is None else SearchSpace.of(space)
        if n is None:
            return self._desk.ask(joint)
        return [self._desk.ask(joint) for _ in range(checked_batch_size(n))]

    def as_worker(self) -> AbstractContextManager[None]:
        """A block in which trials that this object's `ask` starts, in any thread, belong to a worker.

        Should the process die in the block, others can tell, and `fail_lost_trials` fails these trials. It fails those
        as well that nobody has told when the block ends: without it, trials that were asked for wait for ever.

        Example:
            >>> import hpo
            >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
            >>> with study.as_worker():
            ...     done, forgotten = study.ask(n=2)
            ...     _ = study.tell(done, 0.5)
            >>> [(trial.number, trial.reason) for trial in study.fail_lost_trials()]
            [(1, 'lost: its worker is gone')]
        """
        return self._desk.as_worker()

    def tell(
        self,
        trial: Trial | int,
        values: float | Sequence[float] | Mapping[str, float] | None = None,
        state: TrialState | None = None,
        *,
        skip_if_finished: bool = False,
        reason: str | None = None,
    ) -> FrozenTrial:
        """Finish a trial that was asked for.

        Args:
            trial: The trial, or its number.
            values: A number, one per direction, or a mapping by metric name.
            state: COMPLETE if not given; PRUNED takes the last reported value; FAIL has none.
            skip_if_finished: Whether to return a finished trial as it is, instead of an error.
            reason: Why it failed.

        Returns:
            The finished trial. A result with a NaN makes a failed one.

        Raises:
            TrialNotFound, TrialNotRunning: there is no such running trial.
            WrongNumberOfValues, InvalidType, InvalidArgument: the result is not one; nothing is recorded.
        """
        number, unused = (trial.number, trial.unused) if isinstance(trial, Trial) else (trial, self._desk.unused(trial))
        try:
            return replace(self._desk.tell(Tell(number, values, state, now(), reason, unused)))
        except TrialNotRunning:
            told = self.state.trial(number)
            if skip_if_finished and told.state.is_finished():
                return replace(told)
            raise

    def enqueue_trial(
        self,
        params: Mapping[str, Any],
        user_attrs: Mapping[str, Any] | None = None,
        *,
        skip_if_exists: bool = False,
    ) -> None:
        """Let a coming trial have `params`; first in, first out. Others are sampled.

        Args:
            params: Values by name.
            user_attrs: Attributes of the trial.
            skip_if_exists: Whether to do nothing if a trial has, or waits for, just these parameters.

        Raises:
            InvalidType, InvalidArgument: a value can't be a parameter.
            ValueOutsideDistribution: the declared space can't hold it.
        """
        if not (skip_if_exists and already_there(self.state, params)):
            self._recorder.record(Enqueue(params, user_attrs))

    def add_trial(self, trial: FrozenTrial) -> None:
        """Take over a finished trial, or let a waiting one wait here, under the next free number.

        Raises:
            InvalidArgument: the trial runs, or lacks what its state needs; see `hpo.create_trial`.
            WrongNumberOfValues: its values don't fit the study's directions.
        """
        self._recorder.record(AddTrial(trial))

    def add_trials(self, trials: Iterable[FrozenTrial]) -> None:
        """Take over several trials, all or none; see `add_trial`."""
        self._recorder.record(*map(AddTrial, trials))

    def set_user_attr(self, key: str, value: Any) -> None:
        """Attach a JSON value or a datetime to the study, instead of an earlier one.

        Raises:
            InvalidType: the value can't be kept; nothing changes.
        """
        self._recorder.record(SetStudyAttribute(key, value))

    def set_metric_names(self, metric_names: Sequence[str]) -> None:
        """Name the objectives: logs and data frames use the names, and results can be told by them.

        Raises:
            InvalidArgument: there is not one name per direction, or two are the same.
        """
        self._recorder.record(SetMetricNames(metric_names))

    def trials_dataframe(self, attrs: Sequence[str] | None = None, multi_index: bool = False) -> pd.DataFrame:
        """The trials as a pandas data frame, one row each; needs ``purehpo[pandas]``.

        Args:
            attrs: Fields of `FrozenTrial`; by default number, value, the times, params, user_attrs and state.
            multi_index: Whether columns such as ``("params", "x")`` stay pairs instead of ``params_x``.

        Raises:
            InvalidArgument: a trial has no such field.
        """
        from hpo.study.dataframe import trials_dataframe

        return trials_dataframe(self.state, attrs, multi_index=multi_index)

    def __reduce__(self) -> tuple[type[Study], tuple[Any, ...]]:
        return Study, (self.storage, self.study_name, self.sampler, self.pruner)

    def __repr__(self) -> str:
        return f"<Study {self.study_name!r} in {self.storage.location}>"
