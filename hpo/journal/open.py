"""From what users write to where studies are kept."""

from __future__ import annotations

import os
import re
import urllib.parse
from typing import Any, TypeAlias

from hpo.errors import BrokenPlugin, InvalidArgument, InvalidType, MissingExtra, UnsupportedJournal
from hpo.journal.file.storage import DirectoryStorage, FileStorage
from hpo.journal.memory import MemoryStorage
from hpo.journal.storage import Durability, Storage, check_options
from hpo.registration import entry_points, package_of

StorageLike: TypeAlias = str | os.PathLike[str] | Storage | None
"""A path, a URL, or a storage object; None stands for a new storage in memory."""

ENTRY_POINTS = "hpo.storages"
"""The group in which packages register a function for the scheme of a URL.

It is called with the URL, `lock_timeout` and more options as keywords, and returns a `Storage`."""

_EXTRAS = {
    "mariadb": "sql",
    "mysql": "sql",
    "postgres": "sql",
    "postgresql": "sql",
    "redis": "redis",
    "rediss": "redis",
}
"""The extra that installs the storage for a URL scheme, for the message about an unknown scheme."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9.-]*)[A-Za-z0-9+.-]*://")
"""A URL; the group is its scheme, without the driver that may follow after a ``+``."""

_SQLITE = "sqlite:///"

_ALMOST_URL = re.compile(rf"({'|'.join([*_EXTRAS, 'sqlite'])})(\+[a-z0-9]+)?(:|//+(?=.))", re.IGNORECASE)
"""Matches names that are more likely a URL with a misspelt ``://`` than a directory."""

_SUPPORTED = (
    "a study is kept in a file '<name>.jsonl', in a directory '<name>/', in a database 'sqlite:///<name>.db', "
    "'postgresql://...', 'mysql://...', 'mariadb://...' or 'redis://...', or in memory"
)


def open_journal(
    location: StorageLike = None,
    *,
    durability: Durability = "power",
    lock_timeout: float = 30.0,
    snapshots: bool = True,
    **options: Any,
) -> Storage:
    """Return the storage at `location`. Nothing is made or read before a study is created or opened there.

    Args:
        location: ``"study.jsonl"``, a file for one study; ``"runs/"``, a directory for many (the slash may be omitted
            if the directory exists or its name has no dot); ``"sqlite:///runs.db"``, or with one slash more an
            absolute path, an SQLite database for many; ``"postgresql://user:password@host/database"``,
            ``"mysql://..."`` or ``"mariadb://..."``, also with a driver, as in ``"mysql+pymysql://..."``, and
            ``"redis://..."`` or ``"rediss://..."``, a server for many; a URL that another package registers; a storage
            object, which is returned as it is; None for a new storage in memory. ``~`` is the home directory.
        durability: ``"power"`` makes acknowledged events survive a power failure, at the price of a disk sync each;
            ``"process"`` makes them survive the end of any process. Memory survives neither, and on a server its own
            settings decide.
        lock_timeout: How long to wait for other writers of a file or database, or for an answer of Redis, in seconds.
        snapshots: Whether a state that took long to load is kept beside the file of its study, in
            ``<file>.snapshot``. It may be deleted at any time. Databases and servers have none.
        options: For servers: ``heartbeat_interval=60.0`` and ``grace_period=120.0``, how often a worker says that it is
            alive and after how many seconds of silence it counts as dead; and further options of the storage, such as
            those of `sqlalchemy.create_engine` or `redis.Connection`.

    Raises:
        UnsupportedJournal: this version can't keep studies in a URL or file of this kind.
        InvalidArgument: `location` is empty, or an option has another value than described.
        InvalidType: `location` is not a path, a storage, or None.
        MissingExtra: what the location needs is not installed.
        BrokenPlugin: another package registers the scheme of the URL, and can't be used.

    Example:
        >>> open_journal("runs/digits.jsonl", durability="process").location.endswith("/runs/digits.jsonl")
        True
    """
    if isinstance(location, str) and (scheme := _URL.match(location)) and not location.startswith(_SQLITE):
        check_options(durability, lock_timeout)
        return _open_registered(location, scheme, {"lock_timeout": lock_timeout, **options})
    if options:
        raise InvalidArgument(f"only servers take options beside durability and lock_timeout, got {[*options]}")
    if location is None:
        return MemoryStorage()
    if isinstance(location, str | os.PathLike):
        file_options: dict[str, Any] = {"durability": durability, "lock_timeout": lock_timeout}
        if isinstance(location, str) and location.startswith(_SQLITE):
            return _open_sqlite(location, file_options)
        return _open_path(_checked_path(location), {**file_options, "snapshots": snapshots})
    if isinstance(location, Storage):
        return location
    raise InvalidType(f"a storage is a path, a storage object or None, got {location!r}: {_SUPPORTED}")


def _open_registered(url: str, scheme: re.Match[str], options: dict[str, Any]) -> Storage:
    """Return the storage at a URL, from the package that registers its scheme."""
    name, shown = scheme[1].lower(), f"{scheme[0]}..."  # the rest of a URL may hold a password
    points = {point.value: point for point in entry_points(ENTRY_POINTS) if point.name == name}
    if not points:
        if name == "sqlite":
            path = "a path after it begins with a third slash, as in 'sqlite:///runs.db', or with a fourth if it is absolute"
            raise UnsupportedJournal(shown, f"the URL of an SQLite database: {path}")
        if name in _EXTRAS:
            raise MissingExtra(f"a journal at {shown}", _EXTRAS[name])
        raise UnsupportedJournal(
            shown, f"no installed package keeps studies at URLs of the scheme {name!r}: {_SUPPORTED}"
        )
    if len(points) > 1:
        packages = ", ".join(sorted(package_of(point) for point in points.values()))
        raise BrokenPlugin(packages, ENTRY_POINTS, name, "several packages register this scheme: keep one of them")
    (point,) = points.values()
    try:
        open_storage = point.load()
    except MissingExtra:
        raise
    except Exception as error:
        problem = f"{point.value} can't be imported: {type(error).__name__}: {error}"
        raise BrokenPlugin(package_of(point), ENTRY_POINTS, name, problem) from error
    if not callable(open_storage):
        raise BrokenPlugin(package_of(point), ENTRY_POINTS, name, f"{point.value} is not a function")
    storage = open_storage(url, **options)
    if not isinstance(storage, Storage):
        problem = f"{point.value} returned a {type(storage).__name__}, which is not a hpo.journal.Storage"
        raise BrokenPlugin(package_of(point), ENTRY_POINTS, name, problem)
    return storage


def _checked_path(location: str | os.PathLike[str]) -> str:
    text = os.fspath(location)
    if not isinstance(text, str):
        raise InvalidType(f"a path is a string, got {text!r}")
    if not text or "\0" in text:
        raise InvalidArgument(f"{text!r} is not a path: {_SUPPORTED}")
    path = os.path.expanduser(text)
    if (almost := _ALMOST_URL.match(path)) and not os.path.lexists(path):  # the rest may hold a password
        raise UnsupportedJournal(
            f"{almost[0]}...",
            f"this looks like a URL with something else than '://' after {almost[1]!r}: {_SUPPORTED}; "
            "put './' before the name of a directory like this",
        )
    return path


def _open_sqlite(url: str, options: dict[str, Any]) -> Storage:
    path, _, query = url.removeprefix(_SQLITE).partition("?")
    for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):  # as in the URLs of other libraries
        if name != "timeout" or not re.fullmatch(r"\d+(\.\d*)?", value):
            raise InvalidArgument(
                f"{url!r} has the option {name}={value!r} after its question mark: only timeout=<seconds> is taken there; "
                "pass other options as arguments, and a path with a question mark to SqliteStorage"
            )
        options = {**options, "lock_timeout": float(value)}
    if path == ":memory:":  # a database there would be gone with its connection
        return MemoryStorage()
    if not path:
        raise UnsupportedJournal(url, "the name of the file is missing: pass None for a study in memory")
    if "\0" in path or path.endswith("/"):
        raise InvalidArgument(f"{url!r} does not lead to a file: {_SUPPORTED}")
    from hpo.journal.sqlite import SqliteStorage  # sqlite3 is loaded when it is used

    return SqliteStorage(path, **options)


def _open_path(path: str, options: dict[str, Any]) -> Storage:
    if path.endswith("/") or os.path.isdir(path):
        return DirectoryStorage(path, **options)
    suffix = os.path.splitext(path)[1]
    if suffix == ".jsonl":
        return FileStorage(path, **options)
    if suffix or os.path.lexists(path):
        raise UnsupportedJournal(path, f"the name ends neither in .jsonl nor in /: {_SUPPORTED}")
    return DirectoryStorage(path, **options)
