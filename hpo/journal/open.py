"""From what users write to where studies are."""

# Descriptors, flags and error numbers are those of os, and so are paths.
from __future__ import annotations

import os
import re
from importlib import import_module
from typing import Any

from hpo.errors import InvalidArgument, InvalidType, UnsupportedJournal
from hpo.journal.file.directory import DirectoryStorage
from hpo.journal.file.journal import Durability, check_options
from hpo.journal.file.storage import FileStorage
from hpo.journal.memory import MemoryStorage
from hpo.journal.storage import Storage

_URL = re.compile(r"([A-Za-z][A-Za-z0-9.-]*)[A-Za-z0-9+.-]*://")
_SQLITE = "sqlite:///"
_ADAPTERS = {
    "mariadb": "hpo_adapters.sql",
    "mysql": "hpo_adapters.sql",
    "postgres": "hpo_adapters.sql",
    "postgresql": "hpo_adapters.sql",
    "redis": "hpo_adapters.redis",
    "rediss": "hpo_adapters.redis",
}
"""Where to find ``open_storage`` for the scheme of a URL, without the driver that may follow it after a ``+``."""

_ALMOST_URL = re.compile(rf"({'|'.join([*_ADAPTERS, 'sqlite'])})(\+[a-z0-9]+)?(:|//+(?=.))", re.IGNORECASE)
"""What is more likely a URL whose ``://`` was misspelt than the name of a directory."""

_SUPPORTED = (
    "a study is kept in a file '<name>.jsonl', in a directory '<name>/', in a database 'sqlite:///<name>.db', "
    "'postgresql://...', 'mysql://...', 'mariadb://...' or 'redis://...', or in memory"
)


def open_journal(
    location: str | os.PathLike[str] | Storage | None = None,
    *,
    durability: Durability = "power",
    lock_timeout: float = 30.0,
    **options: Any,
) -> Storage:
    """The storage at `location`. Nothing is made or read before a study is created or opened there.

    Args:
        location: ``"study.jsonl"``, a file for one study; ``"runs/"``, a directory for many, where the slash may be
            missing if the directory exists or its name has no dot; ``"sqlite:///runs.db"``, or with one slash more an
            absolute path, an SQLite database for many; ``"postgresql://user:password@host/database"``, ``"mysql://..."``
            or ``"mariadb://..."``, also with a driver, as in ``"mysql+pymysql://..."``, and ``"redis://..."`` or
            ``"rediss://..."``, a server for many; a storage object, which is returned as it is; None for a new
            storage in memory. ``~`` is the home directory.
        durability: ``"power"`` makes acknowledged events survive a power failure, at the price of a disk sync each;
            ``"process"`` makes them survive the end of any process. Memory survives neither, and on a server its own
            settings decide.
        lock_timeout: How long to wait for other writers of a file or database, or for an answer of Redis, in seconds.
        options: For servers: ``heartbeat_interval=60.0`` and ``grace_period=120.0``, how often a worker says that it is
            alive and after how many seconds of silence it counts as dead; and more arguments for
            `hpo_adapters.sql.SqlStorage`, which hands them on to `sqlalchemy.create_engine`, or for
            `hpo_adapters.redis.RedisStorage`, which does to `redis.Connection`.

    Raises:
        UnsupportedJournal: a URL or file of a kind that this version can't keep studies in.
        InvalidArgument: an empty text, or another option than described.
        InvalidType: something else than a path, a storage, or None.
        MissingExtra: what the location needs is not installed.

    Example:
        >>> open_journal("runs/digits.jsonl", durability="process").location.endswith("/runs/digits.jsonl")
        True
    """
    if isinstance(location, str) and (scheme := _URL.match(location)) and scheme[1].lower() in _ADAPTERS:
        check_options(durability, lock_timeout)
        adapter = import_module(_ADAPTERS[scheme[1].lower()])
        storage: Storage = adapter.open_storage(location, lock_timeout=lock_timeout, **options)
        return storage
    if options:
        raise InvalidArgument(f"only servers take other options than durability and lock_timeout; got {[*options]}")
    if location is None:
        return MemoryStorage()
    if isinstance(location, str | os.PathLike):
        file_options: dict[str, Any] = {"durability": durability, "lock_timeout": lock_timeout}
        if isinstance(location, str) and location.startswith(_SQLITE):
            return _open_sqlite(location, file_options)
        path = _checked_path(location)
        if (almost := _ALMOST_URL.match(path)) and not os.path.lexists(path):  # the rest may hold a password
            raise UnsupportedJournal(
                f"{almost[0]}...",
                f"this looks like a URL with something else than '://' after {almost[1]!r}: {_SUPPORTED}; "
                "a directory of such a name is written with './' before it",
            )
        return _open_path(path, file_options)
    if isinstance(location, Storage):
        return location
    raise InvalidType(f"a storage is a path, a storage object or None; got {location!r}: {_SUPPORTED}")


def _checked_path(location: str | os.PathLike[str]) -> str:
    text = os.fspath(location)
    if not isinstance(text, str):
        raise InvalidType(f"a path is a text, got {text!r}")
    if not text or "\0" in text:
        raise InvalidArgument(f"{text!r} is no path: {_SUPPORTED}")
    if scheme := _URL.match(text):  # the rest may hold a password
        raise UnsupportedJournal(f"{scheme[0]}...", f"this version has no storage of this kind: {_SUPPORTED}")
    return os.path.expanduser(text)


def _open_sqlite(url: str, options: dict[str, Any]) -> Storage:
    path = url.removeprefix(_SQLITE)
    if path in {"", ":memory:"}:
        raise UnsupportedJournal(url, "a database in memory would be gone with its connection: pass None for memory")
    if "?" in path:  # in other libraries' URLs, options follow
        raise InvalidArgument(
            f"{url!r} holds a question mark: options are arguments, and such a path a SqliteStorage's"
        )
    if "\0" in path or path.endswith("/"):
        raise InvalidArgument(f"{url!r} leads to no file: {_SUPPORTED}")
    from hpo.journal.sqlite import SqliteStorage  # sqlite3 is loaded where it is used

    return SqliteStorage(path, **options)


def _open_path(path: str, options: dict[str, Any]) -> Storage:
    if path.endswith("/") or os.path.isdir(path):
        return DirectoryStorage(path, **options)
    suffix = os.path.splitext(path)[1]
    if suffix == ".jsonl":
        return FileStorage(path, **options)
    if suffix or os.path.lexists(path):
        raise UnsupportedJournal(path, f"it ends neither in .jsonl nor in /: {_SUPPORTED}")
    return DirectoryStorage(path, **options)
