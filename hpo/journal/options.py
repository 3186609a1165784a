"""The options that storages have in common: those of files, directories and SQLite databases, and those of servers."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import attrs

from hpo.core import as_float
from hpo.errors import InvalidArgument
from hpo.journal.disk import resolved

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
