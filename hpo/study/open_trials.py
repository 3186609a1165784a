"""Open trials: starting trials, and finishing the ones that were started here."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from hpo.core import (
    AnyEvent,
    Ask,
    Command,
    Exhausted,
    FrozenTrial,
    PauseTrial,
    ResumeTrial,
    Sampler,
    SearchSpace,
    StartFork,
    StudyState,
    StudyView,
    Suggest,
    Tell,
    TrialResumed,
    TrialStarted,
    TrialState,
    as_int,
    joint_space,
    needs_pending,
    nothing_left,
    promotion,
    running_by_worker,
    suggest_again,
    suggest_joint,
    suggest_probe,
)
from hpo.errors import HpoError, SearchSpaceExhausted, TrialNotRunning, ValueOutsideDistribution, WorkerLost
from hpo.stopping.rules import MaxTrials
from hpo.study.advisors import Advisors
from hpo.study.callbacks.max_trials import check_room
from hpo.study.current import CurrentRun, WorkerBlocks
from hpo.study.recorder import JournalRecorder, decide_all, now
from hpo.study.running.messages import failure_reason, log_promotion
from hpo.study.running.unasked import UnaskedNames
from hpo.study.running.workers import Worker, is_working
from hpo.study.series import Program, Series
from hpo.study.trial import Trial

_STARTS = (TrialStarted, TrialResumed)
_FEWEST_TO_CHECK = 64  # open trials that are kept without looking whether somebody else has told them
_ATTEMPTS = 5  # to start a trial and give it its parameters at once, if others write as well
_PAUSE = 0.002  # seconds between two looks at trials that wait for their suggestion
_PATIENCE = 30.0  # the first model of a process on a busy machine takes seconds to import
_ANSWERS = 3  # of the sampler, the fastest of which tells how fast it is
_QUICK = 0.002  # seconds of CPU; a turn at a server of its own, for the suggestion alone, takes about as long


_PlannedStart: TypeAlias = tuple[StudyState, list[AnyEvent], StudyState, StudyState, int, str | None, Command]
"""The state before a trial, its events, the states at its start and after it, its number, its worker, and what starts it."""


class OpenTrials:
    """The shared parts of a study and its runs: the recorder, the advisors, and the trials started here but not told.

    Args:
        recorder: Records everything that happens.
        advisors: The sampler, the pruner and the promoter.
    """

    def __init__(self, recorder: JournalRecorder, advisors: Advisors) -> None:
        self.recorder = recorder
        self.advisors = advisors
        self.current_run = CurrentRun()
        self.study: Callable[[], Any] | None = None
        """Returns the study as long as it lives; for `Trial.study`."""
        self.programs: list[Program] = []
        """What was seen of the objectives that had trials here."""
        self.unasked = UnaskedNames()
        self._asked = Series(self.programs)  # it does not refer to this object, which would then outlive its study
        self._by_number: dict[int, Trial] = {}
        self._most_unchecked = _FEWEST_TO_CHECK
        self.patience = _PATIENCE
        """Seconds to wait in all, before a trial is started, for what other workers' trials will get."""
        self.blocks = WorkerBlocks(recorder)
        self._took: tuple[float, ...] = ()  # seconds that the sampler needed for its latest answers
        self._is_quick = False  # whether the sampler answers so fast that others may wait for it
        self.token = secrets.token_bytes(8)
        """A name of the study for workers in other processes, which no other study has."""
        self.ledgers: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        """What the workers of each executor know of the study."""

    def start_trial(
        self,
        space: SearchSpace | None = None,
        worker: Worker | None = None,
        *,
        probe: int | None = None,
        total: MaxTrials | None = None,
    ) -> tuple[Trial, StudyState, StudyState]:
        """Start a trial and give it its joint parameters; or resume a paused trial, if the promoter says so.

        The suggestion is computed from the state at the trial's start, without any lock. Start and suggestion are
        appended together. If another writer was faster, the start is appended alone and the suggestion afterwards, so
        that a slow sampler computes at most twice.

        Args:
            space: Parameters to suggest at once, which count as used; None leaves the space to the sampler.
            worker: The worker that will run the trial, if that is known.
            probe: Whether to start a trial without joint parameters when everything that trials have shown is tried: as
                long as no more than this many trials have finished; None means no.
            total: How many trials the study may have.

        Returns:
            The trial, the state at its start, and the state with its joint parameters.

        Raises:
            SearchSpaceExhausted: nothing is left to suggest. No trial was started, or it failed at once. An enqueued
                trial is started all the same.
            EnoughTrials: the study would have more than `total` trials. No trial was started.
        """
        # A stateful sampler must be asked only once for each trial, so it is asked after the start has been appended. So is
        # a slow one where writers take turns: the others would wait for it.
        at_once = not self.advisors.asked_once and (self._is_quick or not self.recorder.meets_others)
        patience = time.monotonic() + self.patience
        begun, attempts = None, 0
        while at_once and begun is None and attempts < (_ATTEMPTS if self._is_quick else 2):
            begun = self._start_with_params(space, worker, probe, patience, total)
            attempts += 1
            if begun is None:
                self._await_suggestions(space, worker, patience)
        if begun is None:
            started, number, resumed, enqueued = self._start_alone(worker, space, patience, total)
            after = started if resumed else self._add_params(number, started, space, probe=probe, enqueued=enqueued)
            begun = started, after, number
        started, state, number = begun
        return self._opened(started, state, number, space), started, state

    def resume_trial(self, number: int) -> Trial:
        """Resume a paused trial for the worker of the block that the call is in; `decide` lists the errors."""
        while True:
            worker = self.blocks.worker
            name = None if worker is None else worker.name
            try:
                started = self.recorder.record(ResumeTrial(number, now(), name))
            except WorkerLost:
                if worker is None or name is None:
                    raise
                worker.change_name(name)
            else:
                return self._opened(started, started, number, None)

    def _opened(self, started: StudyState, state: StudyState, number: int, space: SearchSpace | None) -> Trial:
        """Return a trial that was started or resumed here, and remember it until it is told."""
        used = () if space is None or state is started else space  # a resumed trial was given no parameters of `space`
        trial = Trial(self.recorder, self.advisors, started, state.running[number], used=used, study=self.study)
        self._by_number[number] = trial
        if len(self._by_number) > self._most_unchecked:
            self._forget_finished(state)
        return trial

    def _start_commands(self, state: StudyState, worker: str | None, total: MaxTrials | None) -> list[Command]:
        """Return the commands that start the next trial: a promotion, or else a new or enqueued trial.

        They are appended only if the study is still in `state`, so that no two workers take the last place of `total`.
        """
        commands = self._next_start(state, worker)
        if total is not None:
            check_room(total, state, resumes=isinstance(commands[-1], ResumeTrial))
        return commands

    def _next_start(self, state: StudyState, worker: str | None) -> list[Command]:
        advisors = self.advisors
        if advisors.promoter is not None and not state.waiting:  # an enqueued trial goes first: a person wants it
            # The random stream of a promoter is named by the version, so the promoter is recorded before it is asked.
            _, ready = decide_all(state, advisors.set_promoter)
            promoted = promotion(ready, advisors.promoter, at=now(), worker=worker)
            if promoted is not None:
                return [*advisors.set_promoter, promoted]
        return [Ask(now(), worker)]

    def _await_suggestions(self, space: SearchSpace | None, worker: Worker | None, until: float) -> None:
        """Wait a moment while trials of other workers are between their start and their suggestion.

        It matters in finite spaces, to samplers that suggest nothing twice: what these trials will get is not known.
        """
        while self._must_wait(self.recorder.state, space, worker, until):
            time.sleep(_PAUSE)

    def _must_wait(self, state: StudyState, space: SearchSpace | None, worker: Worker | None, until: float) -> bool:
        # the usual case first: nobody else runs a trial, so that neither the space nor the workers matter
        if not state.running or not needs_pending(self.advisors.sampler) or time.monotonic() >= until:
            return False
        joint = joint_space(state) if space is None else space
        if not joint or any(distribution.n_values() is None for distribution in joint.values()):
            return False
        own = () if worker is None else worker.names
        others = {
            trial.worker
            for trial in state.running.values()
            if trial.worker not in own and not (trial.params or trial.note or trial.fixed_params)
        }
        return bool(others) and is_working(self.recorder, others)

    def _start_with_params(
        self,
        space: SearchSpace | None,
        worker: Worker | None,
        probe: int | None,
        patience: float,
        total: MaxTrials | None,
    ) -> tuple[StudyState, StudyState, int] | None:
        """Append start and suggestion at once; None if another writer, or the end of the worker's name, prevents it."""
        recorder, is_quick = self.recorder, self._is_quick
        known = recorder.known_alone if is_quick else None  # it does not pay to risk that a slow sampler is asked again
        if known is not None and not known.waiting:
            try:
                planned = self._planned_start(known, space, worker, probe, patience, total)
            except HpoError:  # what is impossible in this state may be possible in the latest
                planned = None
            begun = self._append_start(planned, worker)
            if begun is not None:
                return begun
        if is_quick and recorder.takes_turns:
            with recorder.turn() as before:
                planned = self._planned_start(before, space, worker, probe, patience, total)
                return self._append_start(planned, worker)
        planned = self._planned_start(recorder.state, space, worker, probe, patience, total)
        return self._append_start(planned, worker)

    def _planned_start(
        self,
        before: StudyState,
        space: SearchSpace | None,
        worker: Worker | None,
        probe: int | None,
        patience: float,
        total: MaxTrials | None,
    ) -> _PlannedStart | None:
        """Return what starts the next trial in the state `before`, with its suggestion; None if it has to wait."""
        if self._must_wait(before, space, worker, patience):
            return None
        advisors, name = self.advisors, None if worker is None else worker.name
        commands = self._start_commands(before, name, total)
        start = commands[-1]
        if isinstance(start, Ask):
            commands = [advisors.set_sampler, start]  # so that a fork before this trial has the sampler, too
        events, started = decide_all(before, commands)
        number, after = _started_number(events), started
        enqueued = number in before.waiting
        if not isinstance(start, ResumeTrial):
            try:
                suggestion = self._timed_suggestion(started, number, space, probe=probe, enqueued=enqueued)
            except ValueOutsideDistribution as error:
                if enqueued:  # with a value that the space cannot hold: leave the queue
                    self.recorder.record(Tell(number, state=TrialState.FAIL, at=now(), reason=str(error)))
                raise
            recorded = isinstance(start, Ask)  # the sampler, just before the start
            suggested, after = decide_all(started, [suggestion] if recorded else [advisors.set_sampler, suggestion])
            events += suggested
        return before, events, started, after, number, name, start

    def _append_start(
        self, planned: _PlannedStart | None, worker: Worker | None
    ) -> tuple[StudyState, StudyState, int] | None:
        """Append what was planned; None if nothing was, or as `_start_with_params` says."""
        if planned is None:
            return None
        before, events, started, after, number, name, start = planned
        try:
            if not self.recorder.append(events, before, after):
                return None
        except WorkerLost:
            if worker is None or name is None:
                raise
            worker.change_name(name)
            return None
        if not isinstance(start, Ask):
            _log_promoted(started, start, number)
        return started, after, number

    def start_without_params(
        self, worker: Worker | None = None, total: MaxTrials | None = None
    ) -> tuple[StudyState, int, bool]:
        """Start a trial whose joint parameters will be suggested later, or in another process; or resume a paused one.

        Returns:
            The state at the trial's start, the trial's number, and whether it was resumed, so that it has parameters.

        Raises:
            SearchSpaceExhausted: the sampler says that nothing is left, already when asked for no parameters at all. No
                trial was started.
            EnoughTrials: the study would have more than `total` trials.
        """
        return self._start_alone(worker, total=total)[:3]

    def with_params(self, started: StudyState, number: int) -> tuple[Trial, StudyState, StudyState]:
        """Give a trial that was started by `start_without_params` its joint parameters, and return what `start_trial` does.

        Raises:
            SearchSpaceExhausted: nothing is left to suggest; the trial has failed.
        """
        enqueued = bool(started.running[number].fixed_params)
        state = self._add_params(number, started, None, probe=None, enqueued=enqueued)
        return self._opened(started, state, number, None), started, state

    def _start_alone(
        self,
        worker: Worker | None,
        space: SearchSpace | None = None,
        patience: float = 0.0,
        total: MaxTrials | None = None,
    ) -> tuple[StudyState, int, bool, bool]:
        """Return what `start_without_params` does, and whether the trial was enqueued."""
        while True:
            name = None if worker is None else worker.name
            try:
                self._await_suggestions(space, worker, patience)
                with self.recorder.turn() as before:
                    if self._must_wait(before, space, worker, patience):
                        continue
                    commands = self._start_commands(before, name, total)
                    events, started = decide_all(before, commands)
                    number, resumed = _started_number(events), isinstance(commands[-1], ResumeTrial)
                    enqueued = number in before.waiting
                    if not resumed and not self.advisors.asked_once:
                        _joint_suggestion(started, self.advisors, number, SearchSpace(), enqueued=enqueued)
                    elif not resumed and not enqueued:
                        _check_left(started, self.advisors.sampler, number)
                    appended = self.recorder.append(events, before, started)
                if appended:
                    _log_promoted(started, commands[-1], number)
                    return started, number, resumed, enqueued
            except WorkerLost:
                if worker is None or name is None:
                    raise
                worker.change_name(name)

    def _add_params(
        self, number: int, started: StudyState, space: SearchSpace | None, *, probe: int | None, enqueued: bool
    ) -> StudyState:
        """Suggest and record the joint parameters of a trial that was started without; fail it if that is impossible."""
        try:
            for before_trial in self.advisors.before_trial:
                before_trial(StudyView(started), started.running[number])
            suggestion = self._timed_suggestion(started, number, space, probe=probe, enqueued=enqueued)
            return self.recorder.record(self.advisors.set_sampler, suggestion)
        except BaseException as error:  # nobody will run the trial
            reason = str(error) if isinstance(error, SearchSpaceExhausted) else failure_reason(error)
            self.recorder.record(Tell(number, state=TrialState.FAIL, at=now(), reason=reason))
            raise

    def _timed_suggestion(
        self, started: StudyState, number: int, space: SearchSpace | None, *, probe: int | None, enqueued: bool
    ) -> Suggest:
        """Ask the sampler for the joint parameters of a trial, and take notice of how long it takes."""
        # CPU time does not depend on what else the machine does, but to read it is a system call, at ten times the price.
        # It matters where writers take turns; elsewhere this only says how often to try again.
        clock = time.thread_time if self.recorder.takes_turns else time.monotonic
        begun = clock()
        suggestion = _joint_suggestion(started, self.advisors, number, space, probe=probe, enqueued=enqueued)
        self._took = (*self._took[1 - _ANSWERS :], clock() - begun)
        self._is_quick = min(self._took) < _QUICK  # one late answer says little
        return suggestion

    def _forget_finished(self, state: StudyState) -> None:
        """Forget trials that somebody else has told. A trial newer than `state` may still be running, and is kept."""
        for number in [*self._by_number]:
            if number < state.n_trials and number not in state.running and number not in state.waiting:
                self._by_number.pop(number, None)
        self._most_unchecked = 2 * len(self._by_number) + _FEWEST_TO_CHECK  # doubling: O(1) per trial, amortized

    def ask(self, space: SearchSpace | None) -> Trial:
        """Start a trial for the worker of the block that the call is in, if it is in a block of `as_worker`."""
        return self._asked.start_trial(self, space, self.blocks.worker)[0]

    def opened(self, number: int) -> Trial | None:
        """Return the trial with this number as it runs here; None if it was started elsewhere."""
        whole = as_int(number)
        return None if whole is None else self._by_number.get(whole)

    def tell(self, tell: Tell) -> FrozenTrial:
        """Record the end of a trial and return it; `decide` lists the errors."""
        hooks = self.advisors.after_trial
        before = self.recorder.state if hooks else None
        finished = self.recorder.record(tell).finished[-1]
        self._by_number.pop(finished.number, None)
        _call_after(hooks, before, finished)
        return finished

    def finish_trial(
        self, tell: Tell, commands: Sequence[Command] = (), *, paused: bool = False
    ) -> tuple[StudyState, FrozenTrial]:
        """Record the end of a trial, after the commands of a detached one.

        A trial that was told already, by its objective or by others who gave it up, stays as it is, and so does one that another
        worker than that of `tell` has resumed.

        Args:
            tell: The command that finishes the trial.
            commands: What a detached trial has recorded.
            paused: Whether the objective has paused the trial, so that it is not told.

        Returns:
            The state after that, and the trial.
        """
        if paused:
            commands = [
                replace(each, workers=tell.workers) if isinstance(each, PauseTrial) else each for each in commands
            ]
        hooks = () if paused else self.advisors.after_trial
        before = None
        try:
            before = self.recorder.record(*commands) if hooks else None
            state = self.recorder.record(*(() if hooks else commands), *(() if paused else (tell,)))
        except TrialNotRunning:
            state, hooks = self.recorder.state, ()
        self._by_number.pop(tell.number, None)
        newest = state.finished[-1] if state.finished else None  # the usual case, without a search
        trial = newest if newest is not None and newest.number == tell.number else state.trial(tell.number)
        _call_after(hooks, before, trial)
        return state, trial

    def pause_trial(self, number: int, checkpoint: str | None) -> None:
        """Pause a running trial, also one that runs elsewhere; `decide` lists the errors."""
        opened = self._by_number.get(number)
        if opened is None:
            self.recorder.record(PauseTrial(number, checkpoint, now()))
        else:
            opened.pause(checkpoint)  # it then knows that what its objective returns is ignored

    def fail_trials(self, numbers: Sequence[int], reason: str) -> None:
        """Fail those of the trials that are still running, because no result of them will come."""
        for number in numbers:
            with contextlib.suppress(TrialNotRunning):
                self.recorder.record(Tell(number, state=TrialState.FAIL, at=now(), reason=reason))
            self._by_number.pop(number, None)

    def running_of(self, worker: Worker) -> list[int]:
        """Return the numbers of the running trials of `worker`, under any of its names."""
        running = running_by_worker(self.recorder.state)
        return [number for name in worker.names for number in running.get(name, [])]


def _call_after(hooks: Sequence[Callable[..., Any]], before: StudyState | None, finished: FrozenTrial) -> None:
    """Call the `after_trial` of a sampler, which is shown the study as it was just before the end of the trial."""
    for after_trial in hooks:
        assert before is not None, "it is read if there are hooks"
        trial = before.trial(finished.number)
        after_trial(StudyView(before), trial, finished.state, None if finished.values is None else [*finished.values])


def _check_left(started: StudyState, sampler: Sampler, number: int) -> None:
    """Raise if a subclass of a built-in sampler has nothing left, which can be known without asking it for the trial."""
    used_up = getattr(sampler, "used_up", None)
    answer = None if used_up is None else used_up(started, started.running[number])
    if answer is not None:
        raise nothing_left(started, answer, None)


def _joint_suggestion(
    started: StudyState,
    advisors: Advisors,
    number: int,
    space: SearchSpace | None,
    *,
    probe: int | None = None,
    enqueued: bool = False,
) -> Suggest:
    trial = started.running[number]
    answer = suggest_joint(started, advisors.sampler, trial, space)
    if not isinstance(answer, Exhausted):
        return answer
    error = nothing_left(started, answer, space)
    if error.inferred and (enqueued or (probe is not None and len(started.finished) <= probe)):
        return suggest_probe(trial)
    if enqueued and not error.for_now:  # a person wants it, and it must not block the trials behind it
        return suggest_again(started, advisors.sampler, trial, space)
    raise error


def _log_promoted(started: StudyState, start: Command, number: int) -> None:
    if isinstance(start, ResumeTrial | StartFork):
        log_promotion(started.running[number], start.reason, forked=isinstance(start, StartFork))


def _started_number(events: Sequence[AnyEvent]) -> int:
    last = events[-1]
    assert isinstance(last, _STARTS), "the last of the commands starts a trial"
    return last.number
