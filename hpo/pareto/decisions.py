"""Which trial of a front to take: its knee, or the choice by weights, bounds or preferences, with the reason in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import FrozenTrial, HasState, Key, StudyState
from hpo.errors import InvalidArgument, InvalidType
from hpo.numerics.pareto.boxes import comparable
from hpo.pareto import words
from hpo.pareto.fronts import FeasibleFront, TradeOff, with_directions

Weights: TypeAlias = Mapping[str, float] | Sequence[float]
"""A weight for each objective, by name or in order, from 0 on and not all 0."""

_DRAWS = 4_096  # weights among which those are searched that agree with preferences


@attrs.frozen
class Choice:
    """A trial of the feasible front, and why it was chosen.

    Attributes:
        trial: The trial.
        values: Its values by the names of the objectives.
        reason: Why it was chosen and what its neighbours would give instead, in words.
        trade_offs: Its nearest neighbour in the direction of each objective that can still be better.
        weights: What each objective counted, by name; they sum up to 1.
    """

    trial: FrozenTrial
    values: dict[str, float] = attrs.field(hash=False)
    reason: str
    trade_offs: tuple[TradeOff, ...]
    weights: dict[str, float] = attrs.field(hash=False)

    @property
    def number(self) -> int:
        """The number of the trial."""
        return self.trial.number


def knee(study: HasState | StudyState) -> Choice:
    """Return the trial of the feasible front from which any move gives up at least as much as it gains.

    Each objective is measured by its range over the front, so units don't matter, and all count the same. Where the front
    bulges towards better values, the knee is where it bulges most; where it does not, the knee is one of its ends, and
    the reason says so. Among equals, the trial with the lowest number is taken.

    Args:
        study: The study, or its state.

    Raises:
        NoFeasibleTrial: no trial is complete and feasible.

    Source: Das, "On Characterizing the 'Knee' of the Pareto Curve Based on Normal-Boundary Intersection", 1999.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "maximize"], metric_names=["seconds", "accuracy"])
        >>> study.add_trials([hpo.create_trial(values=v) for v in ([1.0, 0.5], [2.0, 0.9], [9.0, 0.95])])
        >>> knee(study).values
        {'seconds': 2.0, 'accuracy': 0.9}
        >>> print(knee(study).reason.split(". ")[1])
        Trial 0 has less seconds (1 instead of 2, 12 % of the range) for less accuracy (0.5 instead of 0.9, 89 %)
    """
    front = _front_of(with_directions(study))
    m = len(front.objectives.names)
    return _chosen(front, np.full(m, 1.0 / m), np.ones(len(front.trials), dtype=np.bool_), words.knee)


def choose(
    study: HasState | StudyState,
    *,
    weights: Weights | None = None,
    bounds: Mapping[str, float] | None = None,
    preferences: Sequence[tuple[int, int]] | None = None,
) -> Choice:
    """Return the trial of the feasible front that suits wishes best, with the reason in words.

    Bounds leave the trials that meet them. Among what is left, the trial with the least weighted sum of losses wins, each
    objective measured by its range over the front; among equals, the one with the lowest number. Without weights and
    preferences, the objectives without a bound count the same (all of them, if all have bounds).

    A sum takes what lies between two trials that are better on balance for none: where a front is hollow, bounds reach
    trials that no weights reach.

    Args:
        study: The study, or its state.
        weights: How much each objective counts.
        bounds: The worst value that is allowed, by the name of an objective.
        preferences: Pairs of numbers of trials on the front, of which the first is preferred. Of all weights, those count that
            agree with the most pairs, on average. Not together with `weights`.

    Raises:
        NoFeasibleTrial: no trial is complete and feasible.
        InvalidArgument: nothing is given, or weights and preferences both; a name is not one of an objective; weights are
            negative, infinite or all 0; no trial of the front meets the bounds; a preferred or other trial is not on it.
        InvalidType: an argument is of another type.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "maximize"], metric_names=["seconds", "accuracy"])
        >>> study.add_trials([hpo.create_trial(values=v) for v in ([1.0, 0.5], [2.0, 0.9], [9.0, 0.95])])
        >>> choose(study, bounds={"accuracy": 0.93}).number, choose(study, weights=[9, 1]).number
        (2, 0)
        >>> choose(study, preferences=[(2, 1)]).number
        2
    """
    if weights is None and bounds is None and preferences is None:
        raise InvalidArgument("give weights, bounds or preferences; `knee` needs none of them")
    if weights is not None and preferences is not None:
        raise InvalidArgument("give weights or preferences: preferences are what weights are found from")
    front = _front_of(with_directions(study))
    names = front.objectives.names
    within = np.ones(len(front.trials), dtype=np.bool_)
    scope = ""
    bounded: Mapping[str, float] = {}
    if bounds is not None:
        if not isinstance(bounds, Mapping):
            raise InvalidType(f"bounds are numbers by the names of objectives, got {bounds!r}")
        bounded = front.objectives.numbers(bounds, "bounds", all_of_them=False)
        within = _within(front, bounded)
        scope = words.scope(front, bounded, int(within.sum()))
    if weights is not None:
        found = _checked_weights(front, weights)
        return _chosen(front, found, within, words.by_weights, scope)
    if preferences is not None:
        found, agreeing = _weights_from(front, _checked_pairs(front, preferences))
        return _chosen(front, found, within, words.by_preferences(agreeing, len(preferences)), scope)
    free = np.array([name not in bounded for name in names])
    counted = free if free.any() else ~free
    return _chosen(front, counted / counted.sum(), within, words.best_of_rest, scope)


def _front_of(state: StudyState) -> FeasibleFront:
    front = FeasibleFront.of(state)
    front.check_not_empty(state)
    return front


def _chosen(
    front: FeasibleFront, weights: NDArray[np.float64], within: NDArray[np.bool_], why: words.Why, scope: str = ""
) -> Choice:
    """Return the choice by weights among the trials within bounds.

    Args:
        front: The front.
        weights: What each objective counts, ``(m,)``.
        within: Whether each trial is within bounds, ``(n,)``.
        why: Says in words what distinguishes the trial.
        scope: Says in words which trials were within bounds.
    """
    scaled = comparable(front.losses)[0]
    scores = scaled @ weights
    # of equal scores, the one with the least sum; trials are in the order of their numbers
    order = np.lexsort((np.arange(len(scores)), scaled.sum(axis=1), np.where(within, scores, np.inf)))
    place = int(order[0])
    trade_offs = tuple(
        [
            _trade_off(front, scaled, place, objective)
            for objective in range(len(weights))
            if (front.losses[:, objective] < front.losses[place, objective]).any()
        ]
    )
    trial = front.trials[place]
    by_name = front.objectives.by_name(weights.tolist())
    sentences = [
        words.head(front, place, why(front, place, by_name), scope),
        *words.about_neighbours(front, place, trade_offs),
    ]
    values = front.objectives.by_name(trial.values or ())
    return Choice(trial, values, " ".join(sentences), trade_offs, by_name)


def _trade_off(front: FeasibleFront, scaled: NDArray[np.float64], place: int, objective: int) -> TradeOff:
    """Return the nearest trial that is better in one objective."""
    better = np.flatnonzero(front.losses[:, objective] < front.losses[place, objective])
    distances = ((scaled[better] - scaled[place]) ** 2).sum(axis=1)
    other = int(better[distances.argmin()])
    with np.errstate(invalid="ignore", over="ignore"):
        gained = front.losses[place] - front.losses[other]
    by_name = front.objectives.by_name(gained.tolist())
    return TradeOff(
        front.objectives.names[objective],
        front.trials[other],
        {name: gain for name, gain in by_name.items() if gain > 0.0},
        {name: -gain for name, gain in by_name.items() if gain < 0.0},
        front.objectives.by_name((scaled[place] - scaled[other]).tolist()),
    )


def _within(front: FeasibleFront, bounds: Mapping[str, float]) -> NDArray[np.bool_]:
    """Return which trials of a front meet bounds, ``(n,)``.

    Raises:
        InvalidArgument: none does.
    """
    objectives = front.objectives
    worst = objectives.losses([bounds.get(name, 0.0) for name in objectives.names])
    asked = np.array([name in bounds for name in objectives.names])
    met = (front.losses <= worst) | ~asked
    within: NDArray[np.bool_] = met.all(axis=1)
    if not within.any():
        raise InvalidArgument(words.out_of_bounds(front, bounds, met))
    return within


def _checked_weights(front: FeasibleFront, given: Weights) -> NDArray[np.float64]:
    """Return weights that sum up to 1, ``(m,)``.

    Raises:
        InvalidArgument: one is missing, negative or infinite, or all are 0.
        InvalidType: they are not numbers.
    """
    weights = np.array([*front.objectives.numbers(given, "weights").values()])
    if not (np.isfinite(weights).all() and (weights >= 0.0).all() and weights.any()):
        raise InvalidArgument(f"weights are finite numbers from 0 on, not all 0; got {given!r}")
    if math.isinf(sum(weights.tolist())):
        weights /= weights.max()
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _checked_pairs(front: FeasibleFront, given: Sequence[tuple[int, int]]) -> NDArray[np.intp]:
    """Return pairs of numbers of trials as pairs of places on the front, ``(p, 2)``.

    Raises:
        InvalidArgument: there is no pair, or one has a trial that is not on the front.
        InvalidType: they are not pairs of numbers of trials.
    """
    place_of = {number: place for place, number in enumerate(front.numbers)}
    try:
        pairs = [(int(preferred), int(other)) for preferred, other in given]
    except (TypeError, ValueError):
        raise InvalidType(
            f"preferences are pairs of numbers of trials, the preferred one first; got {given!r}"
        ) from None
    if not pairs:
        raise InvalidArgument("preferences are at least one pair of numbers of trials, got none")
    for number in {number for pair in pairs for number in pair}:
        if number not in place_of:
            raise InvalidArgument(f"preferences are between trials on the front, {front.numbers}; got {number}")
    return np.array([(place_of[preferred], place_of[other]) for preferred, other in pairs], dtype=np.intp)


def _weights_from(front: FeasibleFront, pairs: NDArray[np.intp]) -> tuple[NDArray[np.float64], int]:
    """Return the mean of the weights that agree with the most preferences, ``(m,)``, and with how many they agree.

    The weights are drawn uniformly from all that sum up to 1: the same ones always, so the answer is, too.
    """
    scaled = comparable(front.losses)[0]
    drawn = Key(0).child("weights").generator().exponential(size=(_DRAWS, scaled.shape[1]))
    drawn /= drawn.sum(axis=1, keepdims=True)
    agreed = (drawn @ (scaled[pairs[:, 1]] - scaled[pairs[:, 0]]).T > 0.0).sum(axis=1)
    best = int(agreed.max())
    mean: NDArray[np.float64] = drawn[agreed == best].mean(axis=0)
    return mean / mean.sum(), best
