"""Trials as CSV, for spreadsheets: one row per trial."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from hpo.core import FrozenTrial, StudyState, to_json_tree
from hpo.transfer.destination import Source, moment, new_file, state_of

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters that start a formula in spreadsheets, or that they skip before one (OWASP, "CSV Injection")."""
_SPECIAL = re.compile('[,"\r\n]')


def export_csv(study: Source, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    r"""Write the trials of a study to a CSV file, by number.

    The columns are ``number``, ``state``, ``value`` (or ``values_<metric>`` for each of several objectives),
    ``params_<name>``, ``constraints_<name>``, ``user_attrs_<name>``, ``reason``, ``worker``, ``datetime_start``,
    ``datetime_complete`` (ISO 8601, UTC) and ``duration`` (seconds). If some trial has one, there are also ``sem`` (or
    ``sem_<metric>``) behind the values, and ``cost``, ``checkpoint`` and ``parent`` at the end. Intermediate values and
    metrics are left out, because a row has no room for them. The file is UTF-8 as in RFC 4180, but lines end in a newline. A cell is empty if the trial has
    no such value.

    A *string* that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets an apostrophe in front, so
    that spreadsheets show it instead of running it; numbers stay as they are.

    Args:
        study: A study, or a `StudyState`.
        path: The file. It appears whole or not at all.
        overwrite: Whether to replace an existing file.

    Raises:
        InvalidArgument: `path` exists and `overwrite` is false, or its directory does not exist.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile, hpo
        >>> from pathlib import Path
        >>> state = hpo.enqueue(hpo.StudyState.create(), {}, user_attrs={"who": "=me", "shift": -1})
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     path = Path(directory, "trials.csv")
        ...     export_csv(state, path)
        ...     print(path.read_text())
        number,state,value,user_attrs_who,user_attrs_shift,reason,worker,datetime_start,datetime_complete,duration
        0,WAITING,,'=me,-1,,,,,
        <BLANKLINE>
    """
    state = state_of(study)
    trials = state.trials
    columns = _columns(state, trials)
    with new_file(path, overwrite=overwrite) as draft, draft.open("x", encoding="utf-8", newline="") as file:
        file.write(_row(_shown("_".join(filter(None, column))) for column in columns))
        for trial in trials:
            cells = dict(_cells(state, trial))
            file.write(_row(_shown(cells.get(column)) for column in columns))


def _columns(state: StudyState, trials: Sequence[FrozenTrial]) -> list[tuple[str, str]]:
    """Return the field and the name of each column, in order. The name is empty if the field has only one column."""
    names: dict[str, dict[str, None]] = {"params": {}, "constraints": {}, "user_attrs": {}}
    for trial in trials:
        for field, known in names.items():
            known.update(dict.fromkeys(getattr(trial, field)))
    named = [(field, name) for field, known in names.items() for name in known]
    single = ("reason", "worker", "datetime_start", "datetime_complete", "duration")
    rare = [
        field
        for field in ("cost", "checkpoint", "parent")
        if any(getattr(trial, field) is not None for trial in trials)
    ]
    sem = _value_columns(state, "sem", "sem") if any(trial.sem is not None for trial in trials) else []
    fields = [(field, "") for field in (*single, *rare)]
    return [("number", ""), ("state", ""), *_value_columns(state), *sem, *named, *fields]


def _value_columns(state: StudyState, one: str = "value", several: str = "values") -> list[tuple[str, str]]:
    n = len(state.directions)
    if n == 1:
        return [(one, "")]
    return [(several, name) for name in state.metric_names or map(str, range(n))]


def _cells(state: StudyState, trial: FrozenTrial) -> Iterator[tuple[tuple[str, str], Any]]:
    yield ("number", ""), trial.number
    yield ("state", ""), trial.state.name
    yield from zip(_value_columns(state), trial.values or (), strict=False)
    yield from zip(_value_columns(state, "sem", "sem"), trial.sem or (), strict=False)
    for field in ("params", "constraints", "user_attrs"):
        yield from (((field, name), value) for name, value in getattr(trial, field).items())
    yield ("reason", ""), trial.reason
    yield ("worker", ""), trial.worker
    yield ("datetime_start", ""), moment(trial.started_at)
    yield ("datetime_complete", ""), moment(trial.finished_at)
    yield ("duration", ""), None if trial.duration is None else trial.duration.total_seconds()
    yield from (((field, ""), getattr(trial, field)) for field in ("cost", "checkpoint", "parent"))


def _shown(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA) else cell
    if isinstance(cell, float):
        return repr(cell)
    if isinstance(cell, datetime.datetime):
        return cell.isoformat()
    return msgspec.json.encode(to_json_tree(cell)).decode()


def _row(cells: Iterable[str]) -> str:
    return ",".join('"{}"'.format(cell.replace('"', '""')) if _SPECIAL.search(cell) else cell for cell in cells) + "\n"
