"""Leases: a worker on a server counts as alive until a moment of the server's clock.

A worker takes a lease and renews it: with its appends, and in a thread while it computes. Any other worker that finds a
lease that has run out ends it, and a lease that has ended stays so: a late renewal finds nothing to renew, and no trial
begins under a name whose lease has ended. So clocks only decide when a worker is given up, and order decides the rest.

No worker is given up for an absence that is not its own. After a restart of the server, each lease lasts for its full
time once more. A worker that could not reach the server itself for so long that its own lease ran out waits as long
again before it ends the leases of others.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from hpo.errors import HpoError, JournalUnwritable
from hpo.extend import AnyEvent, LeaseTerms, TrialResumed, TrialStarted, check_worker_name, is_worker_name
from hpo.logging import get_logger

KEPT_MILLISECONDS = 7 * 24 * 3600 * 1000
"""For how long a lease that ran out and was not asked for is kept, so that a worker that wakes up late may renew it."""

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Lease(NamedTuple):
    """A lease, in milliseconds: how long it still lasts, negative if it ran out, and how long from a renewal on."""

    rest: int
    lasts: int


class Leases(Protocol):
    """The leases on one journal, as a server keeps them, by its clock alone."""

    def begin(self, worker: str, milliseconds: int) -> bool:
        """Give `worker` a lease; return False if it has or had one.

        Raises:
            JournalUnwritable, JournalBusy, JournalFull, JournalMoved, OutcomeUnknown: as `Journal.append` does.
        """
        ...

    def renew(self, worker: str, milliseconds: int) -> bool:
        """Let the lease of `worker` last so long from now on; return False if it has ended. Raises as `begin` does."""
        ...

    def end(self, worker: str) -> None:
        """End the lease of `worker`, if it has one. Raises as `begin` does."""
        ...

    def look(self, worker: str) -> Lease | None:
        """Return the lease of `worker`, or None if it has none. Raises as `begin` does, or `UnsupportedJournal`."""
        ...

    def end_late(self, worker: str) -> bool:
        """End the lease of `worker` if it has run out, and return whether this ended it. Raises as `begin` does."""
        ...

    def uptime(self) -> float:
        """Return for how many seconds the server has been running. Raises `UnsupportedJournal`."""
        ...


class HeldLeases:
    """The leases that this process holds on one journal. A forked child and a pickle hold none.

    Args:
        leases: The leases on the server.
        terms: How long leases last.
        where: The study, for messages.
    """

    def __init__(self, leases: Leases, terms: LeaseTerms, *, where: str) -> None:
        self._leases = leases
        self._terms = terms
        self._where = where
        self._renewed: dict[str, float] = {}
        """When each lease was renewed last, by `seconds_since_boot`."""
        self._back = float("-inf")
        """When this process was back after it had been out of touch."""
        self._process = os.getpid()
        self._mutex = threading.Lock()

    @contextlib.contextmanager
    def hold(self, worker: str) -> Iterator[None]:
        """Let `worker` be alive until the end of the block; see `TracksWorkers.hold`.

        It counts for everybody that can reach the server.
        """
        check_worker_name(worker)
        started = seconds_since_boot()
        if not self._leases.begin(worker, self._terms.milliseconds):
            raise JournalUnwritable(self._where, f"there is or was a worker {worker!r}")
        process = os.getpid()
        if self._process != process:  # a forked child, whose lock may be one that its parent held
            self._renewed, self._process, self._mutex = {}, process, threading.Lock()
        with self._mutex:
            self._renewed[worker] = started
        ended = threading.Event()
        threading.Thread(target=self._keep, args=(worker, ended), name="hpo-lease", daemon=True).start()
        try:
            yield
        finally:
            if os.getpid() == process:  # else this is a forked child, and the worker is its parent's
                ended.set()
                with self._mutex:
                    self._renewed.pop(worker, None)
                with contextlib.suppress(HpoError):  # then it runs out by itself
                    self._leases.end(worker)

    def is_alive(self, worker: str) -> bool | None:
        """Return whether `worker` is in its block, or None if that is not known; see `TracksWorkers.is_alive`."""
        if not is_worker_name(worker):
            return None
        try:
            if (
                worker in self._mine()
            ):  # should it have run out while this process was stopped, we don't give up ourselves
                return self._leases.renew(worker, self._terms.milliseconds)
            while (lease := self._leases.look(worker)) is not None:
                if lease.rest >= 0:
                    return True
                if self._was_away() or 1000 * self._leases.uptime() < lease.lasts:
                    return None
                if self._leases.end_late(worker):
                    break  # else it was renewed just now, or somebody else ended it
        except HpoError:
            return None
        return False

    def to_renew(self, events: Sequence[AnyEvent]) -> tuple[list[str], list[str]]:
        """Return the workers whose leases an append of `events` must renew: first those that start trials, then others.

        A trial that starts or goes on must not belong to a worker whose lease has ended: others would fail it at once.
        """
        held = self._mine()
        if not held:
            return [], []
        with self._mutex:
            held = dict(held)
        starting = sorted(
            {
                event.worker
                for event in events
                if isinstance(event, TrialStarted | TrialResumed) and event.worker in held
            }
        )
        late = seconds_since_boot() - 0.5 * self._terms.heartbeat_interval
        return starting, [worker for worker, renewed in held.items() if renewed <= late and worker not in starting]

    def note_renewed(self, workers: Sequence[str], at: float) -> None:
        """Remember that the leases of `workers` were renewed after `at`, by `seconds_since_boot`."""
        held = self._mine()
        if not held:
            return
        with self._mutex:
            for worker in workers:
                if worker in held:
                    if at - held[worker] > self._terms.grace_period:
                        self._back = at
                    held[worker] = max(at, held[worker])

    def _was_away(self) -> bool:
        """Return whether this process was cut off for so long that others may have been too, and need time to renew."""
        now, longest = seconds_since_boot(), 0.0
        if self._mine():
            with self._mutex:
                longest = max((now - renewed for renewed in self._renewed.values()), default=0.0)
        return now - self._back < self._terms.grace_period or longest > self._terms.grace_period

    def _mine(self) -> dict[str, float]:
        return self._renewed if self._process == os.getpid() else {}

    def _keep(self, worker: str, ended: threading.Event) -> None:
        """Renew the lease of `worker` until it ends; a server that does not answer is asked again."""
        interval = self._terms.heartbeat_interval
        pause = interval
        while not ended.wait(pause):
            now = seconds_since_boot()
            if (rest := self._mine().get(worker, now) + interval - now) > 0.01 * interval:  # an append renewed it
                pause = rest
                continue
            try:
                there = self._leases.renew(worker, self._terms.milliseconds)
            except HpoError as error:
                get_logger().debug("The lease of worker %s could not be renewed: %s", worker, error)
                pause = 0.25 * interval
                continue
            if not there:
                if not ended.is_set():
                    _say_that_it_ended(self._where, worker)
                return
            self.note_renewed([worker], now)
            pause = interval

    def __reduce__(self) -> tuple[Any, ...]:
        return _held_leases, (self._leases, self._terms, self._where)


def seconds_since_boot() -> float:
    """Return the seconds of a clock that goes on while the machine sleeps, and never jumps."""
    return time.clock_gettime(_CLOCK)


def _held_leases(leases: Leases, terms: LeaseTerms, where: str) -> HeldLeases:
    return HeldLeases(leases, terms, where=where)


def _say_that_it_ended(where: str, worker: str) -> None:
    get_logger().warning(
        "%s: worker %s was silent for longer than its grace period, and others gave it up: "
        "its running trials fail, and their results will be refused",
        where,
        worker,
    )
