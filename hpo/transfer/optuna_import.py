"""Import a study from Optuna's files, without Optuna."""

from __future__ import annotations

import functools
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

import attrs
from msgspec.structs import replace

from hpo.core import (
    AddTrial,
    AnyEvent,
    Command,
    CreateStudy,
    FrozenTrial,
    SetStudyAttribute,
    SpaceDefined,
    StudyState,
    TrialState,
    decide,
    replay,
    trial_record,
)
from hpo.errors import HpoError, InvalidArgument, InvalidType, UnsupportedJournal, ValueOutsideDistribution
from hpo.journal import Storage, open_journal
from hpo.journal.file.lines import LONGEST_BEGINNING, looks_like_record
from hpo.transfer.optuna_journal import read_journal
from hpo.transfer.optuna_sqlite import COPY_INSTEAD, read_sqlite
from hpo.transfer.optuna_translation import OptunaStudy, distribution_of, no_trial, trial_of

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SQLITE_MAGIC = b"SQLite format 3\0"
_METRIC_NAMES = "study:metric_names"


@attrs.frozen
class ImportedStudy:
    """The result of `import_optuna`.

    Attributes:
        study_name: The name of the new study.
        n_trials: The number of its trials.
        n_interrupted: How many of them were running in Optuna, and have failed here.
        n_waiting: How many of them are enqueued.
    """

    study_name: str
    n_trials: int
    n_interrupted: int
    n_waiting: int


def import_optuna(
    path_or_url: str | os.PathLike[str],
    study_name: str | None,
    to_storage: str | os.PathLike[str] | Storage,
    to_study_name: str | None = None,
) -> ImportedStudy:
    """Copy a study from a storage of Optuna: its SQLite file or its journal file.

    These facts are kept: the directions, the metric names if they differ from each other, and the user attributes of the
    study; and of each trial its number, state, values, parameters and distributions, intermediate values, constraints,
    user attributes, enqueued parameters, and times to the microsecond. Other attributes that Optuna and its samplers
    attached to a trial are in its `note`, under ``"optuna"``, without pickles. A running trial is imported as failed. A
    choice that is a list or dict becomes a string of JSON.

    Optuna need not be installed. The file is only read, and nothing in it is unpickled or evaluated. Storages of Optuna
    3, 4 and 5 can be imported.

    Args:
        path_or_url: The file, as a path or as ``"sqlite:///optuna.db"``.
        study_name: The study to copy; None for the only one.
        to_storage: The storage of the new study: a path, a URL or a storage object, as `hpo.open_journal` takes it.
        to_study_name: The name of the new study; the same name if not given.

    Raises:
        StudyNotFound: the file has no such study, or several and `study_name` is None.
        DuplicatedStudyError: the target has a study of this name.
        UnsupportedJournal: the file is not a storage of Optuna, or the URL does not name a file.
        JournalCorrupted: a line of the journal file is damaged.
        InvalidArgument: the file has content that Optuna does not write. Nothing was created.
        OSError: the file does not exist or cannot be read.

    Example:
        >>> import json, tempfile, hpo
        >>> from pathlib import Path
        >>> operations = [
        ...     {"op_code": 0, "study_name": "digits", "directions": [2]},
        ...     {"op_code": 4, "study_id": 0, "datetime_start": "2026-01-01T12:00:00.000001+00:00"},
        ...     {"op_code": 6, "trial_id": 0, "state": 1, "values": [0.5], "datetime_complete": "2026-01-01T12:00:01"},
        ... ]
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     file = Path(directory, "journal.log")
        ...     _ = file.write_text("".join(json.dumps(operation) + chr(10) for operation in operations))
        ...     imported = import_optuna(file, None, f"{directory}/runs/")
        ...     study = hpo.load_study(study_name="digits", storage=f"{directory}/runs/")
        >>> imported.n_trials, study.direction, study.best_value
        (1, <StudyDirection.MAXIMIZE: 'maximize'>, 0.5)
    """
    storage = open_journal(to_storage)
    found = _read(path_or_url, study_name)
    name = found.name if to_study_name is None else to_study_name
    events, state = _carried_out(_commands(found, name))
    storage.create(name, events)
    interrupted = sum(trial is not None and trial.state == "RUNNING" for trial in found.trials)
    return ImportedStudy(name, state.n_trials, interrupted, len(state.waiting))


def _read(path_or_url: str | os.PathLike[str], study_name: str | None) -> OptunaStudy:
    path = _path(path_or_url)
    if path.exists() and not path.is_file():  # opening a pipe would wait forever
        raise UnsupportedJournal(os.fspath(path), "Optuna keeps studies in a file, and this is not a regular file")
    with path.open("rb") as file:
        beginning = file.read(LONGEST_BEGINNING)
    if beginning.startswith(_SQLITE_MAGIC):
        return read_sqlite(path, study_name)
    if looks_like_record(beginning):
        raise UnsupportedJournal(os.fspath(path), f"it is a journal of this library: {COPY_INSTEAD}")
    if not beginning.startswith(b"{"):
        raise UnsupportedJournal(os.fspath(path), "it is neither a SQLite file nor a journal file of Optuna")
    return read_journal(path, study_name)


def _path(path_or_url: str | os.PathLike[str]) -> Path:
    text = os.fspath(path_or_url)
    if not isinstance(text, str):
        raise InvalidType(f"a path is a string, got {text!r}")
    if not text:
        raise InvalidArgument("'' is not a path: give the file of a storage of Optuna")
    scheme = _URL.match(text)
    if scheme is None:
        return Path(text).expanduser()
    if scheme[1].partition("+")[0] != "sqlite":  # the rest may contain a password
        raise UnsupportedJournal(
            f"{scheme[0]}...", "only a SQLite file or a journal file can be imported; optuna.copy_study makes one"
        )
    path = unquote(text[scheme.end() :].partition("?")[0]).removeprefix("/")
    if not path or path == ":memory:":
        raise InvalidArgument(f"{text} does not name a file: give its path")
    return Path(path)


def _commands(found: OptunaStudy, name: str) -> list[Command]:
    directions = tuple("maximize" if direction == "MAXIMIZE" else "minimize" for direction in found.directions)
    names = found.system_attrs.get(_METRIC_NAMES)
    created = CreateStudy(
        name=name,
        directions=directions,
        seed=secrets.randbits(63),
        metric_names=tuple(names) if isinstance(names, list) and len({*names}) == len(names) else None,
    )
    attributes = [SetStudyAttribute(key, value) for key, value in found.user_attrs.items()]
    return [created, *attributes, *_added(found)]


def _added(found: OptunaStudy) -> list[Command]:
    commands: list[Command] = []
    remembered = functools.cache(distribution_of)
    for number, record in enumerate(found.trials):
        try:
            commands.append(AddTrial(no_trial() if record is None else trial_of(record, remembered)))
        except HpoError as error:
            raise InvalidArgument(
                f"trial {number} of Optuna's study {found.name!r} cannot be imported: {error}"
            ) from error
    return commands


def _carried_out(commands: Sequence[Command]) -> tuple[list[AnyEvent], StudyState]:
    events: list[AnyEvent] = []
    state = StudyState()
    for command in commands:
        try:
            some = _decided(state, command)
        except HpoError as error:
            if isinstance(command, AddTrial):
                raise InvalidArgument(f"trial {state.n_trials} cannot be imported: {error}") from error
            raise
        events += some
        state = replay(some, state)
    return events, state


def _decided(state: StudyState, command: Command) -> list[AnyEvent]:
    try:
        return decide(state, command)
    except ValueOutsideDistribution:
        if not isinstance(command, AddTrial):
            raise
        return _as_it_happened(state, command.trial)


def _as_it_happened(state: StudyState, trial: FrozenTrial) -> list[AnyEvent]:
    """Return the events of a trial with a value outside its distribution, which an enqueued value can be.

    `AddTrial` refuses such a trial, because for a user it would be a mistake. In Optuna's study it is a fact. The rest of
    the trial is checked without its parameters.
    """
    *_, added = decide(state, AddTrial(replace(trial, params=_EMPTY.params, distributions=_EMPTY.distributions)))
    judged = replay([added], state).finished[-1]
    whole = replace(judged, params=trial.params, distributions=trial.distributions)
    index = state.spaces.get(trial.distributions)
    if index is None:
        return [SpaceDefined(trial.distributions), trial_record(whole, len(state.spaces))]
    return [trial_record(replace(whole, distributions=state.spaces.key_at(index)), index)]


_EMPTY = FrozenTrial(0, TrialState.FAIL)
