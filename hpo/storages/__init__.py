"""Storages under the names that programs for Optuna use: each function here returns what `hpo.journal.open_journal` does."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hpo._lazy import attach
from hpo.errors import InvalidArgument
from hpo.journal import MemoryStorage, Storage as BaseStorage, open_journal
from hpo.storages.journal import (
    JournalFileBackend,
    JournalFileOpenLock,
    JournalFileSymlinkLock,
    JournalRedisBackend,
    JournalStorage,
)
from hpo.study.callbacks.retries import (
    RetryFailedTrials as RetryFailedTrialCallback,
    RetryFailedTrials as RetryHeartbeatStaleTrialCallback,
)

if TYPE_CHECKING:
    from hpo.study.study import Study


def InMemoryStorage() -> BaseStorage:  # noqa: N802 - a class in Optuna
    """Return a new storage in memory.

    Example:
        >>> InMemoryStorage().location
        'memory'
    """
    return MemoryStorage()


def RDBStorage(  # noqa: N802 - a class in Optuna
    url: str,
    engine_kwargs: Mapping[str, Any] | None = None,
    skip_compatibility_check: bool = False,
    *,
    heartbeat_interval: int | None = None,
    grace_period: int | None = None,
    heartbeat_stale_trial_callback: Callable[..., Any] | None = None,
    failed_trial_callback: Callable[..., Any] | None = None,
    skip_table_creation: bool = False,
) -> BaseStorage:
    """Return the storage at the URL of a database.

    Args:
        url: Such as ``"sqlite:///example.db"`` or ``"postgresql://user:password@host/database"``.
        engine_kwargs: Options of `sqlalchemy.create_engine` for servers. For SQLite, the `timeout` in ``connect_args`` counts.
        skip_compatibility_check: Accepted; nothing needs to be checked.
        heartbeat_interval: Seconds from one sign of life of a worker to the next, for servers. Files need none.
        grace_period: Seconds of silence after which a worker of a server counts as dead.
        heartbeat_stale_trial_callback: Refused: give the callback to `Study.optimize`.
        failed_trial_callback: The same.
        skip_table_creation: Accepted; tables are created when a study is.

    Raises:
        InvalidArgument: a callback is given, or what `hpo.open_journal` raises.

    Example:
        >>> RDBStorage("sqlite:///example.db").location.endswith("/example.db")
        True
    """
    if heartbeat_stale_trial_callback is not None or failed_trial_callback is not None:
        raise InvalidArgument(
            "a storage calls nothing: give the callback to the run, study.optimize(..., callbacks=[hpo.RetryFailedTrials(max_retry=3)])"
        )
    options = dict(engine_kwargs or {})
    if str(url).startswith("sqlite:"):
        timeout = dict(options.pop("connect_args", None) or {}).get("timeout")
        return open_journal(url) if timeout is None else open_journal(url, lock_timeout=float(timeout))
    given: dict[str, Any] = {"heartbeat_interval": heartbeat_interval, "grace_period": grace_period}
    return open_journal(url, **options, **{name: value for name, value in given.items() if value is not None})


def get_storage(storage: str | os.PathLike[str] | BaseStorage | None) -> BaseStorage:
    """Return the storage at a path or URL, or the storage that is given.

    Example:
        >>> get_storage(None).location
        'memory'
    """
    return open_journal(storage)


def fail_stale_trials(study: Study) -> None:
    """Fail the running trials of `study` whose workers are gone; `Study.fail_lost_trials` also returns them."""
    study.fail_lost_trials()


def JournalFileStorage(file_path: str, lock_obj: object = None) -> BaseStorage:  # noqa: N802 - a class in Optuna
    """Return what `hpo.storages.journal.JournalFileBackend` does; an old name, with a warning."""
    warnings.warn("JournalFileStorage is an old name: use journal.JournalFileBackend", FutureWarning, stacklevel=2)
    return JournalFileBackend(file_path, lock_obj)


def JournalRedisStorage(url: str, use_cluster: bool = False, prefix: str = "") -> BaseStorage:  # noqa: N802 - a class in Optuna
    """Return what `hpo.storages.journal.JournalRedisBackend` does; an old name, with a warning."""
    warnings.warn("JournalRedisStorage is an old name: use journal.JournalRedisBackend", FutureWarning, stacklevel=2)
    return JournalRedisBackend(url, use_cluster, prefix)


BaseJournalLogStorage = BaseStorage
__getattr__ = attach(__name__, {})[0]  # advice about names that do not exist
__all__ = [
    "BaseJournalLogStorage",
    "BaseStorage",
    "InMemoryStorage",
    "JournalFileOpenLock",
    "JournalFileStorage",
    "JournalFileSymlinkLock",
    "JournalRedisStorage",
    "JournalStorage",
    "RDBStorage",
    "RetryFailedTrialCallback",
    "RetryHeartbeatStaleTrialCallback",
    "fail_stale_trials",
    "get_storage",
]
