"""`Study`: a journal with a sampler and a pruner, and the methods that write to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, overload

import attrs

from hpo.core import (
    AddTrial,
    AnyEvent,
    Distribution,
    Enqueue,
    FrozenTrial,
    Promoter,
    Pruner,
    Sampler,
    SearchSpace,
    SetMetricNames,
    SetStudyAttribute,
    StoppingRule,
    StudyDirection,
    StudyState,
    StudyView,
    Tell,
    TrialState,
    checked_batch_size,
    checked_stopping_rule,
    replay,
    views,
)
from hpo.errors import InvalidArgument, NotOptimizing, TrialNotRunning
from hpo.journal.storage import Storage
from hpo.study.advisors import Advisors
from hpo.study.callbacks.max_trials import StopWhen
from hpo.study.duplicates import is_duplicate
from hpo.study.open_trials import OpenTrials
from hpo.study.recorder import JournalRecorder, now
from hpo.study.replaying.versions import events_until, forked, version_before
from hpo.study.running.evaluation import Objective
from hpo.study.running.options import Callback, RunOptions
from hpo.study.running.session import Session
from hpo.study.running.workers import fail_lost
from hpo.study.trial import Trial

if TYPE_CHECKING:
    import pandas as pd


class Study:
    """A set of trials of one objective function. `create_study` and `load_study` return one.

    Threads may share a study, and any number of `Study` objects, in any number of processes, may work on one journal
    at once. A study in memory is pickled as a whole; any other is opened again in its storage when it is unpickled.

    Args:
        storage: Where the study is kept.
        study_name: Its name in the storage.
        sampler: Suggests parameters.
        pruner: Decides whether running trials go on.
        promoter: Asked before a trial starts: may resume a paused trial, or fork a trial, instead. None by default.

    Raises:
        InvalidType: the sampler, pruner or promoter cannot be called, or is a class.
        StudyNotFound: the storage has no study with this name.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.GridSampler({"x": [1, 2, 3]}))
        >>> study.optimize(lambda trial: (trial.suggest_int("x", 0, 9) - 2) ** 2, n_trials=100)
        >>> len(study.trials), study.best_params, study.best_value
        (3, {'x': 2}, 0.0)
    """

    def __init__(
        self,
        storage: Storage,
        study_name: str,
        sampler: Sampler,
        pruner: Pruner,
        promoter: Promoter | None = None,
    ) -> None:
        self.storage = storage
        self.study_name = study_name
        self._recorder = JournalRecorder(storage.open(study_name))
        self._trials = OpenTrials(self._recorder, Advisors(sampler, pruner, promoter))

    @property
    def sampler(self) -> Sampler:
        """The sampler, which suggests parameters. It can be replaced at any time."""
        return self._trials.advisors.sampler

    @sampler.setter
    def sampler(self, sampler: Sampler) -> None:
        self._trials.advisors = Advisors(sampler, self.pruner, self.promoter)

    @property
    def pruner(self) -> Pruner:
        """The pruner, which decides whether running trials go on. It can be replaced at any time."""
        return self._trials.advisors.pruner

    @pruner.setter
    def pruner(self, pruner: Pruner) -> None:
        self._trials.advisors = Advisors(self.sampler, pruner, self.promoter)

    @property
    def promoter(self) -> Promoter | None:
        """The promoter, which may resume or fork trials, or None. It can be replaced at any time."""
        return self._trials.advisors.promoter

    @promoter.setter
    def promoter(self, promoter: Promoter | None) -> None:
        self._trials.advisors = Advisors(self.sampler, self.pruner, promoter)

    @property
    def state(self) -> StudyState:
        """The current state of the study, an immutable value."""
        return self._recorder.state

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, ordered by number."""
        return self.get_trials()

    @property
    def directions(self) -> list[StudyDirection]:
        """The direction of each objective: minimize or maximize."""
        return StudyView(self.state).directions

    @property
    def direction(self) -> StudyDirection:
        """The direction of the only objective: minimize or maximize.

        Raises:
            SeveralObjectives: the study has several directions.
        """
        return StudyView(self.state).direction

    @property
    def metric_names(self) -> list[str] | None:
        """The names of the objectives, or None if they have no names."""
        return StudyView(self.state).metric_names

    @property
    def user_attrs(self) -> dict[str, Any]:
        """The user attributes of the study."""
        return StudyView(self.state).user_attrs

    @property
    def best_trial(self) -> FrozenTrial:
        """The complete trial with the best value. Feasible trials rank before infeasible ones.

        Raises:
            SeveralObjectives: the study has several directions, so it has `best_trials`.
            NoCompletedTrial: no trial is complete.
        """
        return views.best_trial(self.state)

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The Pareto front: the complete trials that no other trial dominates, ordered by number."""
        return views.best_trials(self.state)

    @property
    def best_value(self) -> float:
        """The value of `best_trial`, which has the same errors."""
        return StudyView(self.state).best_value

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters of `best_trial`, which has the same errors."""
        return StudyView(self.state).best_params

    def get_trials(self, deepcopy: bool = True, states: Iterable[TrialState] | None = None) -> list[FrozenTrial]:
        """Return all trials, or those in some states, ordered by number.

        Args:
            deepcopy: Accepted for programs that pass it; trials are immutable, so nothing needs to be copied.
            states: The states to include; None includes all.

        Raises:
            InvalidType: `states` is not a collection of states.
        """
        return views.trials_in(self.state, states)

    def events(self) -> list[AnyEvent]:
        """Return all events of the study in order. Its `state` is the fold of them."""
        return [*self._recorder.events()]

    def at(self, version: int) -> StudyState:
        """Return the state of the study after its first `version` events.

        Raises:
            InvalidArgument: it has fewer events.
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
        """Create a study that begins with the events of this one, and has its seed, sampler, pruner and promoter.

        Trials that were running at that version fail in the fork, because nobody will tell them there. Paused trials
        stay paused, and can be resumed in the fork.

        Args:
            study_name: The name of the fork.
            at: A version: the number of events to copy. All of them by default.
            before_trial: The number of a trial, instead of `at`: copy the events before the one that started it.
            storage: The storage of the fork; by default that of this study.

        Raises:
            DuplicatedStudyError: the storage has a study with this name already.
            InvalidArgument: the study has fewer events, both `at` and `before_trial` are given, or trial `before_trial`
                was never started.
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
        return Study(target, study_name, self.sampler, self.pruner, self.promoter)

    def version_before(self, number: int) -> int:
        """Return the number of events before the start of trial `number`: a version for `at` and `fork`.

        Raises:
            TrialNotFound: there is no such trial.
            InvalidArgument: it was never started: it is waiting, or was added as a whole.
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
        stop: StoppingRule | None = None,
    ) -> None:
        """Run trials of `func`.

        If the objective returns NaN, None or anything else that is not a valid result, the trial fails with a reason
        and the run goes on. If it raises, the trial fails, and unless the exception is in `catch`, it is raised again
        when the other running trials have ended. On Ctrl-C the running trials fail with the reason "interrupted"; if
        the storage fails, they fail with its error. A trial that its objective has paused is not told, and callbacks
        are not called for it.

        Args:
            func: The objective: takes a `Trial` and returns a number, or one per direction as a sequence or by metric
                name.
            n_trials: How many trials to start or resume; None means no limit.
            timeout: Seconds after which no trial starts; None means no limit.
            n_jobs: How many trials run at a time, in threads or in `executor`; -1 for all CPUs. By default 1, or the
                number of the executor's workers.
            catch: Exceptions that do not end the run.
            callbacks: Called in this thread with the study and each finished trial, in order. One that raises ends the
                run as an objective that raises does. A method ``before_run(study)`` of one is called before the first
                trial, and may call `stop`. They are also called for the trials of dead workers, which this
                run fails at its start and once a minute, as `fail_lost_trials` does.
            gc_after_trial: Whether to collect garbage after each trial.
            show_progress_bar: Whether to show one (needs ``purehpo[progress]``).
            executor: Runs the objectives, for example a `ProcessPoolExecutor`. State and sampler are sent to its
                workers, which compute the suggestions, and everything that a trial records comes back with its result.
                Only joint suggestions of samplers that must see earlier ones first are computed in this process.
            order: ``"deterministic"`` starts trial i when trial i - `n_jobs` has been told, and tells results in the
                order of their numbers. The same seed and `n_jobs` then give the same study, whatever the timing.
            stop: A stopping rule, for example ``hpo.stopping.NoImprovement(50) | hpo.stopping.TargetReached(0.01)``. It is
                asked before the first trial and after each one that ends, and its reason is logged.

        Raises:
            InvalidArgument, InvalidType: an argument is not valid; no trial is started.
            NotOptimizing: it is called from inside an objective or a callback of this study.
        """
        if self._trials.current_run.run is not None:
            raise NotOptimizing("optimize can't be called from inside an objective or a callback of the same study")
        options = RunOptions.checked(
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
        if stop is not None:
            options = attrs.evolve(options, callbacks=(*options.callbacks, StopWhen(checked_stopping_rule(stop))))
        Session(self, self._trials, options).run()

    def fail_lost_trials(self) -> list[FrozenTrial]:
        """Fail the running trials whose workers are gone, so that nobody will ever tell them.

        They fail with the reason ``"lost: its worker is gone"``. However many processes call this, each trial is failed
        by one of them. A worker keeps its trials while it is alive, or while nobody can know whether it is. With locks
        of the operating system, a worker that is stopped or blocked counts as alive. On a server, a worker is gone when
        it has been silent for its grace period. Trials from `ask` have no worker, unless they were asked for in a block
        of `as_worker`. `optimize` calls this at its start and once a minute between trials.

        Returns:
            The trials that this call failed, for example for `hpo.RetryFailedTrials`.
        """
        return fail_lost(self._recorder)

    def stop(self) -> None:
        """Let the running `optimize` start no more trials. Only objectives and callbacks may call this.

        Raises:
            NotOptimizing: it is called from anywhere else.
        """
        current = self._trials.current_run
        if current.run is None:
            raise NotOptimizing("stop can only be called from inside an objective or a callback")
        current.run.request_stop(current.number)

    @overload
    def ask(self, space: Mapping[str, Distribution] | None = ..., n: None = ...) -> Trial: ...
    @overload
    def ask(self, space: Mapping[str, Distribution] | None = ..., n: int = ...) -> list[Trial]: ...
    def ask(self, space: Mapping[str, Distribution] | None = None, n: int | None = None) -> Trial | list[Trial]:
        """Start a trial, and return it. Its result will be told with `tell`.

        If the study has a promoter, it may resume a paused trial instead, which has its parameters and a `checkpoint`,
        or fork a trial.

        Args:
            space: Parameters to suggest at once. Without a space they are suggested when the trial is asked for them.
            n: Start this many trials and return a list. Each sees the ones before it as running trials.

        Raises:
            SearchSpaceExhausted: the sampler has nothing left to suggest; no trial is started.
            InvalidArgument: `n` is less than 1.
        """
        joint = None if space is None else SearchSpace.of(space)
        if n is None:
            return self._trials.ask(joint)
        return [self._trials.ask(joint) for _ in range(checked_batch_size(n))]

    def as_worker(self) -> AbstractContextManager[None]:
        """Return a context manager in whose block the trials that `ask` starts belong to a worker.

        If the process dies in the block, others see that the worker is gone, and their `fail_lost_trials` fails these
        trials. It also fails trials that have not been told when the block ends. Without a worker, a trial that is never
        told stays running forever.

        Threads may have blocks of their own at the same time. A thread without one works for the newest block of the
        process. A child that is forked in a block works for a worker of its own, which is gone when the child ends.

        Example:
            >>> import hpo
            >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
            >>> with study.as_worker():
            ...     done, forgotten = study.ask(n=2)
            ...     _ = study.tell(done, 0.5)
            >>> [(trial.number, trial.reason) for trial in study.fail_lost_trials()]
            [(1, 'lost: its worker is gone')]
        """
        return self._trials.blocks.block()

    def tell(
        self,
        trial: Trial | FrozenTrial | int,
        values: float | Sequence[float] | Mapping[str, float] | None = None,
        state: TrialState | str | None = None,
        *,
        skip_if_finished: bool = False,
        reason: str | None = None,
        sem: float | Sequence[float] | None = None,
        cost: float | None = None,
    ) -> FrozenTrial:
        """Finish a running or paused trial, with the arguments of `hpo.tell`.

        Args:
            trial: The trial, or its number.
            values: A number, a sequence with one number per direction, or a mapping by metric name.
            state: How the trial ended, as a `TrialState` or its name: ``"complete"`` by default. ``"pruned"`` without
                values takes the last reported value; ``"fail"`` has no values.
            skip_if_finished: Whether to return a finished trial as it is instead of raising.
            reason: Why the trial failed or was pruned, for people.
            sem: The standard error of each value, at least 0: a number, or a sequence with one per direction.
            cost: What the evaluation cost, at least 0, in a unit of your choice.

        Returns:
            The finished trial. If a value is NaN, the trial has failed.

        Raises:
            TrialNotFound, TrialNotRunning: there is no such running trial.
            WrongNumberOfValues, InvalidType, InvalidArgument: the result is not valid; nothing is recorded.
        """
        number = _number(trial)
        unused = trial.unused if isinstance(trial, Trial) else self._trials.unused(number)
        try:
            return self._trials.tell(Tell(number, values, state, now(), reason, unused, sem, cost))
        except TrialNotRunning:
            told = self.state.trial(number)
            if skip_if_finished and told.state.is_finished():
                return told
            raise

    def pause(self, trial: Trial | FrozenTrial | int, checkpoint: str | None = None) -> None:
        """Pause a running trial: it waits until it is resumed, in this process or in any other.

        It keeps its parameters and intermediate values. If its objective is running, it should return, and what it
        returns is ignored.

        Args:
            trial: The trial, or its number.
            checkpoint: Where the objective can continue from, as a string of your own, for example a path. None keeps
                the one that the trial was paused with before.

        Raises:
            TrialNotFound, TrialNotRunning: there is no such running trial.
            InvalidType: the checkpoint is not a string.
        """
        if isinstance(trial, Trial):
            trial.pause(checkpoint)
        else:
            self._trials.pause_trial(_number(trial), checkpoint)

    def resume(self, trial: Trial | FrozenTrial | int) -> Trial:
        """Resume a paused trial, and return it. Any process may do so, whichever one paused it.

        The trial suggests the parameters that it had, and has the `checkpoint` that it was paused with. In a block of
        `as_worker` it belongs to its worker.

        Args:
            trial: The trial, or its number.

        Raises:
            TrialNotFound: there is no such trial.
            TrialNotPaused: it is in another state.

        Example:
            >>> import hpo
            >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
            >>> trial = study.ask({"x": hpo.FloatDistribution(0, 1)})
            >>> study.pause(trial, "epoch-3.pt")
            >>> again = study.resume(trial.number)
            >>> again.params == trial.params, again.checkpoint
            (True, 'epoch-3.pt')
        """
        return self._trials.resume_trial(_number(trial))

    def enqueue_trial(
        self,
        params: Mapping[str, Any],
        user_attrs: Mapping[str, Any] | None = None,
        *,
        skip_if_exists: bool = False,
    ) -> None:
        """Enqueue a trial with `params`: trials that are started later take the queue in order. Other parameters are sampled.

        Args:
            params: Values by name.
            user_attrs: User attributes of the trial.
            skip_if_exists: Whether to do nothing if some trial has exactly these parameters, or waits with them.

        Raises:
            InvalidType, InvalidArgument: a value cannot be that of a parameter.
            ValueOutsideDistribution: a value is not in the declared space.
        """
        command = Enqueue(params, user_attrs)
        if not skip_if_exists:
            self._recorder.record(command)
            return
        while not is_duplicate(state := self._recorder.state, params):
            if self._recorder.record_if(state, command) is not None:
                return

    def add_trial(self, trial: FrozenTrial) -> None:
        """Add a finished or waiting trial from elsewhere under the next free number. `hpo.create_trial` makes one.

        Raises:
            InvalidArgument: the trial is running, or lacks what its state needs.
            WrongNumberOfValues: it does not have one value per direction.
        """
        self._recorder.record(AddTrial(trial))

    def add_trials(self, trials: Iterable[FrozenTrial]) -> None:
        """Add several trials as `add_trial` does, either all or none."""
        self._recorder.record(*map(AddTrial, trials))

    def set_user_attr(self, key: str, value: Any) -> None:
        """Attach a value to the study. It replaces an earlier one under the same key.

        Args:
            key: The name of the attribute.
            value: Anything that JSON has a form for, or a datetime.

        Raises:
            InvalidType: the value cannot be stored; nothing changes.
        """
        self._recorder.record(SetStudyAttribute(key, value))

    def set_metric_names(self, metric_names: Sequence[str]) -> None:
        """Name the objectives. Logs and data frames use the names, and results can be told by name.

        Raises:
            InvalidArgument: there is not one name per direction, or two are the same.
        """
        self._recorder.record(SetMetricNames(metric_names))

    def trials_dataframe(self, attrs: Sequence[str] | None = None, multi_index: bool = False) -> pd.DataFrame:
        """Return the trials as a pandas data frame, one row each; needs ``purehpo[pandas]``.

        Args:
            attrs: Fields of `FrozenTrial`. By default number, value, the times, params, user_attrs and state.
            multi_index: Whether columns are pairs such as ``("params", "x")`` instead of names such as ``params_x``.

        Raises:
            InvalidArgument: a trial has no field with one of these names.
        """
        from hpo.study.dataframe import trials_dataframe

        return trials_dataframe(self.state, attrs, multi_index=multi_index)

    def __reduce__(self) -> tuple[type[Study], tuple[Any, ...]]:
        return Study, (self.storage, self.study_name, self.sampler, self.pruner, self.promoter)

    def __repr__(self) -> str:
        return f"<Study {self.study_name!r} in {self.storage.location}>"


def _number(trial: Trial | FrozenTrial | int) -> int:
    return trial.number if isinstance(trial, Trial | FrozenTrial) else trial
