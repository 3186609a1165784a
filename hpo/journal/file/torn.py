"""The torn ends of journals: the beginnings of records whose writers died, kept in files beside the journal."""

# Descriptors, flags and error numbers are those of os, and so are paths.
from __future__ import annotations

import itertools
import os
import re


def keep_torn(path: str, offset: int, content: bytes) -> str:
    """Save `content`, cut off the journal `path` at byte `offset`, and return the name of the new file.

    It is ``<path>.torn-<offset>``, or that with ``.2``, ``.3`` and so on where there was one before.

    Raises:
        OSError: the system refused it; there is no new file.
    """
    for attempt in itertools.count(1):
        name = f"{path}.torn-{offset}" + (f".{attempt}" if attempt > 1 else "")
        try:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except FileExistsError:
            continue
        try:
            write_all(fd, content)
        except BaseException:
            os.unlink(name)
            raise
        finally:
            os.close(fd)
        return name
    raise AssertionError  # there is always a next number


def torn_files(path: str) -> list[str]:
    """What `keep_torn` saved of the journal `path`."""
    directory, name = os.path.split(path)
    torn = re.compile(re.escape(name) + r"\.torn-[0-9]+(\.[0-9]+)?")
    return [os.path.join(directory, other) for other in os.listdir(directory) if torn.fullmatch(other)]


def write_all(fd: int, content: bytes) -> None:
    """Write all of `content`.

    Raises:
        OSError: the system refused it, after none or a part of it.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]
