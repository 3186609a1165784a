"""The trials that an assessment looks at, as columns of numbers and losses.

Notation: `n` trials, `m` objectives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import (
    CategoricalDistribution,
    Choice,
    Distribution,
    FrozenTrial,
    HasState,
    StudyState,
    TrialState,
    as_float,
    checked_states,
    losses,
    violation,
)
from hpo.errors import InvalidArgument, InvalidType

Infeasible: TypeAlias = Literal["exclude", "include", "worst"]
"""What becomes of trials that violate constraints."""
Target: TypeAlias = Callable[[FrozenTrial], float | None] | Literal["cost", "duration", "failure", "infeasibility"]
"""What matters instead of the objectives: a function of a trial, or a name."""


@attrs.frozen(eq=False)
class Column:
    """One parameter of all trials.

    Attributes:
        name: The parameter.
        distributions: The different distributions that trials had for it, in the order told; the last one is the newest.
        numbers: Its values, ``(n,)``; NaN where a trial lacks the parameter, or has a choice.
        choices: The indices of its choices in `labels`, ``(n,)``; -1 where a trial lacks the parameter, or has a number.
        labels: All choices, those of the newest distribution first.
    """

    name: str
    distributions: tuple[Distribution, ...]
    numbers: NDArray[np.float64]
    choices: NDArray[np.intp]
    labels: tuple[Choice, ...]

    @property
    def distribution(self) -> Distribution:
        """The newest distribution."""
        return self.distributions[-1]

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which trials have the parameter, ``(n,)``."""
        there: NDArray[np.bool_] = (self.choices >= 0) | ~np.isnan(self.numbers)
        return there


@attrs.frozen(eq=False)
class Evidence:
    """The trials of an assessment.

    Attributes:
        columns: The parameters to assess, sorted by name.
        losses: What is minimized, ``(n, m)``, all finite; `m` is 1 with a target.
        violations: By how much each trial violates constraints, ``(n,)``; 0 for all unless infeasible trials count as the
            worst.
        chosen: Whether the parameters were asked for by name.
        left_out: How many trials were left out, by reason.
    """

    columns: tuple[Column, ...]
    losses: NDArray[np.float64]
    violations: NDArray[np.float64]
    chosen: bool
    left_out: Mapping[str, int]

    @property
    def n(self) -> int:
        """The number of trials."""
        return len(self.losses)


def evidence_of(
    study: HasState | StudyState,
    *,
    params: Sequence[str] | None = None,
    target: Target | None = None,
    states: Iterable[TrialState | str] | None = None,
    infeasible: Infeasible = "exclude",
) -> Evidence:
    """Return the finished trials of a study as columns; O(trials x parameters).

    Args:
        study: The study or its state.
        params: The parameters to assess, by name; None for all that a trial has.
        target: What matters instead of the objectives, less being better. A trial for which a function returns None, NaN or an
            infinity is left out. The names are ``"cost"``; ``"duration"``, in seconds; ``"failure"``, who fails among
            complete, pruned and failed trials; and ``"infeasibility"``, who violates a constraint.
        states: Which trials count: complete ones by default. A trial without values needs a `target`.
        infeasible: Whether trials that violate constraints are left out, count by their losses ("include"), or count as
            worse than all others ("worst", for methods that compare trials by rank).

    Raises:
        InvalidArgument: no trial that counts has one of `params`, or another argument is not among those allowed.
        InvalidType: an argument has the wrong type.
    """
    state = state_of(study)
    _check_params(params)
    if infeasible not in {"exclude", "include", "worst"}:
        raise InvalidArgument(f"infeasible is 'exclude', 'include' or 'worst', got {infeasible!r}")
    loss, wanted, everyone = _question(state, target)
    wanted = wanted if states is None else frozenset(checked_states(states) or ())
    kept: list[FrozenTrial] = []
    rows: list[tuple[float, ...]] = []
    violations: list[float] = []
    seen: dict[str, None] = {}
    n_infeasible = n_infinite = 0
    spaces: dict[int, object] = {}
    for trial in state.finished:
        if trial.state not in wanted:
            continue
        if id(trial.distributions) not in spaces:  # trials of one joint space share one object
            spaces[id(trial.distributions)] = trial.distributions  # kept, so that no other object gets its id
            seen.update(dict.fromkeys(trial.distributions))
        row = loss(trial)
        if row is None or not all(map(math.isfinite, row)):
            n_infinite += 1
            continue
        violated = violation(trial) if trial.constraints and not everyone else 0.0
        if violated and infeasible == "exclude":
            n_infeasible += 1
            continue
        kept.append(trial)
        rows.append(row)
        violations.append(violated if infeasible == "worst" else 0.0)
    missing = [name for name in params or () if name not in seen]
    if missing:
        raise InvalidArgument(
            f"no trial that counts has the parameter {', '.join(map(repr, missing))}: "
            f"there are {', '.join(map(repr, sorted(seen))) or 'none'}"
        )
    names = sorted(seen if params is None else dict.fromkeys(params))
    counts = {"infeasible": n_infeasible, "without a finite value": n_infinite}
    return Evidence(
        columns=_columns(names, kept),
        losses=np.array(rows, dtype=np.float64).reshape(len(kept), -1 if rows else 1),
        violations=np.array(violations, dtype=np.float64),
        chosen=params is not None,
        left_out={reason: count for reason, count in counts.items() if count},
    )


def state_of(study: HasState | StudyState) -> StudyState:
    """Return the state of a study, or the state itself.

    Raises:
        InvalidType: it is neither.
    """
    state = study if isinstance(study, StudyState) else getattr(study, "state", None)
    if not isinstance(state, StudyState):
        raise InvalidType(f"importances are of a study or a StudyState, got {study!r}")
    return state


_Losses: TypeAlias = Callable[[FrozenTrial], tuple[float, ...] | None]
_COMPLETE = frozenset({TrialState.COMPLETE})
_FINISHED = frozenset({TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL})


def _question(state: StudyState, target: Target | None) -> tuple[_Losses, frozenset[TrialState], bool]:
    """Return the losses of a trial, which states count, and whether infeasible trials do."""
    directions = state.directions
    if target is None:
        return (
            (lambda trial: None if trial.values is None else losses(directions, trial.values)),
            _COMPLETE,
            False,
        )
    if target == "cost":
        return (lambda trial: None if trial.cost is None else (trial.cost,)), _COMPLETE, True
    if target == "duration":
        return (
            (lambda trial: None if trial.duration is None else (trial.duration.total_seconds(),)),
            _COMPLETE,
            True,
        )
    if target == "failure":  # those that fail are looked for, so they come first
        return (lambda trial: (-float(trial.state is TrialState.FAIL),)), _FINISHED, True
    if target == "infeasibility":
        return (lambda trial: (-float(violation(trial) > 0.0),)), _COMPLETE | {TrialState.PRUNED}, True
    if not callable(target):
        raise InvalidArgument(
            f"target is a function of a trial, or 'cost', 'duration', 'failure' or 'infeasibility', got {target!r}"
        )
    return (lambda trial: _number(target(trial), target)), _COMPLETE, False


def _number(found: object, target: object) -> tuple[float] | None:
    if found is None:
        return None
    number = as_float(found)
    if number is None:
        raise InvalidType(f"target returns a number or None, but {target!r} returned {found!r}")
    return (number,)


def _check_params(params: object) -> None:
    if params is None:
        return
    if not isinstance(params, list | tuple) or not all(isinstance(name, str) for name in params):
        raise InvalidType(f"params is a list of names, got {params!r}")


def _columns(names: Sequence[str], trials: Sequence[FrozenTrial]) -> tuple[Column, ...]:
    n = len(trials)
    blocks: dict[int, list[int]] = {}  # rows by space
    for row, trial in enumerate(trials):
        blocks.setdefault(id(trial.distributions), []).append(row)
    columns = []
    for name in names:
        numbers, choices = np.full(n, np.nan), np.full(n, -1, dtype=np.intp)
        order: dict[Distribution, int] = {}  # by distribution, the last row that has it
        for rows in blocks.values():
            distribution = trials[rows[0]].distributions.get(name)
            if distribution is not None:
                order[distribution] = max(order.get(distribution, -1), rows[-1])
        distributions = sorted(order, key=order.__getitem__)
        known = _all_choices(distributions)
        for rows in blocks.values():
            distribution = trials[rows[0]].distributions.get(name)
            if isinstance(distribution, CategoricalDistribution):
                codes = np.array([*map(known.member, distribution.choices), -1], dtype=np.intp)
                places = [distribution.member(trials[row].params[name]) for row in rows]
                choices[rows] = codes[[-1 if place is None else place for place in places]]
            elif distribution is not None:
                numbers[rows] = [trials[row].params[name] for row in rows]
        columns.append(Column(name, tuple(distributions), numbers, choices, tuple(known.choices)))
    return tuple(columns)


def _all_choices(distributions: Sequence[Distribution]) -> CategoricalDistribution:
    """Return a distribution with all choices that a parameter ever had, those of the newest one first."""
    # types count, as they do in `member`; one choice too many stands for "none", as there is no empty distribution
    found: list[Choice] = []
    for distribution in reversed(distributions):
        if isinstance(distribution, CategoricalDistribution):
            known = CategoricalDistribution(found) if found else None
            found += [choice for choice in distribution.choices if known is None or known.member(choice) is None]
    return CategoricalDistribution(found or [None])
