"""Write export files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import datetime
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from hpo.core import HasState, StudyState
from hpo.errors import InvalidArgument, InvalidType

Source: TypeAlias = StudyState | HasState
"""A study or a state, which can be exported."""


def state_of(source: Source) -> StudyState:
    """Return the state to export.

    Raises:
        InvalidType: `source` is neither a state nor a study.
    """
    if isinstance(source, StudyState):
        return source
    if isinstance(source, HasState) and isinstance(state := source.state, StudyState):
        return state
    raise InvalidType(f"a study or a StudyState can be exported, got {source!r} of type {type(source).__name__}")


@contextlib.contextmanager
def new_file(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Path]:
    """Yield the name of a draft, which becomes the file `path` when the block ends, and is removed if the block raises.

    Args:
        path: The file. Its directory must exist.
        overwrite: Whether to replace an existing file. Links are followed.

    Raises:
        InvalidArgument: `path` exists and `overwrite` is false; it is not a regular file; or its directory does not exist.
        OSError: the file cannot be written.
    """
    target = Path(path).expanduser()
    if not target.parent.is_dir():
        raise InvalidArgument(f"the directory {target.parent} of {os.fspath(path)} does not exist: create it first")
    if overwrite:
        target = target.resolve()
        if target.exists() and not target.is_file():
            raise InvalidArgument(f"{os.fspath(path)} is not a regular file, so an export cannot replace it")
    elif os.path.lexists(target):
        raise _taken(path)
    draft = target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}.tmp")
    try:
        yield draft
        if overwrite:
            draft.replace(target)
        else:
            _put(draft, target, path)
    finally:
        draft.unlink(missing_ok=True)


def _put(draft: Path, target: Path, path: str | os.PathLike[str]) -> None:
    """Give the draft its name, unless another program has created the file meanwhile."""
    try:
        target.hardlink_to(draft)
    except FileExistsError:
        raise _taken(path) from None
    except OSError:  # the file system has no hard links, so a file created just now is replaced
        draft.replace(target)


def _taken(path: str | os.PathLike[str]) -> InvalidArgument:
    return InvalidArgument(f"{os.fspath(path)} exists: choose another file, or overwrite it")


def moment(seconds: float | None) -> str | None:
    """Return a time as ISO 8601 in UTC, to the microsecond.

    Example:
        >>> moment(1732190185.25)
        '2024-11-21T11:56:25.250000+00:00'
    """
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).isoformat(timespec="microseconds")
