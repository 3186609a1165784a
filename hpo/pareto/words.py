"""Reasons for a choice on a front, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hpo.pareto.fronts import FeasibleFront, TradeOff

Why: TypeAlias = Callable[[FeasibleFront, int, Mapping[str, float]], str]
"""Says what distinguishes the trial at a place of a front, for weights by name: "is the knee of ..."."""

_BY_RANGE = "each objective measured by its range over the front"


def head(front: FeasibleFront, place: int, why: str, scope: str) -> str:
    """Return the sentence that names the chosen trial and says why.

    Args:
        front: The front.
        place: The place of the trial on it.
        why: What distinguishes it.
        scope: Which trials were within bounds, or "".
    """
    shown = ", ".join(f"{name} {value:.4g}" for name, value in _values(front, place).items())
    who = f"rial {front.trials[place].number} ({shown})"
    if len(front.trials) == 1:
        return f"T{who} is the only trial on the front."
    return f"{scope}; of these, t{who} {why}." if scope else f"T{who} {why}."


def knee(front: FeasibleFront, place: int, weights: Mapping[str, float]) -> str:
    """Say that a trial is the knee of a front."""
    if len(front.objectives.names) == 1:
        return "has the best value"
    is_end = len(front.objectives.names) == 2 and (front.losses[place] == front.losses.min(axis=0)).any()
    found = f"the knee of the front of {len(front.trials)} trials"
    said = f"any other gives up at least as much as it gains, {_BY_RANGE}"
    return (
        f"takes the place of {found}, which does not bulge between its ends: {said}"
        if is_end
        else f"is {found}: {said}"
    )


def by_weights(front: FeasibleFront, place: int, weights: Mapping[str, float]) -> str:
    """Say that a trial has the least weighted sum of losses."""
    return f"has the least weighted sum of losses (weights: {_listed(weights)}; {_BY_RANGE})"


def by_preferences(agreeing: int, n: int) -> Why:
    """Return what says that a trial has the least sum, with weights that agree with some of `n` preferences."""

    def why(front: FeasibleFront, place: int, weights: Mapping[str, float]) -> str:
        share = (
            "the preferences" if agreeing == n else f"{agreeing} of the {n} preferences, which contradict each other,"
        )
        return f"{by_weights(front, place, weights)}; these weights are the mean of all that agree with {share}".rstrip(
            ","
        )

    return why


def best_of_rest(front: FeasibleFront, place: int, weights: Mapping[str, float]) -> str:
    """Say that a trial is the best in the objectives without a bound."""
    free = [name for name, weight in weights.items() if weight > 0.0]
    if len(free) == 1:
        return f"has {_most(front, free[0])}"
    return f"is the best compromise between {_and(free)}, {_BY_RANGE}"


def scope(front: FeasibleFront, bounds: Mapping[str, float], n: int) -> str:
    """Say how many trials of a front meet bounds, as the beginning of a sentence."""
    return f"Of the {len(front.trials)} trials on the front, {n} {'has' if n == 1 else 'have'} {_bounds(front, bounds)}"


def out_of_bounds(front: FeasibleFront, bounds: Mapping[str, float], met: NDArray[np.bool_]) -> str:
    """Say that no trial meets bounds, and what the best is where one bound is the reason.

    Args:
        front: The front.
        bounds: The bounds by name.
        met: Which trial meets which bound, ``(n, m)``.
    """
    for objective, name in enumerate(front.objectives.names):
        if not met[:, objective].any():
            best = int(front.losses[:, objective].argmin())
            found = f"{_most(front, name)} is {_values(front, best)[name]:.4g}, of trial {front.trials[best].number}"
            return f"no trial on the front has {_bounds(front, {name: bounds[name]})}: {found}"
    return f"no trial on the front has all of this: {_bounds(front, bounds)}"


def about_neighbours(front: FeasibleFront, place: int, trade_offs: Sequence[TradeOff]) -> list[str]:
    """Return a sentence for each neighbour, and one for the objectives in which no trial is better."""
    mine = _values(front, place)
    said: dict[int, str] = {}
    for each in trade_offs:
        theirs = front.objectives.by_name(each.trial.values or ())
        gained, lost = (
            [
                f"{_compared(front, name, better=better)} ({theirs[name]:.4g} instead of {mine[name]:.4g}, "
                f"{100.0 * abs(each.shares[name]):.0f} %{of_what})"
                for name, of_what in zip(names, [unit, *[""] * len(names)], strict=False)
            ]
            for names, better, unit in ((each.gains, True, " of the range"), (each.gives_up, False, ""))
        )
        said[each.trial.number] = f"Trial {each.trial.number} has {_and(gained)} for {_and(lost)}."
    unbeaten = [name for name in front.objectives.names if name not in {each.objective for each in trade_offs}]
    if len(front.trials) > 1 and unbeaten and trade_offs:
        said[-1] = f"No trial has {_and([_compared(front, name, better=True) for name in unbeaten], 'or')}."
    return [*said.values()]


def _values(front: FeasibleFront, place: int) -> dict[str, float]:
    return front.objectives.by_name(front.trials[place].values or ())


def _is_minimized(front: FeasibleFront, name: str) -> bool:
    return front.objectives.directions[front.objectives.names.index(name)] == "minimize"


def _compared(front: FeasibleFront, name: str, *, better: bool) -> str:
    return f"{'less' if _is_minimized(front, name) is better else 'more'} {name}"


def _most(front: FeasibleFront, name: str) -> str:
    return f"the {'least' if _is_minimized(front, name) else 'most'} {name}"


def _bounds(front: FeasibleFront, bounds: Mapping[str, float]) -> str:
    return _and(
        [
            f"{name} of at {'most' if _is_minimized(front, name) else 'least'} {bound:.6g}"
            for name, bound in bounds.items()
        ]
    )


def _listed(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {weight:.3g}" for name, weight in weights.items())


def _and(parts: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
