"""The protocols of journals and storages, the options that storages have in common, and the checks that all make."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence, Sized
from contextlib import AbstractContextManager
from itertools import chain
from typing import Literal, Protocol, TypeAlias, get_args, runtime_checkable

import attrs

from hpo.core import AnyEvent, Loader, StudyCreated, StudyState, as_float, replay
from hpo.errors import InconsistentEvents, InvalidArgument
from hpo.journal.disk import resolved

_WORKER = re.compile(r"[0-9a-f]{8,64}")


class Journal(Protocol):
    """The append-only, totally ordered list of one study's events, shared by any number of writers.

    Safe to use from several threads. Readers never wait for writers.

    A handle that has read or written a record remembers how many events the journal has up to there, and the record's
    checksum. If that record is not in its place any more, the journal has another history, in which nothing follows what
    this handle's reader knows: a backup was put back, or a server lost its last writes. `read` and `append` then raise
    `JournalMoved`, also when the journal has grown to its old length again, and as often as they are called.
    """

    def read(self, after: int) -> Sequence[AnyEvent]:
        """Return the events from number `after` on, counted from 0. This is cheap if there is nothing new.

        Raises:
            JournalCorrupted: a record that is not the last one is damaged.
            JournalMoved: the journal was rewritten (see above). Also if the study was deleted, or another one took its
                place; a journal may then instead return the events that it had, or nothing new.
            UnreadableEvents: a newer version wrote something that this one does not know.
            UnsupportedJournal: the system or server failed to return what is there.
        """
        ...

    def append(self, events: Sequence[AnyEvent], *, expected: int) -> int:
        """Add `events`, all or none, and return the new length.

        Acknowledged events (see `hpo.extend.is_acknowledged`) are as durable as the storage promises when this returns.

        Raises:
            Conflict: the journal does not have `expected` events. Nothing was added: read, decide, append again.
            JournalMoved: the study was deleted, or another one took its place, be it of the same name; or the journal
                was rewritten (see above).
            JournalBusy, JournalFull, JournalUnwritable: nothing was added.
            WorkerLost: `events` start a trial for a worker that is in its block and was given up all the same. Nothing
                was added.
            OutcomeUnknown: the events may or may not be durable; the journal has to be opened again.
        """
        ...


@runtime_checkable
class TracksWorkers(Protocol):
    """An optional part of a journal: it says which workers are alive, so that others can end the trials of dead ones.

    The name of a worker has 8 to 64 hexadecimal digits in lower case (see `is_worker_name`), and is used once.
    """

    def hold(self, worker: str) -> AbstractContextManager[None]:
        """Let `worker` be alive until the end of the block, or of the process that is in it.

        A forked child is another process: it neither is in the block nor ends it. If a clock decides, a worker that is
        silent for too long is given up, and `Journal.append` starts no more trials for it (`WorkerLost`).

        Raises:
            InvalidArgument: `worker` is not a valid name.
            JournalUnwritable: the name is held already; or the system refused the lock, so that other processes
                could not tell whether the worker is alive.
        """
        ...

    def is_alive(self, worker: str) -> bool | None:
        """Return True, False or None: whether `worker` is in its block, in whatever process, or that it is not known.

        Once False for a worker that was in its block, the answer is always False. It is None for an invalid name.
        """
        ...


class Turn(Protocol):
    """A writer's turn at a journal: until it ends, no other writer that takes turns appends."""

    @property
    def news(self) -> Sequence[AnyEvent]:
        """The events that the writer did not know, to the end of the journal."""
        ...

    def append(self, events: Sequence[AnyEvent]) -> int:
        """Add `events` after `news`, return the new length, and end the turn. To be called at most once.

        Raises:
            As `Journal.append`. It is a `Conflict` if somebody appended without a turn, or the turn has ended because
            it took too long.
        """
        ...


@runtime_checkable
class TakesTurns(Protocol):
    """An optional part of a journal: writers that meet others wait for their turn instead of trying again and again.

    A turn makes it likely, and never certain, that an append finds what its writer has read: `append` checks it.
    """

    def turn(self, after: int) -> AbstractContextManager[Turn]:
        """Wait until it is this writer's turn, for as long as `Journal.append` would; the end of the block ends it.

        Args:
            after: The number of the first event that is news to the writer.

        Raises:
            As `Journal.read` and `Journal.append`.
        """
        ...


@runtime_checkable
class DeferredSync(Protocol):
    """An optional part of a journal: one sync for all threads whose events were written before it began."""

    def write(self, events: Sequence[AnyEvent], *, expected: int) -> Callable[[], None]:
        """Add `events` as `Journal.append` does, for all to see, and return a function that makes them durable.

        Returns:
            A function to call before anything is acknowledged, in any thread and without a lock. It may raise
            `OutcomeUnknown`.

        Raises:
            As `Journal.append`, except for the `OutcomeUnknown` of a sync.
        """
        ...


@runtime_checkable
class LoadsState(Protocol):
    """An optional part of a journal: the state of its study, computed faster than by reading all events."""

    def load_state(self) -> StudyState | None:
        """Return the state after the first `version` events, or None; the others are read with `Journal.read`.

        Nothing is raised for what is wrong with the journal: reading the rest of it tells. It may only be called before
        the journal is read for the first time.
        """
        ...


@runtime_checkable
class TellsPlaces(Protocol):
    """An optional part of a journal: it says where an event is, for messages."""

    def place_of(self, position: int) -> str:
        """Return in words where the event is that comes after `position` others: file, line and byte, or study."""
        ...


def replay_from(
    journal: Journal, events: Iterable[AnyEvent], state: StudyState | None = None, *, n_events: int | None = None
) -> StudyState:
    """Return the state after `events`, which were read from `journal`, as `hpo.replay` does.

    Args:
        journal: What was read.
        events: The events.
        state: The state before them; by default that of a study that does not exist yet.
        n_events: How many there are, if `events` does not know. Many are folded into columns, in a fraction of the time.

    Raises:
        InconsistentEvents: one of them cannot follow the events before it; the error names its place, if the journal
            can tell (see `TellsPlaces`).
    """
    if n_events is None:
        n_events = len(events) if isinstance(events, Sized) else 0
    fold = replay if n_events < _MANY else _loaded
    rest = iter(events)
    first = next(rest, None) if state is None or not state.version else None
    try:
        if first is None:
            return fold(rest, state)
        if not isinstance(first, StudyCreated):
            raise InconsistentEvents(0, first, "a study begins with its creation")  # noqa: TRY301 - as below
        return fold(chain([first], rest), state)
    except InconsistentEvents as error:
        if error.place is None and isinstance(journal, TellsPlaces):
            place = journal.place_of(error.position)
            raise InconsistentEvents(error.position, error.event, error.problem, place) from error.__cause__
        raise


def current_state(journal: Journal) -> StudyState:
    """Return the state of the study in `journal`, as fast as the journal can give it.

    Raises:
        InconsistentEvents: as `replay_from`.
        JournalCorrupted, JournalMoved, UnreadableEvents, UnsupportedJournal: as `Journal.read`.
    """
    loaded = journal.load_state() if isinstance(journal, LoadsState) else None
    return replay_from(journal, journal.read(0 if loaded is None else loaded.version), loaded)


_MANY = 10_000
"""Events from which on columns pay, also where numpy has to be imported for them."""


def _loaded(events: Iterable[AnyEvent], state: StudyState | None) -> StudyState:
    loader = Loader(state)
    loader.add(events)
    return loader.state()


@runtime_checkable
class Storage(Protocol):
    """The journals of any number of studies, by their names."""

    @property
    def location(self) -> str:
        """The location of the studies for messages: a path or URL without secrets."""
        ...

    def create(self, name: str, events: Sequence[AnyEvent]) -> Journal:
        """Create the journal of the study `name`, which begins with `events`: whole or not at all.

        Raises:
            DuplicatedStudyError: there is a study of this name.
            InvalidArgument: `events` do not begin with the creation of this study.
            JournalFull, JournalUnwritable, UnsupportedJournal: the location can't hold it; nothing is left behind.
            OutcomeUnknown: the journal is there, and may or may not be durable.
        """
        ...

    def open(self, name: str | None) -> Journal:
        """Return the journal of the study `name`, or of the only study if it is None.

        Raises:
            StudyNotFound: there is no such study; or `name` is None, and there is not exactly one.
            JournalCorrupted, UnreadableEvents, UnsupportedJournal: what is there can't be read.
        """
        ...

    def names(self) -> list[str]:
        """Return the names of all studies, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Remove the study `name` with all its events.

        Raises:
            StudyNotFound: there is no such study.
            JournalBusy, JournalMoved, JournalUnwritable: the study is as it was.
            OutcomeUnknown: it is gone, and may be there again after a power failure.
        """
        ...


def check_first_event(name: str, events: Sequence[AnyEvent]) -> None:
    """Check that `events` begin with the creation of the study `name`.

    Raises:
        InvalidArgument: they do not.
    """
    first = events[0] if events else None
    if not isinstance(first, StudyCreated) or first.name != name:
        raise InvalidArgument(f"the journal of study {name!r} must begin with its creation, got {first!r}")


def is_worker_name(name: object) -> bool:
    """Return whether `name` is a valid name of a worker: 8 to 64 hexadecimal digits in lower case.

    Example:
        >>> is_worker_name("0123abcd"), is_worker_name("unwatched-0123abcd")
        (True, False)
    """
    return isinstance(name, str) and _WORKER.fullmatch(name) is not None


def check_worker_name(worker: object) -> None:
    """Check that `worker` is a valid name of a worker.

    Raises:
        InvalidArgument: it is not.

    Example:
        >>> check_worker_name("Ann")
        Traceback (most recent call last):
        hpo.errors.InvalidArgument: the name of a worker has 8 to 64 hexadecimal digits in lower case, got 'Ann'
    """
    if not is_worker_name(worker):
        raise InvalidArgument(f"the name of a worker has 8 to 64 hexadecimal digits in lower case, got {worker!r}")


Durability: TypeAlias = Literal["power", "process"]
"""The failures that acknowledged events survive: a power failure, or only the end of any process."""


@attrs.frozen
class LocalStorage:
    """A path on this machine where studies are kept, and how they are written there.

    Args:
        path: The file, directory or database.
        durability: ``"power"`` syncs the disk with each acknowledged event; ``"process"`` leaves it to the system.
        lock_timeout: How long an append waits for other writers before it raises `JournalBusy`, in seconds.

    Raises:
        InvalidArgument: `durability` or `lock_timeout` has another value than described.
    """

    path: str = attrs.field(converter=resolved)
    durability: Durability = attrs.field(default="power", kw_only=True)
    lock_timeout: float = attrs.field(default=30.0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_options(self.durability, self.lock_timeout)

    @property
    def is_durable(self) -> bool:
        """Whether acknowledged events survive a power failure."""
        return self.durability == "power"


def check_options(durability: object, lock_timeout: object) -> None:
    """Check the options of a journal.

    Raises:
        InvalidArgument: one of them has another value than a `LocalStorage` takes.
    """
    if durability not in get_args(Durability):
        raise InvalidArgument(f"durability must be 'power' or 'process', got {durability!r}")
    seconds = None if isinstance(lock_timeout, bool) else as_float(lock_timeout)
    if seconds is None or not 0 <= seconds < float("inf"):
        raise InvalidArgument(f"lock_timeout must be a finite number of seconds, at least 0; got {lock_timeout!r}")


@attrs.frozen
class LeaseTerms:
    """How often a lease is renewed, and how long it lasts without a renewal.

    Args:
        heartbeat_interval: Seconds between renewals.
        grace_period: Seconds from a renewal on, after which a worker counts as dead; by default twice the interval.

    Raises:
        InvalidArgument: the interval is not above 0, or the period is not longer than the interval.

    Example:
        >>> LeaseTerms.checked(heartbeat_interval=60.0, grace_period=None).grace_period
        120.0
    """

    heartbeat_interval: float
    grace_period: float

    @classmethod
    def checked(cls, *, heartbeat_interval: float, grace_period: float | None) -> LeaseTerms:
        """Return the terms, after a check of the values; see `LeaseTerms`."""
        interval = _seconds(heartbeat_interval)
        if interval is None:
            raise InvalidArgument(f"heartbeat_interval must be a number of seconds above 0, got {heartbeat_interval!r}")
        period = 2.0 * interval if grace_period is None else _seconds(grace_period)
        if period is None or period <= interval:
            raise InvalidArgument(
                f"grace_period must be a number of seconds above heartbeat_interval, which is {interval!r}; "
                f"got {grace_period!r}"
            )
        return cls(interval, period)

    @property
    def milliseconds(self) -> int:
        """How long a lease lasts, in milliseconds."""
        return max(1, round(self.grace_period * 1000))


def _seconds(given: object) -> float | None:
    seconds = None if isinstance(given, bool) else as_float(given)
    return seconds if seconds is not None and 0 < seconds < float("inf") else None
