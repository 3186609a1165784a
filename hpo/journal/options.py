"""The options that files, directories and SQLite databases have in common."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import attrs

from hpo.core import as_float
from hpo.errors import InvalidArgument
from hpo.journal.disk import resolved

Durability: TypeAlias = Literal["power", "process"]
"""What acknowledged events survive: a power failure, or the end of any process."""


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
