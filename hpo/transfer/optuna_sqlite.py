"""Read studies from the tables of Optuna's SQLite storage, without its code."""

from __future__ import annotations

import contextlib
import datetime
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.errors import InvalidArgument, StudyNotFound, UnsupportedJournal
from hpo.transfer.optuna_translation import OptunaStudy, OptunaTrial, json_value

if TYPE_CHECKING:
    import sqlite3

_NEEDED: Mapping[str, frozenset[str]] = {
    "studies": frozenset({"study_id", "study_name"}),
    "study_directions": frozenset({"study_id", "direction", "objective"}),
    "study_user_attributes": frozenset({"study_id", "key", "value_json"}),
    "study_system_attributes": frozenset({"study_id", "key", "value_json"}),
    "trials": frozenset({"trial_id", "study_id", "number", "state", "datetime_start", "datetime_complete"}),
    "trial_params": frozenset({"trial_id", "param_name", "param_value", "distribution_json"}),
    "trial_values": frozenset({"trial_id", "objective", "value", "value_type"}),
    "trial_intermediate_values": frozenset(
        {"trial_id", "step", "intermediate_value", "intermediate_value_type"},
    ),
    "trial_user_attributes": frozenset({"trial_id", "key", "value_json"}),
    "trial_system_attributes": frozenset({"trial_id", "key", "value_json"}),
}
COPY_INSTEAD = "its studies are loaded as they are, and `hpo.copy_study` copies them"
"""Advice for a file of this library, which need not be imported."""

_NOT_FINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}
_UTC_SINCE = 5
"""The first major version of Optuna that keeps times in UTC; earlier ones keep local times."""


def read_sqlite(path: str | os.PathLike[str], study_name: str | None) -> OptunaStudy:
    """Return a study from the SQLite file `path`, which is opened read-only.

    Args:
        path: The file.
        study_name: The study; None for the only one.

    Raises:
        StudyNotFound: the file has no such study, or several and `study_name` is None.
        UnsupportedJournal: the file is not a storage of Optuna, or one of another version.
        InvalidArgument: the file has content that Optuna does not write.
    """
    import sqlite3

    place = os.fspath(path)
    with contextlib.closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            connection.execute("BEGIN")  # one snapshot, also if a program writes meanwhile
            _check_tables(connection, place)
            return _study(connection, place, study_name)
        except sqlite3.Error as error:
            raise UnsupportedJournal(place, f"SQLite cannot read it: {error}") from error


def _check_tables(db: sqlite3.Connection, place: str) -> None:
    from hpo.journal.sqlite.schema import APPLICATION  # sqlite3 is loaded where it is used

    if db.execute("PRAGMA application_id").fetchone() == (APPLICATION,):
        raise UnsupportedJournal(place, f"it is a database of this library: {COPY_INSTEAD}")
    for table, needed in _NEEDED.items():
        columns = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        if not needed <= columns:
            raise UnsupportedJournal(
                place,
                f"it is not a storage of Optuna 3 to 5, whose table {table} has the columns {', '.join(sorted(needed))}; "
                "upgrade a storage of an older version with `optuna storage upgrade`",
            )


def _study(db: sqlite3.Connection, place: str, study_name: str | None) -> OptunaStudy:
    names = [name for (name,) in db.execute("SELECT study_name FROM studies ORDER BY study_name")]
    if study_name is None and len(names) == 1:
        study_name = names[0]
    found = db.execute("SELECT study_id FROM studies WHERE study_name = ?", (study_name,)).fetchone()
    if found is None or study_name is None:
        raise StudyNotFound(study_name, place, names)
    study_id = found[0]
    directions = db.execute("SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", (study_id,))
    return OptunaStudy(
        name=study_name,
        directions=[direction for (direction,) in directions],
        user_attrs=dict(_attributes(db, "study_user_attributes", study_id)),
        system_attrs=dict(_attributes(db, "study_system_attributes", study_id)),
        trials=_trials(db, study_id),
    )


def _attributes(db: sqlite3.Connection, table: str, study_id: int) -> Iterator[tuple[str, Any]]:
    query = f"SELECT key, value_json FROM {table} WHERE study_id = ? ORDER BY {table.removesuffix('s')}_id"  # noqa: S608
    for key, text in db.execute(query, (study_id,)):
        yield key, json_value(text, f"the value of attribute {key!r} of the study")


def _trials(db: sqlite3.Connection, study_id: int) -> list[OptunaTrial | None]:
    in_utc = _keeps_utc(db)
    by_id: dict[int, OptunaTrial] = {}
    numbers: dict[int, OptunaTrial] = {}
    rows = "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id = ?"
    for trial_id, number, state, start, complete in db.execute(f"{rows} ORDER BY trial_id", (study_id,)):
        place = len(numbers) if number is None else number
        if place in numbers:
            raise InvalidArgument(f"two trials of the study have the number {place}")
        trial = OptunaTrial(state, started_at=_seconds(start, in_utc), finished_at=_seconds(complete, in_utc))
        by_id[trial_id] = numbers[place] = trial
    _add_params_and_attributes(db, study_id, by_id)
    _add_values(db, study_id, by_id)
    return [numbers.get(number) for number in range(max(numbers, default=-1) + 1)]


def _add_params_and_attributes(db: sqlite3.Connection, study_id: int, trials: Mapping[int, OptunaTrial]) -> None:
    query = _of_trials("trial_params", "param_name, param_value, distribution_json", "param_id")
    for trial_id, name, value, distribution in db.execute(query, (study_id,)):
        trials[trial_id].params[name] = value, distribution
    for table, field in (("trial_user_attributes", "user_attrs"), ("trial_system_attributes", "system_attrs")):
        query = _of_trials(table, "key, value_json", f"{table.removesuffix('s')}_id")
        for trial_id, key, text in db.execute(query, (study_id,)):
            getattr(trials[trial_id], field)[key] = json_value(text, f"the value of attribute {key!r} of a trial")


def _add_values(db: sqlite3.Connection, study_id: int, trials: Mapping[int, OptunaTrial]) -> None:
    query = _of_trials("trial_values", "value, value_type", "objective")
    for trial_id, value, kind in db.execute(query, (study_id,)):
        trial = trials[trial_id]
        trial.values = [*(trial.values or ()), _number(value, kind)]
    columns = "step, intermediate_value, intermediate_value_type"
    query = _of_trials("trial_intermediate_values", columns, "trial_intermediate_value_id")
    for trial_id, step, value, kind in db.execute(query, (study_id,)):
        trials[trial_id].intermediate_values[step] = _number(value, kind)


def _of_trials(table: str, columns: str, order: str) -> str:
    return (
        f"SELECT trial_id, {columns} FROM {table} JOIN trials USING (trial_id) "  # noqa: S608 - fixed names
        f"WHERE study_id = ? ORDER BY trial_id, {order}"
    )


def _keeps_utc(db: sqlite3.Connection) -> bool:
    try:
        (version,) = db.execute("SELECT library_version FROM version_info").fetchone()
        return int(version.partition(".")[0]) >= _UTC_SINCE
    except (TypeError, ValueError):
        return True


def _seconds(text: str | None, in_utc: bool) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise InvalidArgument(f"{text!r} is not a time as Optuna writes it") from None
    return (moment.replace(tzinfo=datetime.UTC) if in_utc and moment.tzinfo is None else moment).timestamp()


def _number(value: Any, kind: str) -> float:
    if kind in _NOT_FINITE:
        return _NOT_FINITE[kind]
    return math.nan if value is None else float(value)
