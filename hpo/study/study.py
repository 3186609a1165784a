"""`Study`: a journal with a sampler and a pruner, and the methods that write to it."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal

from hpo.core import (
    AddTrial,
    AnyEvent,
    Enqueue,
    FrozenTrial,
    Promoter,
    Pruner,
    Sampler,
    SetMetricNames,
    SetStudyAttribute,
    StoppingRule,
    StudyState,
    in_html,
    in_words,
)
from hpo.errors import InvalidArgument, InvalidType, NotOptimizing
from hpo.journal import Storage, StorageLike, open_journal, replay_from
from hpo.stopping.rules import MaxTrials
from hpo.study.advisors import Advisors
from hpo.study.asking import AskAndTell
from hpo.study.coroutines import RunsCoroutines
from hpo.study.duplicates import is_duplicate
from hpo.study.fronts import FrontQuestions
from hpo.study.learning import ModelsAndRelatives
from hpo.study.open_trials import OpenTrials
from hpo.study.recorder import JournalRecorder, kept_in_memory
from hpo.study.replaying.versions import events_until, forked, version_before
from hpo.study.running.evaluation import Objective
from hpo.study.running.executors import Callback, RunOptions
from hpo.study.running.remote import stop_remotely
from hpo.study.running.session import Session
from hpo.study.running.workers import fail_lost

if TYPE_CHECKING:
    import pandas as pd


class Study(AskAndTell, RunsCoroutines, ModelsAndRelatives, FrontQuestions):
    """A set of trials of one objective function. `create_study` and `load_study` return one.

    Threads may share a study, and any number of `Study` objects, in any number of processes, may work on one journal
    at once. A study in memory is pickled as a whole; any other is opened again in its storage when it is unpickled.

    Args:
        study_name: Its name in the storage.
        storage: Where the study is kept: a path, a URL or a storage object.
        sampler: Suggests parameters. By default the sampler that the journal recorded last, or `TPESampler`.
        pruner: Decides whether running trials go on. By default the recorded one, or `MedianPruner`.
        promoter: Asked before a trial starts: may resume a paused trial, or fork a trial, instead. By default the recorded
            one, or none.

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
        study_name: str,
        storage: StorageLike,
        sampler: Sampler | None = None,
        pruner: Pruner | None = None,
        promoter: Promoter | None = None,
    ) -> None:
        self.storage = open_journal(storage)
        self.study_name = study_name
        self._recorder = JournalRecorder(self.storage.open(study_name), (self.storage, study_name))
        self._trials = OpenTrials(self._recorder, Advisors.given_or_recorded(self._recorder, sampler, pruner, promoter))
        self._trials.study = weakref.ref(self)

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

    def events(self) -> list[AnyEvent]:
        """Return all events of the study in order. Its `state` is the fold of them."""
        return [*self._recorder.events()]

    def at(self, version: int) -> StudyState:
        """Return the state of the study after its first `version` events.

        Raises:
            InvalidArgument: it has fewer events.
        """
        return replay_from(self._recorder.journal, events_until(self._recorder.events(), version))

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
        return Study(study_name, target, self.sampler, self.pruner, self.promoter)

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
        total_trials: int | MaxTrials | None = None,
        timeout_per_trial: float | None = None,
        speculate: bool = False,
    ) -> None:
        """Run trials of `func`.

        If the objective returns NaN, None or anything else that is not a valid result, the trial fails with a reason
        and the run goes on, as it does if it raises `TrialFailed`. If it raises anything else, the trial fails, and unless the exception is in `catch`, it is raised again
        when the other running trials have ended. On Ctrl-C the running trials fail with the reason "interrupted"; if
        the storage fails, they fail with its error. A trial that its objective has paused is not told, and callbacks
        are not called for it.

        Args:
            func: The objective: takes a `Trial` and returns a number, or one per direction as a sequence or by metric
                name.
            n_trials: How many trials to start or resume; None means no limit.
            timeout: Seconds after which no trial starts; None means no limit.
            n_jobs: How many trials run at a time, in threads or in `executor`. -1 stands for all CPUs, or for the number
                of the executor's workers, which is the default with one that tells it. Without an executor it is 1.
            catch: Exceptions that do not end the run. Their tracebacks are logged at the level DEBUG.
            callbacks: Called in this thread with the study and each finished trial, in order. One that raises ends the
                run as an objective that raises does. A method ``before_run(study)`` of one is called before the first
                trial, and may call `stop`. They are also called for the trials of dead workers, which this
                run fails at its start and once a minute, as `fail_lost_trials` does.
            gc_after_trial: Whether to collect garbage after each trial.
            show_progress_bar: Whether to show one (needs ``purehpo[progress]``).
            executor: Runs the objectives, for example a `ProcessPoolExecutor`. Its workers compute the suggestions, for
                which each gets the study once, and then what is new; everything that a trial records comes back with
                its result. Only joint suggestions of samplers that must see earlier ones first are computed in this
                process. If a job is cancelled or its worker dies, its trial fails with a reason that begins with
                ``"lost:"``, and the run goes on unless the executor is broken.
            order: ``"deterministic"`` starts trial i when trial i - `n_jobs` has been told, and tells results in the
                order of their numbers. The same seed and `n_jobs` then give the same study, whatever the timing.
            stop: A stopping rule, for example ``hpo.stopping.NoImprovement(50) | hpo.stopping.TargetReached(0.01)``. It is
                asked before the first trial and after each one that ends or pauses, and its reason is logged.
            total_trials: How many trials the study gets over all runs and workers, and no more: the worker that starts a trial
                makes sure of it in the same step. A number counts complete trials, and ``hpo.stopping.MaxTrials(100, states=...)``
                others. A running trial holds a place, which is free again if the trial ends in a state that does not count; the
                run waits for that while other workers run trials.
            timeout_per_trial: Seconds that each call of the objective may take; it needs an `executor` with processes. A trial
                that takes longer fails with a reason that begins with ``"timeout:"``, with the parameters and reports that it has,
                and the run goes on: its process is killed, and another one takes its place. None means no limit.
            speculate: Whether the next trial is started while the objective runs, so that nobody waits for the sampler unless it is
                slower than the objective. The sampler sees the trial that runs as a running one, without its result. If the run ends
                before the turn of such a trial, it fails with a reason that begins with ``"withdrawn:"``.

        Raises:
            InvalidArgument, InvalidType: an argument is not valid; no trial is started. Or the objective cannot be sent to
                the executor's workers; its trials have failed.
            NotOptimizing: it is called from inside an objective or a callback of this study.
        """
        if self._trials.current_run.run is not None:
            raise NotOptimizing("optimize can't be called from inside an objective or a callback of the same study")
        if speculate and self.promoter is not None:
            raise InvalidArgument(
                "speculate=True is for studies without a promoter, which decides with all results at hand"
            )
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
            stop=stop,
            total_trials=total_trials,
            timeout_per_trial=timeout_per_trial,
            speculate=speculate,
        )
        Session(self, self._trials, options).run()

    def fail_lost_trials(self) -> list[FrozenTrial]:
        """Fail the running trials whose workers are gone, so that nobody will ever tell them.

        They fail with the reason ``"lost: its worker is gone"``. However many processes call this, each trial is failed
        by one of them. One with a checkpoint is paused with that reason instead, so that anybody can resume it; if its next worker
        dies as well before the objective has paused it again, it fails. A worker keeps its trials while it is alive, or while nobody can know whether it is. With locks
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
            if stop_remotely(self.state):
                return
            raise NotOptimizing("stop can only be called from inside an objective or a callback")
        current.run.request_stop(current.number)

    def enqueue_trial(
        self,
        params: Mapping[str, Any],
        user_attrs: Mapping[str, Any] | None = None,
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
            value: Anything that JSON has a form for, a datetime, or an array of numpy, which is kept as a list. A study in
                memory keeps any other object too, with a warning.

        Raises:
            InvalidType: the value cannot be stored; nothing changes.
        """
        try:
            self._recorder.record(SetStudyAttribute(key, value))
        except InvalidType as error:
            self._recorder.record(SetStudyAttribute(key, kept_in_memory(key, value, self._recorder, error)))

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
        return Study, (self.study_name, self.storage, self.sampler, self.pruner, self.promoter)

    def __len__(self) -> int:
        """Return the number of trials."""
        return self.state.n_trials

    def __bool__(self) -> bool:
        """Return True, also for a study without trials, so that ``study or create_study()`` keeps it."""
        return True

    def __str__(self) -> str:
        return "\n  ".join([f"Study {self.study_name!r} in {self.storage.location}:", *in_words(self.state)])

    def _repr_html_(self) -> str:
        return in_html(self.state, f"Study {self.study_name!r} in {self.storage.location}")

    def __repr__(self) -> str:
        return f"<Study {self.study_name!r} in {self.storage.location}>"
