"""Write a study as a normalized SQLite file, for SQL and datasette."""

from __future__ import annotations

import contextlib
import datetime
import functools
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from hpo.core import FrozenTrial, StudyState, distribution_to_json, to_json_tree
from hpo.transfer.destination import Source, moment, new_file, state_of

if TYPE_CHECKING:
    import sqlite3

    from sqlite_utils import Database

_STUDY = 1  # the id of the only study of a file
_INT64 = 1 << 63
_ANY = bytes  # a column that keeps the type of each value; with any other type SQLite would convert values
_VALUE = {"value": _ANY, "type": str, "json": str}
_OF_TRIAL = [("trial_id", "trials", "id")]

_TABLES: Mapping[str, dict[str, Any]] = {
    "studies": {
        "columns": {"id": int, "name": str, "seed": str, "created": str, "n_trials": int},
        "pk": "id",
        "not_null": {"name", "seed", "n_trials"},
    },
    "objectives": {
        "columns": {"study_id": int, "objective": int, "direction": str, "metric_name": str},
        "pk": ("study_id", "objective"),
        "foreign_keys": [("study_id", "studies", "id")],
        "not_null": {"direction"},
    },
    "trials": {
        "columns": {
            "id": int,
            "study_id": int,
            "number": int,
            "state": str,
            "reason": str,
            "worker": str,
            "datetime_start": str,
            "datetime_complete": str,
            "duration": float,
            "cost": float,
            "checkpoint": str,
            "parent": int,
        },
        "pk": "id",
        "foreign_keys": [("study_id", "studies", "id")],
        "not_null": {"study_id", "number", "state"},
    },
    "params": {
        "columns": {"trial_id": int, "name": str, **_VALUE, "distribution": str},
        "pk": ("trial_id", "name"),
        "foreign_keys": _OF_TRIAL,
        "not_null": {"type", "json", "distribution"},
    },
    "values": {
        "columns": {"trial_id": int, "objective": int, **_VALUE, "sem": float},
        "pk": ("trial_id", "objective"),
        "foreign_keys": _OF_TRIAL,
        "not_null": {"type", "json"},
    },
    "intermediate_values": {
        "columns": {"trial_id": int, "step": int, **_VALUE},
        "pk": ("trial_id", "step"),
        "foreign_keys": _OF_TRIAL,
        "not_null": {"type", "json"},
    },
    "metrics": {
        "columns": {"trial_id": int, "step": int, "name": str, **_VALUE},
        "pk": ("trial_id", "step", "name"),
        "foreign_keys": _OF_TRIAL,
        "not_null": {"type", "json"},
    },
    "constraints": {
        "columns": {"trial_id": int, "name": str, **_VALUE},
        "pk": ("trial_id", "name"),
        "foreign_keys": _OF_TRIAL,
        "not_null": {"type", "json"},
    },
    "attributes": {
        "columns": {"id": int, "study_id": int, "trial_id": int, "kind": str, "name": str, **_VALUE},
        "pk": "id",
        "foreign_keys": [("study_id", "studies", "id"), *_OF_TRIAL],
        "not_null": {"study_id", "kind", "name", "type", "json"},
    },
}
_INDEXES = (
    ("trials", ["study_id", "number"]),
    ("trials", ["state"]),
    ("params", ["name", "value"]),
    ("values", ["objective", "value"]),
    ("constraints", ["name", "value"]),
    ("attributes", ["study_id"]),
    ("attributes", ["trial_id"]),
    ("attributes", ["name", "value"]),
)


def export_sqlite(study: Source, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a study to a SQLite file with one table for each kind of fact.

    The tables are ``studies``, ``objectives``, ``trials``, ``params``, ``values``, ``intermediate_values``, ``metrics``
    (reports by name), ``constraints`` and ``attributes``, whose ``kind`` is ``user``, ``fixed_param`` (given by `enqueue`) or ``note`` (the
    sampler's). Every value has three columns: ``value``, which SQL can compare and compute with, and which is NULL for
    None, NaN, lists and dicts; ``type``, one of ``none bool int float text datetime list dict``; and ``json``, the exact
    value. There are foreign keys and indexes.

    Args:
        study: A study, or a `StudyState`.
        path: The file. It appears whole or not at all.
        overwrite: Whether to replace an existing file.

    Raises:
        InvalidArgument: `path` exists and `overwrite` is false, or its directory does not exist.
        OSError: the file cannot be written.

    Example:
        >>> import sqlite3, tempfile, hpo
        >>> from contextlib import closing
        >>> state = hpo.StudyState.create()
        >>> state, trial = hpo.ask(state, hpo.samplers.RandomSampler(), {"n": hpo.IntDistribution(3, 3)})
        >>> state = hpo.tell(state, trial.number, 0.5)
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     export_sqlite(state, f"{directory}/study.db")
        ...     with closing(sqlite3.connect(f"{directory}/study.db")) as db:
        ...         db.execute("SELECT number, name, value, type FROM trials JOIN params ON trial_id = id").fetchall()
        [(0, 'n', 3, 'int')]
    """
    import sqlite3

    from sqlite_utils import Database

    state = state_of(study)
    with new_file(path, overwrite=overwrite) as draft:
        try:
            with contextlib.closing(sqlite3.connect(draft)) as connection:
                _write(Database(connection, execute_plugins=False), connection, state)
        except sqlite3.OperationalError as error:  # such as a full disk
            raise OSError(f"{os.fspath(path)} cannot be written: {error}") from error


def _write(database: Database, connection: sqlite3.Connection, state: StudyState) -> None:
    _create(database)
    for table, rows in _rows(state).items():
        columns = list(_TABLES[table]["columns"])
        places = ", ".join(f":{column}" for column in columns)
        connection.executemany(f'INSERT INTO "{table}" VALUES ({places})', rows)  # noqa: S608 - fixed names
    for table, indexed in _INDEXES:
        database[table].create_index(indexed)  # type: ignore[union-attr]
    connection.commit()


def _create(database: Database) -> None:
    for table, design in _TABLES.items():
        database[table].create(**design)  # type: ignore[union-attr]


def _rows(state: StudyState) -> dict[str, Iterable[dict[str, Any]]]:
    trials = state.trials
    written = functools.cache(distribution_to_json)

    def described(trial: FrozenTrial, name: str) -> str:
        return written(trial.distributions[name])

    return {
        "studies": [
            {
                "id": _STUDY,
                "name": state.name,
                "seed": str(state.seed),  # it may have more than 64 bits
                "created": moment(state.created_at),
                "n_trials": state.n_trials,
            }
        ],
        "objectives": [
            {
                "study_id": _STUDY,
                "objective": i,
                "direction": direction,
                "metric_name": state.metric_names[i] if state.metric_names else None,
            }
            for i, direction in enumerate(state.directions)
        ],
        "trials": map(_trial_row, trials),
        "params": (
            {"trial_id": trial.number, "name": name, **_value(value), "distribution": described(trial, name)}
            for trial in trials
            for name, value in trial.params.items()
        ),
        "values": (
            {
                "trial_id": trial.number,
                "objective": i,
                **_value(value),
                "sem": None if trial.sem is None else trial.sem[i],
            }
            for trial in trials
            for i, value in enumerate(trial.values or ())
        ),
        "metrics": (
            {"trial_id": trial.number, "step": step, "name": name, **_value(value)}
            for trial in trials
            for step, by_name in trial.metrics.items()
            for name, value in by_name.items()
        ),
        "intermediate_values": (
            {"trial_id": trial.number, "step": step, **_value(value)}
            for trial in trials
            for step, value in trial.intermediate_values.items()
        ),
        "constraints": (
            {"trial_id": trial.number, "name": name, **_value(value)}
            for trial in trials
            for name, value in trial.constraints.items()
        ),
        "attributes": _attribute_rows(state, trials),
    }


def _trial_row(trial: FrozenTrial) -> dict[str, Any]:
    return {
        "id": trial.number,
        "study_id": _STUDY,
        "number": trial.number,
        "state": trial.state.name,
        "reason": trial.reason,
        "worker": trial.worker,
        "datetime_start": moment(trial.started_at),
        "datetime_complete": moment(trial.finished_at),
        "duration": None if trial.duration is None else trial.duration.total_seconds(),
        "cost": trial.cost,
        "checkpoint": trial.checkpoint,
        "parent": trial.parent,
    }


def _attribute_rows(state: StudyState, trials: Iterable[FrozenTrial]) -> Iterator[dict[str, Any]]:
    for name, value in state.user_attrs.items():
        yield {"id": None, "study_id": _STUDY, "trial_id": None, "kind": "user", "name": name, **_value(value)}
    for trial in trials:
        kinds = {"user": trial.user_attrs, "fixed_param": trial.fixed_params, "note": trial.note}
        for kind, attributes in kinds.items():
            for name, value in attributes.items():
                row = {"id": None, "study_id": _STUDY, "trial_id": trial.number, "kind": kind, "name": name}
                yield {**row, **_value(value)}


def _value(value: Any) -> dict[str, Any]:
    """Return the three columns of a value."""
    kind, scalar = _scalar(value)
    return {"value": scalar, "type": kind, "json": msgspec.json.encode(to_json_tree(value)).decode()}


def _scalar(value: Any) -> tuple[str, bool | int | float | str | None]:
    """Return the type of a value, and the value as SQL can use it."""
    match value:
        case None:
            return "none", None
        case bool():
            return "bool", value
        case int():
            return "int", value if -_INT64 <= value < _INT64 else float(value)
        case float():
            return "float", None if math.isnan(value) else value
        case str():
            return "text", value
        case datetime.datetime():
            return "datetime", value.isoformat()
        case list():
            return "list", None
    return "dict", None
