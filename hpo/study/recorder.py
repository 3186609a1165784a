"""The only loops that write: commands become events, and events the next state."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol
from weakref import WeakSet

from hpo.core import (
    AnyEvent,
    Ask,
    Command,
    Exhausted,
    History,
    InsertOnlyDict,
    NumberMap,
    SearchSpace,
    StudyState,
    Tell,
    TrialStarted,
    TrialState,
    decide,
    is_replayable,
    replay,
    suggest_joint,
)
from hpo.errors import Conflict, SearchSpaceExhausted, ValueOutsideDistribution
from hpo.journal.storage import DeferredSync, Journal
from hpo.study.advisors import Advisors
from hpo.study.running.messages import failure_reason


def now() -> float:
    """Seconds since 1970 to the millisecond: for people, nothing is ordered by it."""
    return round(time.time(), 3)


class Recorder(Protocol):
    """Where a trial reads the study and writes what happens to it."""

    detached: bool
    """Whether only this trial is seen to move on, and the rest of the study as it was when the trial started."""

    @property
    def state(self) -> StudyState:
        """The study as far as it is known here."""
        ...

    def record(self, *commands: Command) -> StudyState:
        """Carry out `commands`, all or none, and return the state right after them; see `decide` for errors."""
        ...

    def record_if(self, state: StudyState, *commands: Command) -> bool:
        """Carry out `commands` if the study is still in `state`; whether it was."""
        ...


class JournalRecorder:
    """Records into a journal, whoever else writes to it; safe to use from several threads."""

    detached = False

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._apart = journal if isinstance(journal, DeferredSync) else None
        self.start_over()
        _FORKS.watch(self)

    def start_over(self) -> None:
        """Forget the lock and the study as it was known, with all that states share; the journal has everything."""
        self._lock = threading.RLock()
        self._state = StudyState(
            spaces=InsertOnlyDict(), finished=History(), running=NumberMap(), waiting=NumberMap()
        )  # of its own, not the ones that all new states have

    @property
    def state(self) -> StudyState:
        """The study with everything that is in the journal now."""
        with self._lock:
            news = [*self._journal.read(self._state.version)]
            if news:
                self._state = replay(_forgotten_one_by_one(news), self._state)
            return self._state

    @property
    def journal(self) -> Journal:
        """Where everything is recorded."""
        return self._journal

    def events(self) -> Sequence[AnyEvent]:
        """The whole journal."""
        return self._journal.read(0)

    def record(self, *commands: Command) -> StudyState:
        """See `Recorder.record`."""
        while True:
            state = self.state
            events, after = _outcome(state, commands)
            if not events or self._append(events, state, after):
                return after

    def record_if(self, state: StudyState, *commands: Command) -> bool:
        """See `Recorder.record_if`."""
        events, after = _outcome(state, commands)
        return self._append(events, state, after)

    def start(
        self, advisors: Advisors, space: SearchSpace | None, *, worker: str | None = None
    ) -> tuple[StudyState, StudyState, int]:
        """Start a trial and give it its joint parameters.

        A suggestion is computed from the state at the trial's start, outside of every lock. Start and suggestion are
        appended together; when another writer was faster, the start is appended alone first, so that a slow sampler
        computes at most twice.

        Returns:
            The state at the trial's start, the one after its suggestion, and the trial's number.

        Raises:
            SearchSpaceExhausted: nothing is left to suggest; no trial is started, or it failed at once.
        """
        sampler, use = advisors.sampler, advisors.sampler_use
        if is_replayable(sampler):  # one with a memory must not be asked twice for one trial
            before = self.state
            start, started = _outcome(before, [use, Ask(now(), worker)])
            number = started_number(start)
            try:
                answer = suggest_joint(started, sampler, started.running[number], space)
            except ValueOutsideDistribution as error:  # enqueued with a value that can't be: it leaves the queue
                self.record(Tell(number, state=TrialState.FAIL, at=now(), reason=str(error)))
                raise
            if isinstance(answer, Exhausted):
                raise SearchSpaceExhausted(answer.reason, answer.for_now)
            suggested, after = _outcome(started, [answer])
            if self._append([*start, *suggested], before, after):
                return started, after, number
        started, number = self.start_alone(advisors, worker=worker)
        try:
            return started, self._give_parameters(number, started, advisors, space), number
        except BaseException as error:  # nobody will run the trial
            reason = str(error) if isinstance(error, SearchSpaceExhausted) else failure_reason(error)
            self.record(Tell(number, state=TrialState.FAIL, at=now(), reason=reason))
            raise

    def _give_parameters(
        self, number: int, started: StudyState, advisors: Advisors, space: SearchSpace | None
    ) -> StudyState:
        answer = suggest_joint(started, advisors.sampler, started.running[number], space)
        if isinstance(answer, Exhausted):
            raise SearchSpaceExhausted(answer.reason, answer.for_now)
        return self.record(advisors.sampler_use, answer)

    def start_alone(self, advisors: Advisors, *, worker: str | None = None) -> tuple[StudyState, int]:
        """Start a trial whose parameters will be suggested elsewhere; the state at its start, and its number.

        Raises:
            SearchSpaceExhausted: the sampler, asked for no parameters at all, says that nothing is left. No trial is
                started.
        """
        while True:
            state = self.state
            events, after = _outcome(state, [Ask(now(), worker)])
            number = started_number(events)
            if is_replayable(advisors.sampler):
                answer = suggest_joint(after, advisors.sampler, after.running[number], SearchSpace())
                if isinstance(answer, Exhausted):
                    raise SearchSpaceExhausted(answer.reason, answer.for_now)
            if self._append(events, state, after):
                return after, number

    def _append(self, events: Sequence[AnyEvent], before: StudyState, after: StudyState) -> bool:
        """Append what was decided on `before`; False where another writer was faster and nothing was added."""
        with self._lock:
            try:
                sync = self._write(events, before.version)
            except Conflict:
                return False
            if self._state.version == before.version:
                self._state = after
        if sync is not None:  # with the lock let go, so that one sync serves all threads that wrote before it began
            sync()
        return True

    def _write(self, events: Sequence[AnyEvent], expected: int) -> Callable[[], None] | None:
        """Append `events`; what is still to be called before they count as acknowledged, or None."""
        if self._apart is not None:
            return self._apart.write(events, expected=expected)
        self._journal.append(events, expected=expected)
        return None


class Branch:
    """Records into a copy of the study: a trial that runs apart, in another process or until its turn comes.

    What was recorded is in `commands`, for somebody to record it in the study itself.
    """

    detached = True

    def __init__(self, state: StudyState) -> None:
        self.state = state
        self.commands: list[Command] = []

    def record(self, *commands: Command) -> StudyState:
        """See `Recorder.record`."""
        _, self.state = _outcome(self.state, commands)
        self.commands.extend(commands)
        return self.state

    def record_if(self, state: StudyState, *commands: Command) -> bool:
        """See `Recorder.record_if`; nobody else changes a branch."""
        self.record(*commands)
        return True


class _Forks:
    """The recorders of this process, which start over in a child that was forked while other threads were at work.

    Those may have held locks, of recorders or of histories, that nobody in the child would ever let go.
    """

    def __init__(self) -> None:
        self._recorders: WeakSet[JournalRecorder] = WeakSet()
        self._with_others = False

    def watch(self, recorder: JournalRecorder) -> None:
        self._recorders.add(recorder)

    def before(self) -> None:
        self._with_others = threading.active_count() > 1

    def after_in_child(self) -> None:
        if self._with_others:
            for recorder in [*self._recorders]:
                recorder.start_over()


_FORKS = _Forks()
os.register_at_fork(before=_FORKS.before, after_in_child=_FORKS.after_in_child)


def _forgotten_one_by_one(events: list[AnyEvent]) -> Iterator[AnyEvent]:
    """`events` in order; each leaves the list as it comes, so that a long journal is not kept beside its state."""
    events.reverse()
    while events:
        yield events.pop()


def started_number(events: Sequence[AnyEvent]) -> int:
    """The number of the trial that `events` start."""
    return next(event.number for event in events if isinstance(event, TrialStarted))


def _outcome(state: StudyState, commands: Sequence[Command]) -> tuple[list[AnyEvent], StudyState]:
    """The events that `commands` lead to, one after the other, and the state after them."""
    events: list[AnyEvent] = []
    for command in commands:
        decided = decide(state, command)
        events += decided
        state = replay(decided, state)
    return events, state
