"""The trials that a plot shows, as columns: whose they are, how they ended, and what they measured.

Notation: `n` trials, `m` objectives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias, TypedDict

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import FrozenTrial, HasState, SearchSpace, StudyState, TrialState, violation
from hpo.core.values import as_int, checked_states
from hpo.errors import InvalidArgument, InvalidType
from hpo.visualization.data.parts.styles import STATUS_ROLES

Studies: TypeAlias = StudyState | HasState | Sequence[StudyState | HasState] | Mapping[str, StudyState | HasState]
"""A study, its state, several of them, or several by name."""

TargetFunction: TypeAlias = Callable[[FrozenTrial], float]

LARGEST = 1e100
"""Numbers beyond this count as infinite: libraries that draw can't compute with them."""

STATUS = {role: code for code, role in enumerate(STATUS_ROLES)}
"""The code of each state of a trial; infeasible ones are complete, and the best are marked one by one."""
_CODE_OF_STATE = {
    TrialState.COMPLETE: STATUS["complete"],
    TrialState.PRUNED: STATUS["pruned"],
    TrialState.FAIL: STATUS["failed"],
    TrialState.RUNNING: STATUS["running"],
    TrialState.PAUSED: STATUS["paused"],
    TrialState.WAITING: STATUS["waiting"],
}


class Select(TypedDict, total=False):
    """The trials that a plot shows: options that every plot has. All trials if none is given.

    Attributes:
        trials: The numbers of the trials.
        last: So many trials, those with the highest numbers.
        top: So many trials, those with the best values of the first objective; infeasible ones come last.
        states: Members of `hpo.TrialState`, or their names.
    """

    trials: Collection[int] | None
    last: int | None
    top: int | None
    states: Iterable[TrialState | str] | None


@attrs.frozen(eq=False, slots=False)
class TrialColumns:
    """The selected trials of a study, ordered by number.

    Attributes:
        name: The name of the study.
        state: The study.
        trials: The trials.
        n_left_out: How many trials of the study were not selected.
    """

    name: str
    state: StudyState
    trials: list[FrozenTrial]
    n_left_out: int = 0

    def __len__(self) -> int:
        return len(self.trials)

    @cached_property
    def number(self) -> NDArray[np.float64]:
        """The numbers of the trials, ``(n,)``."""
        return np.array([trial.number for trial in self.trials], dtype=np.float64)

    @cached_property
    def status(self) -> NDArray[np.int8]:
        """The codes of their states, ``(n,)``, from `STATUS`."""
        codes = np.array([_CODE_OF_STATE[trial.state] for trial in self.trials], dtype=np.int8)
        codes[(codes == STATUS["complete"]) & (self.violation > 0)] = STATUS["infeasible"]
        return codes

    @cached_property
    def violation(self) -> NDArray[np.float64]:
        """By how much each trial violates its constraints, ``(n,)``; 0 if it is feasible."""
        return np.array([violation(trial) if trial.constraints else 0.0 for trial in self.trials], dtype=np.float64)

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """Their values, ``(n, m)``; NaN where there is none. Of a trial that ended early, the last one that it reported."""
        m = len(self.state.directions)
        nothing = (math.nan,) * m
        rows = [
            values
            if (values := trial.values) is not None and len(values) == m
            else _last_report(trial)
            if m == 1
            else nothing
            for trial in self.trials
        ]
        return np.array(rows, dtype=np.float64).reshape(len(rows), m)

    @cached_property
    def spaces(self) -> list[SearchSpace]:
        """The spaces of the trials, each once: trials of one joint space share one object."""
        return [*{id(trial.distributions): trial.distributions for trial in self.trials}.values()]

    def is_status(self, *roles: str) -> NDArray[np.bool_]:
        """Return which trials are in one of these states, ``(n,)``."""
        return np.isin(self.status, [STATUS[role] for role in roles])

    def count(self, role: str) -> int:
        """Return how many trials are in this state."""
        return int((self.status == STATUS[role]).sum())


@attrs.frozen(eq=False)
class Target:
    """What the value of a trial is in a plot.

    Attributes:
        name: Its name.
        values: The value of each trial, ``(n,)``, NaN where there is none.
        sign: 1 if less is better, -1 if more is better, 0 if nobody has said.
    """

    name: str
    values: NDArray[np.float64]
    sign: int

    @property
    def losses(self) -> NDArray[np.float64]:
        """The values, negated if more is better, ``(n,)``."""
        return -self.values if self.sign < 0 else self.values


def columns_of(study: StudyState | HasState, select: Select | None = None, name: str | None = None) -> TrialColumns:
    """Return the selected trials of a study as columns.

    Raises:
        InvalidType: it is not a study, or an option has another type.
        InvalidArgument: an option is unknown or out of range.
    """
    state = study if isinstance(study, StudyState) else getattr(study, "state", None)
    if not isinstance(state, StudyState):
        raise InvalidType(f"a plot shows a study or its state, got {study!r} of type {type(study).__name__}")
    select = select or {}
    unknown = [option for option in select if option not in Select.__annotations__]
    if unknown:
        raise InvalidType(
            f"there is no option {unknown[0]!r}: trials are selected by {', '.join(Select.__annotations__)}"
        )
    everything = columns = TrialColumns(state.name if name is None else name, state, state.trials)
    states, numbers = checked_states(select.get("states")), select.get("trials")
    if states is not None:
        columns = _kept(columns, [trial.state in states for trial in columns.trials])
    if numbers is not None:
        if isinstance(numbers, str) or not isinstance(numbers, Collection):
            raise InvalidType(f"trials is a collection of numbers, got {numbers!r}")
        wanted = {*numbers}
        columns = _kept(columns, [trial.number in wanted for trial in columns.trials])
    last, top = _size("last", select.get("last")), _size("top", select.get("top"))
    if last is not None:
        columns = attrs.evolve(columns, trials=columns.trials[max(len(columns) - last, 0) :])
    if top is not None and state.directions:
        losses = columns.values[:, 0] * (-1 if state.directions[0] == "maximize" else 1)
        losses = np.where(columns.is_status("complete", "infeasible"), losses, np.nan)
        order = np.lexsort([losses, columns.violation, np.isnan(losses)])[:top]
        columns = _kept(columns, np.isin(np.arange(len(columns)), order).tolist())
    return attrs.evolve(columns, n_left_out=len(everything) - len(columns))


def several(studies: Studies, select: Select | None = None) -> list[TrialColumns]:
    """Return the selected trials of each of one or several studies; studies without a name, or with an equal one, get one.

    Raises:
        InvalidType: there is something else among the studies.
    """
    if isinstance(studies, Mapping):
        return [columns_of(study, select, str(name)) for name, study in studies.items()]
    if isinstance(studies, StudyState) or not isinstance(studies, Iterable):
        return [columns_of(studies, select)]
    found = [columns_of(study, select) for study in studies]
    names = [columns.name for columns in found]
    return [
        attrs.evolve(columns, name=columns.name or f"study {place}")
        if names.count(columns.name) == 1
        else attrs.evolve(columns, name=f"{columns.name or 'study'} ({names[:place].count(columns.name) + 1})")
        for place, columns in enumerate(found)
    ]


def targets_of(
    columns: TrialColumns, target: TargetFunction | None, target_name: str, direction: str | None = None
) -> list[Target]:
    """Return what is drawn as values: those of `target`, or of each objective.

    Args:
        columns: The trials.
        target: Returns the value of a complete trial, or None for the objectives.
        target_name: The name of the target, and of the only objective if it has no name.
        direction: Whether less of the target is better, ``"minimize"`` or ``"maximize"``; None if it is not known.

    Raises:
        InvalidType: `target` can't be called, or returns something that is not a number.
        InvalidArgument: the direction has another name.
    """
    if direction not in (None, "minimize", "maximize"):
        raise InvalidArgument(f"a direction is 'minimize' or 'maximize', got {direction!r}")
    if target is None:
        names, m = columns.state.metric_names, len(columns.state.directions)
        return [
            Target(
                names[place] if names else target_name if m == 1 else f"{target_name} {place}",
                columns.values[:, place],
                -1 if towards == "maximize" else 1,
            )
            for place, towards in enumerate(columns.state.directions)
        ]
    if not callable(target):
        raise InvalidType(f"target is a function of a trial, got {target!r}")
    values = np.full(len(columns), np.nan)
    for place in np.flatnonzero(columns.is_status("complete", "infeasible")):
        given = target(columns.trials[place])
        try:
            values[place] = given
        except (TypeError, ValueError):
            raise InvalidType(
                f"target returns a number, got {given!r} for trial {columns.trials[place].number}"
            ) from None
    return [Target(target_name, values, {None: 0, "minimize": 1, "maximize": -1}[direction])]


def best_of(columns: TrialColumns, target: Target) -> int | None:
    """Return the place of the best complete and feasible trial, the first among equals; None if there is none."""
    candidates = np.flatnonzero(columns.is_status("complete") & ~np.isnan(target.values))
    if not len(candidates) or not target.sign:
        return None
    return int(candidates[np.argmin(target.losses[candidates])])


def finite(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which values can be drawn where they are: they are finite, and not beyond `LARGEST`."""
    return np.abs(values) <= LARGEST  # False for NaN


def _last_report(trial: FrozenTrial) -> tuple[float]:
    reports = trial.intermediate_values
    return (reports[max(reports)] if reports and trial.state is not TrialState.FAIL else math.nan,)


def _kept(columns: TrialColumns, keep: Sequence[bool]) -> TrialColumns:
    return attrs.evolve(columns, trials=[trial for trial, kept in zip(columns.trials, keep, strict=True) if kept])


def _size(name: str, given: object) -> int | None:
    if given is None:
        return None
    size = as_int(given)
    if size is None:
        raise InvalidType(f"{name} is a number of trials, got {given!r} of type {type(given).__name__}")
    if size < 1:
        raise InvalidArgument(f"{name} is a number of trials of at least 1, got {size}")
    return size
