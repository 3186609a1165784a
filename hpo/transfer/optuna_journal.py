"""Read studies from Optuna's journal file, which has one JSON object per line, each an operation."""

from __future__ import annotations

import datetime
import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from hpo.errors import HpoError, InvalidArgument, JournalCorrupted, StudyNotFound
from hpo.transfer.optuna_translation import Kind, OptunaStudy, OptunaTrial, json_value, kind_of

_STATES: Final = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")
_UNFINISHED: Final = ("RUNNING", "WAITING")
_DIRECTIONS: Final = ("NOT_SET", "MINIMIZE", "MAXIMIZE")


def read_journal(path: str | os.PathLike[str], study_name: str | None) -> OptunaStudy:
    """Return a study from the journal file `path`, as Optuna would show it.

    A last line without a newline comes from a crash or from a writer at work, and is ignored.

    Args:
        path: The file.
        study_name: The study; None for the only one.

    Raises:
        StudyNotFound: the file has no such study, or several and `study_name` is None.
        JournalCorrupted: a line other than the last one is not an operation.
    """
    place = os.fspath(path)
    replayed = _Replay()
    offset = 0
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                replayed.apply(json_value(line.decode(), "the line"))
            except (HpoError, LookupError, TypeError, ValueError, AttributeError) as error:
                problem = f"this is not an operation of Optuna's journal ({_said(error)})"
                raise JournalCorrupted(place, number, offset, problem) from None
            offset += len(line)
    studies = {study.name: study for study in replayed.studies.values()}
    if study_name is None and len(studies) == 1:
        return next(iter(studies.values()))
    if study_name is None or study_name not in studies:
        raise StudyNotFound(study_name, place, sorted(studies))
    return studies[study_name]


def _said(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) and not isinstance(error, HpoError) else str(error)


@attrs.define
class _Replay:
    """The studies after the operations so far. Ids of studies and trials count over all studies, and are never reused."""

    studies: dict[int, OptunaStudy] = attrs.Factory(dict)
    trials: list[tuple[int, int, OptunaTrial]] = attrs.Factory(list)
    """By id: the study's id, the trial's number in it, and the trial."""
    n_studies: int = 0
    first_with: dict[tuple[int, str], tuple[int, Kind]] = attrs.Factory(dict)
    """By study and parameter: the lowest number of a trial that has it, with the kind of its distribution."""
    kind_of: Callable[[str], Kind] = attrs.Factory(lambda: functools.cache(kind_of))
    """Cached, because there are many parameters and few different distributions."""

    def apply(self, operation: Any) -> None:
        """Apply one operation. One on a study or trial that does not exist, or is finished, lost a race and is ignored."""
        if not isinstance(operation, dict):
            raise InvalidArgument(f"it is not an object, but {operation!r}")
        code = operation["op_code"]
        if code not in _OPERATIONS:
            raise InvalidArgument(f"its op_code is {code!r}")
        _OPERATIONS[code](self, operation)

    def create_study(self, operation: Mapping[str, Any]) -> None:
        """Create a study, unless its name is taken."""
        name = operation["study_name"]
        if not isinstance(name, str):
            raise InvalidArgument(f"a study is named {name!r}")
        if all(study.name != name for study in self.studies.values()):
            directions = [_DIRECTIONS[direction] for direction in operation["directions"]]
            self.studies[self.n_studies] = OptunaStudy(name, directions)
            self.n_studies += 1

    def delete_study(self, operation: Mapping[str, Any]) -> None:
        """Delete a study. The ids of its trials are not used again."""
        self.studies.pop(operation["study_id"], None)

    def set_study_user_attr(self, operation: Mapping[str, Any]) -> None:
        """Set an attribute of a study, in place of an earlier one with the same key."""
        if study := self.studies.get(operation["study_id"]):
            study.user_attrs |= operation["user_attr"]

    def set_study_system_attr(self, operation: Mapping[str, Any]) -> None:
        """Set a system attribute of a study, in place of an earlier one with the same key."""
        if study := self.studies.get(operation["study_id"]):
            study.system_attrs |= operation["system_attr"]

    def create_trial(self, operation: Mapping[str, Any]) -> None:
        """Create a trial: a running one, unless the operation says how it ended."""
        study_id = operation["study_id"]
        study = self.studies.get(study_id)
        if study is None:
            return
        value, values = operation.get("value"), operation.get("values")
        trial = OptunaTrial(
            state=_STATES[operation.get("state", 0)],
            values=values if values is not None else None if value is None else [value],
            user_attrs=dict(operation.get("user_attrs", {})),
            system_attrs=dict(operation.get("system_attrs", {})),
            intermediate_values={int(step): v for step, v in operation.get("intermediate_values", {}).items()},
            started_at=_seconds(operation["datetime_start"]),
            finished_at=_seconds(operation.get("datetime_complete")),
        )
        number = len(study.trials)
        study.trials.append(trial)
        self.trials.append((study_id, number, trial))
        for name, internal in operation.get("params", {}).items():
            self._add_param(study_id, number, trial, name, internal, operation["distributions"][name])

    def set_trial_param(self, operation: Mapping[str, Any]) -> None:
        """Set a parameter, unless the first trial that has it has another kind of distribution under its name."""
        if (found := self._unfinished(operation)) is None:
            return
        study_id, number, trial = found
        name, written = operation["param_name"], operation["distribution"]
        first = self.first_with.get((study_id, name))
        if first is not None and not first[1].allows(self.kind_of(written)):
            return
        self._add_param(study_id, number, trial, name, operation["param_value_internal"], written)

    def _add_param(
        self, study_id: int, number: int, trial: OptunaTrial, name: str, internal: float, written: str
    ) -> None:
        trial.params[name] = internal, written
        first = self.first_with.get((study_id, name))
        if first is None or number <= first[0]:
            self.first_with[study_id, name] = number, self.kind_of(written)

    def set_trial_state_values(self, operation: Mapping[str, Any]) -> None:
        """Set state and values of a trial. If several workers start an enqueued trial, the first one gets it."""
        if (found := self._unfinished(operation)) is None:
            return
        trial, state = found[2], _STATES[operation["state"]]
        if state == trial.state == "RUNNING":
            return
        if state == "RUNNING":
            trial.started_at = _seconds(operation["datetime_start"])
        elif state not in _UNFINISHED:
            trial.finished_at = _seconds(operation["datetime_complete"])
        trial.state = state
        if operation["values"] is not None:
            trial.values = operation["values"]

    def set_trial_intermediate_value(self, operation: Mapping[str, Any]) -> None:
        """Set an intermediate value, in place of an earlier one of the same step."""
        if found := self._unfinished(operation):
            found[2].intermediate_values[operation["step"]] = operation["intermediate_value"]

    def set_trial_user_attr(self, operation: Mapping[str, Any]) -> None:
        """Set an attribute of a trial, in place of an earlier one with the same key."""
        if found := self._unfinished(operation):
            found[2].user_attrs |= operation["user_attr"]

    def set_trial_system_attr(self, operation: Mapping[str, Any]) -> None:
        """Set a system attribute of a trial, in place of an earlier one with the same key."""
        if found := self._unfinished(operation):
            found[2].system_attrs |= operation["system_attr"]

    def discard_trials(self, operation: Mapping[str, Any]) -> None:
        """Do nothing, as Optuna itself keeps the trials."""

    def _unfinished(self, operation: Mapping[str, Any]) -> tuple[int, int, OptunaTrial] | None:
        trial_id = operation["trial_id"]
        if not 0 <= trial_id < len(self.trials):
            return None
        found = self.trials[trial_id]
        return found if found[2].state in _UNFINISHED else None


_OPERATIONS: Mapping[int, Callable[[_Replay, Mapping[str, Any]], None]] = {
    0: _Replay.create_study,
    1: _Replay.delete_study,
    2: _Replay.set_study_user_attr,
    3: _Replay.set_study_system_attr,
    4: _Replay.create_trial,
    5: _Replay.set_trial_param,
    6: _Replay.set_trial_state_values,
    7: _Replay.set_trial_intermediate_value,
    8: _Replay.set_trial_user_attr,
    9: _Replay.set_trial_system_attr,
    10: _Replay.discard_trials,
}


def _seconds(text: str | None) -> float | None:
    """Return a time in seconds since 1970; without a zone it is local time, as older versions wrote it."""
    return None if text is None else datetime.datetime.fromisoformat(text).timestamp()
