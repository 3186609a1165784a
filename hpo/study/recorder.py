"""Recorders: the only loops that write. Commands become events, and events become the next state."""

from __future__ import annotations

import contextlib
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from hpo.core import (
    AnyEvent,
    Command,
    EventLog,
    History,
    InsertOnlyDict,
    KeptObject,
    StudyState,
    decide,
    is_json,
    replay,
)
from hpo.errors import Conflict, HpoError, InvalidType
from hpo.journal.locks import watch_forks
from hpo.journal.storage import DeferredSync, Journal, LoadsState, Storage, TakesTurns, Turn, replay_from


def now() -> float:
    """Return the seconds since 1970, to the millisecond. They are for people: nothing is ordered by them."""
    return int(time.time() * 1000.0 + 0.5) / 1000.0  # half the price of `round(time.time(), 3)`


def kept_in_memory(key: object, value: object, recorder: Recorder, error: InvalidType) -> KeptObject:
    """Return what stands for an attribute that has no form in JSON, if the study is in memory; a warning says so.

    Raises:
        InvalidType: the study is in a journal, or the attribute's name is no string.
    """
    origin = getattr(recorder, "origin", None)
    if not isinstance(key, str) or isinstance(value, str | int) or is_json(value):
        raise error
    if origin is None or origin[0].location != "memory":
        raise InvalidType(
            f"attribute {key!r}: {error}. A journal keeps no other objects: save it to a file, and set the attribute to its path"
        ) from None
    warnings.warn(
        f"attribute {key!r} is a {type(value).__name__}, which only a study in memory can keep: it is lost with this process, "
        "and a study in a file or database refuses it",
        stacklevel=3,
    )
    return KeptObject(value)


def decide_all(state: StudyState, commands: Sequence[Command]) -> tuple[list[AnyEvent], StudyState]:
    """Return the events that carry out `commands` one after the other, and the state after them."""
    events: list[AnyEvent] = []
    for command in commands:
        if decided := decide(state, command):  # most advisors are recorded already, which gives no event
            events += decided
            state = replay(decided, state)
    return events, state


class Recorder(Protocol):
    """Gives a trial its view of the study, and records what happens to the trial."""

    detached: bool
    """Whether the recorder sees only its own trial move on, and the rest of the study as it was at the trial's start."""

    @property
    def state(self) -> StudyState:
        """The latest state of the study that can be seen from here."""
        ...

    def record(self, *commands: Command) -> StudyState:
        """Carry out all of `commands` or none, and return the state right after them; `decide` lists the errors."""
        ...

    def record_if(self, state: StudyState, *commands: Command) -> StudyState | None:
        """Carry out `commands` if the study is still in `state`.

        Returns:
            The state right after them, or None if somebody else has recorded something meanwhile.
        """
        ...


class JournalRecorder:
    """Records into a journal that others may write to as well. Threads may share it."""

    detached = False

    def __init__(self, journal: Journal, origin: tuple[Storage, str] | None = None) -> None:
        self._journal = journal
        self.origin = origin
        """The storage and the name of the study, by which another process opens it."""
        self._deferred = journal if isinstance(journal, DeferredSync) else None
        self._turns = journal if isinstance(journal, TakesTurns) else None
        self._loads = journal if isinstance(journal, LoadsState) else None
        self._other_threads = False
        self._remembers = False
        self.log = EventLog()
        """The newest events that led to the cached state, if they are remembered."""
        self._start_over()
        watch_forks(self)

    def before_fork(self) -> None:
        """Take note whether other threads may hold the lock of this recorder or of a history."""
        self._other_threads = threading.active_count() > 1

    def after_fork(self, *, in_child: bool) -> None:
        """Start over in a child of such a process: those threads do not exist there and would never release a lock."""
        if in_child and self._other_threads:
            self._start_over()

    def _start_over(self) -> None:
        """Forget the lock and the cached state, with everything that states share; the journal has it all."""
        self._lock = threading.RLock()
        self._turn: Turn | None = None
        self._is_alone = True  # nobody else had written when the journal was last seen
        # Buffers of its own: the ones of a default StudyState are shared by all studies of the process, with their locks.
        self._state = StudyState(spaces=InsertOnlyDict(), finished=History())
        self.log = EventLog()

    def remember_events(self) -> None:
        """Remember the newest events from now on, for workers that know the ones before."""
        with self._lock:
            if not self._remembers:
                self._remembers, self.log = True, EventLog(self._state.version)

    @property
    def state(self) -> StudyState:
        """The study with everything that is in the journal now."""
        with self._lock:
            if self._turn is None:
                if not self._state.version and self._loads is not None:
                    self._state = self._loads.load_state() or self._state
                if news := self._journal.read(self._state.version):
                    self._fold(news)
                elif self._turns is None:  # those that take turns see it at their turn
                    self._is_alone = True
            return self._state

    @property
    def takes_turns(self) -> bool:
        """Whether the journal lets its writers take turns."""
        return self._turns is not None

    @property
    def meets_others(self) -> bool:
        """Whether an append takes a turn, because others write too; False if the journal knows no turns."""
        return self._turns is not None and not self._is_alone

    @property
    def known_alone(self) -> StudyState | None:
        """The state as it was last seen, if an append to it is worth a try without reading; else None.

        It is if nobody else had written when the journal was last seen. Reading would cost a message to a server, or a
        query of a database. `append` shows whether the state is the latest. What can't be decided on it may be possible in
        the latest.
        """
        with self._lock:
            return self._state if self._is_alone and self._state.version else None

    @contextlib.contextmanager
    def turn(self) -> Iterator[StudyState]:
        """Give the state of the study, for a block that decides and appends.

        If others write too and the journal lets its writers take turns, nobody else appends during the block. Otherwise
        `append` may find that somebody was faster. Only what takes about as long as an append belongs into the block.
        """
        if self._turns is None:
            yield self.state
            return
        with self._lock:
            if self._is_alone or self._turn is not None:
                yield self.state
                return
            with self._turns.turn(self._state.version) as turn:
                self._is_alone = not turn.news
                if turn.news:
                    self._fold([*turn.news])
                self._turn = turn
                try:
                    yield self._state
                finally:
                    self._turn = None

    def _fold(self, news: Sequence[AnyEvent]) -> None:
        """Fold `news` into the state. A list is empty afterwards: a journal gives each reader one of its own."""
        self._is_alone = False
        if self._remembers:
            self.log = self.log.extended(self._state.version, [*news])
        drained = _drained(news if isinstance(news, list) else [*news])
        self._state = replay_from(self._journal, drained, self._state, n_events=len(news))

    @property
    def journal(self) -> Journal:
        """The journal that records everything."""
        return self._journal

    def events(self) -> Sequence[AnyEvent]:
        """Return the whole journal."""
        return self._journal.read(0)

    def record(self, *commands: Command) -> StudyState:
        """Carry out all of `commands` or none, as `Recorder.record` says. The journal is read only if others write too."""
        after = self._record_alone(commands)
        while after is None:
            if self._turns is None:  # then a block around each attempt would protect nothing
                after = self.record_if(self.state, *commands)
            else:
                with self.turn() as state:
                    after = self.record_if(state, *commands)
        return after

    def _record_alone(self, commands: Sequence[Command]) -> StudyState | None:
        """Carry out `commands` on the cached state, which an append shows to be the latest; None if that does not do."""
        known = self.known_alone
        if known is None:
            return None
        try:
            events, after = decide_all(known, commands)
        except HpoError:
            return None
        return after if events and self.append(events, known, after) else None

    def record_if(self, state: StudyState, *commands: Command) -> StudyState | None:
        """Carry out `commands` if the study is still in `state`, as `Recorder.record_if` says. Nothing is read."""
        events, after = decide_all(state, commands)
        return after if not events or self.append(events, state, after) else None

    def append(self, events: Sequence[AnyEvent], before: StudyState, after: StudyState) -> bool:
        """Append events that were decided on `before` and lead to `after`.

        Returns:
            False if another writer was faster, and nothing was added.
        """
        with self._lock:
            if self._state.version > before.version:  # another thread of this process was faster
                return False
            try:
                sync = self._write(events, before.version)
            except Conflict:
                self._is_alone = False
                return False
            if self._state.version == before.version:
                self._state = after
                if self._remembers:
                    self.log = self.log.extended(before.version, events)
        if sync is not None:  # without the lock, so that one sync serves all threads that wrote before it began
            sync()
        return True

    def _write(self, events: Sequence[AnyEvent], expected: int) -> Callable[[], None] | None:
        """Write `events`; return what has to be called before they are durable, or None if they are already."""
        if self._turn is not None:
            turn, self._turn = self._turn, None
            turn.append(events)
            return None
        if self._deferred is not None:
            return self._deferred.write(events, expected=expected)
        self._journal.append(events, expected=expected)
        return None


def _drained(events: list[AnyEvent]) -> Iterator[AnyEvent]:
    """Yield `events` in order and remove each from the list, so that a long journal is not held beside its state."""
    events.reverse()
    while events:
        yield events.pop()
