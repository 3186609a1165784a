"""Journals under the names that programs for Optuna use."""

from __future__ import annotations

import os
from pathlib import Path

from hpo.errors import InvalidType, UnsupportedJournal
from hpo.journal import Storage, open_journal

_SUFFIX = ".jsonl"


def JournalStorage(log_storage: Storage) -> Storage:  # noqa: N802 - a class in Optuna
    """Return `log_storage`, which `JournalFileBackend` or `JournalRedisBackend` has returned.

    Raises:
        InvalidType: it is not a storage.
    """
    if not isinstance(log_storage, Storage):
        raise InvalidType(f"JournalStorage takes what JournalFileBackend returns, got {log_storage!r}")
    return log_storage


def JournalFileBackend(file_path: str | os.PathLike[str], lock_obj: object = None) -> Storage:  # noqa: N802 - a class in Optuna
    """Return a storage for many studies in the directory `file_path`, or for one in a file ``<name>.jsonl``.

    Args:
        file_path: Where Optuna keeps one file for all studies. A name with another ending than ``.jsonl`` is that of a directory
            with a file for each study.
        lock_obj: Accepted; the operating system's locks are used.

    Raises:
        UnsupportedJournal: there is a file already that this library did not write.

    Example:
        >>> JournalFileBackend("runs/digits.jsonl").location.endswith("runs/digits.jsonl")
        True
    """
    path = os.fspath(file_path)
    if path.endswith(_SUFFIX):
        return open_journal(path)
    if Path(path).is_file():
        raise UnsupportedJournal(
            path, "it is a file that another library has written: hpo.transfer.import_optuna reads the studies in it"
        )
    return open_journal(f"{path.rstrip(os.sep)}{os.sep}")


def JournalRedisBackend(url: str, use_cluster: bool = False, prefix: str = "") -> Storage:  # noqa: N802 - a class in Optuna
    """Return the storage on the server at `url`.

    Args:
        url: ``"redis://host:port/number"``.
        use_cluster: Refused if it is true.
        prefix: Refused unless it is empty.

    Raises:
        UnsupportedJournal: a cluster or a prefix is asked for.
    """
    if use_cluster or prefix:
        raise UnsupportedJournal(
            "redis://...", "a journal on Redis has neither clusters nor prefixes: give the URL a database number"
        )
    return open_journal(url)


class JournalFileOpenLock:
    """Accepted by `JournalFileBackend`, which uses the locks of the operating system instead.

    Args:
        filepath: The file that Optuna would lock.
        grace_period: Seconds after which Optuna would break a lock.
    """

    def __init__(self, filepath: str, grace_period: int | None = 30) -> None:
        self.filepath = filepath


class JournalFileSymlinkLock(JournalFileOpenLock):
    """Accepted by `JournalFileBackend`, which uses the locks of the operating system instead."""


BaseJournalBackend = Storage
__all__ = [
    "BaseJournalBackend",
    "JournalFileBackend",
    "JournalFileOpenLock",
    "JournalFileSymlinkLock",
    "JournalRedisBackend",
    "JournalStorage",
]
