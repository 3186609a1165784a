"""The hypervolume of a study's feasible front: how much of the space of values it dominates."""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import HasState, Key, StudyState, shown_with_advice
from hpo.errors import InvalidArgument
from hpo.numerics.pareto import boxes, estimate, hypervolume as exact, unions
from hpo.pareto.fronts import FeasibleFront, FeasibleLosses, ReferencePoint, with_directions

_MARGIN = 0.1  # of the range of the front: how far the default reference point lies beyond its worst values
_MOST_EXACT = 6  # objectives up to which hypervolumes are exact
_DRAWS = 50_000  # for an estimate with more


@attrs.frozen
class Hypervolume:
    """A hypervolume, with the reference point without which the number means nothing; ``float`` gives the number.

    Attributes:
        value: The hypervolume, in the product of the objectives' units.
        low: The lower end of its 95 % interval; `value` where it is exact.
        high: The upper end.
        reference_point: The reference point by name; empty if the front is empty and none was given.
    """

    value: float
    low: float
    high: float
    reference_point: dict[str, float] = attrs.field(hash=False)

    @property
    def exact(self) -> bool:
        """Whether it was computed and not estimated."""
        return self.low == self.high

    def __float__(self) -> float:
        return self.value


def default_reference_point(study: HasState | StudyState) -> dict[str, float]:
    """Return the reference point of a study's hypervolume if none is given, by the names of the objectives.

    In each objective it lies beyond the worst finite value on the feasible front, by a tenth of the range of the finite
    values there. If they have no range, it lies beyond by a tenth of the range of all complete, feasible trials; if these have
    none either, by 1. So it depends neither on the units of an objective nor on where its zero is; but it moves while the
    front grows. To compare studies, or a study with its past, give one reference point for all.

    Args:
        study: The study, or its state.

    Raises:
        NoFeasibleTrial: no trial is complete and feasible.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "maximize"], metric_names=["error", "speed"])
        >>> study.add_trials([hpo.create_trial(values=values) for values in ([1.0, 20.0], [3.0, 30.0], [9.0, 10.0])])
        >>> default_reference_point(study)
        {'error': 3.2, 'speed': 19.0}
    """
    state = with_directions(study)
    front = FeasibleFront.of(state)
    front.check_not_empty(state)
    losses = front.losses
    margins = _MARGIN * _range(losses)
    if not margins.all():
        everything = state.finished.fold(FeasibleLosses(front.objectives.directions)).array[:, 1:]
        margins = np.where(margins > 0.0, margins, _MARGIN * _range(everything))
    worst = np.where(np.isfinite(losses), losses, -np.inf).max(axis=0)
    worst = np.where(np.isfinite(worst), worst, 0.0)  # an objective without a finite value
    reference = np.clip(worst + np.where(margins > 0.0, margins, 1.0), -_LARGEST, _LARGEST)
    return front.objectives.by_name(front.objectives.losses(reference.tolist()).tolist())


def hypervolume(study: HasState | StudyState, reference_point: ReferencePoint | None = None) -> Hypervolume:
    """Return how much of the space of values the feasible front dominates, up to a reference point.

    Exact up to rounding for up to six objectives. With more, it is an estimate with a 95 % interval, the same whenever
    the front is the same.

    Args:
        study: The study, or its state.
        reference_point: A value for each objective, by name or in order, finite. A trial counts as far as it is better in
            all of them. None means `default_reference_point`, which moves with the front.

    Raises:
        InvalidArgument: the reference point lacks an objective, or has another name or a number that is not finite.
        InvalidType: it is neither a mapping nor a sequence of numbers.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "maximize"], metric_names=["error", "speed"])
        >>> study.add_trials([hpo.create_trial(values=values) for values in ([1.0, 20.0], [3.0, 30.0])])
        >>> float(hypervolume(study, {"error": 4.0, "speed": 10.0}))
        40.0
    """
    front = FeasibleFront.of(with_directions(study))
    if reference_point is None and not front.trials:
        return Hypervolume(0.0, 0.0, 0.0, {})
    named, reference = _reference(study, front, reference_point)
    if len(reference) <= _MOST_EXACT:
        value = exact.hypervolume(front.losses, reference)
        return Hypervolume(value, value, value, named)
    drawn = Key(0).child("hypervolume").generator().random((_DRAWS, 1 + len(reference)))
    return Hypervolume(*estimate.estimated_hypervolume(front.losses, reference, drawn), named)


def contributions(study: HasState | StudyState, reference_point: ReferencePoint | None = None) -> dict[int, float]:
    """Return what each trial of the feasible front alone adds to the hypervolume, by number.

    That is what the front would lose without it; trials that are not on the front add nothing, and neither do trials with
    equal values.

    Args:
        study: The study, or its state.
        reference_point: As for `hypervolume`.

    Raises:
        InvalidArgument: as for `hypervolume`, or the study has more than six objectives.
        InvalidType: as for `hypervolume`.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "minimize"])
        >>> study.add_trials([hpo.create_trial(values=values) for values in ([1.0, 3.0], [2.0, 2.0], [4.0, 1.0])])
        >>> contributions(study, [5.0, 5.0])
        {0: 2.0, 1: 2.0, 2: 1.0}
    """
    front = FeasibleFront.of(with_directions(study))
    _check_exact(len(front.objectives.names), "contributions")
    if reference_point is None and not front.trials:
        return {}
    _, reference = _reference(study, front, reference_point)
    return dict(zip(front.numbers, exact.contributions(front.losses, reference).tolist(), strict=True))


def hypervolume_history(
    study: HasState | StudyState, reference_point: ReferencePoint | None = None
) -> dict[int, float]:
    """Return the hypervolume after each finished trial, by the trial's number, in the order in which they were told.

    All of them are measured with one reference point, so none is less than the one before. Infeasible, failed and
    pruned trials change nothing. O(front) for most trials, and one exclusive volume for each that joined the front.

    Args:
        study: The study, or its state.
        reference_point: As for `hypervolume`; None means the `default_reference_point` of the study as it is now.

    Raises:
        InvalidArgument: as for `hypervolume`, or the study has more than six objectives.
        InvalidType: as for `hypervolume`.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "minimize"])
        >>> study.add_trials([hpo.create_trial(values=values) for values in ([1.0, 3.0], [2.0, 2.0], [4.0, 4.0])])
        >>> hypervolume_history(study, [5.0, 5.0])
        {0: 8.0, 1: 11.0, 2: 11.0}
    """
    state = with_directions(study)
    front = FeasibleFront.of(state)
    _check_exact(len(front.objectives.names), "a history")
    if reference_point is None and not front.trials:
        return dict.fromkeys([trial.number for trial in state.finished], 0.0)
    _, reference = _reference(study, front, reference_point)
    rows = state.finished.fold(FeasibleLosses(front.objectives.directions)).array
    after = dict(zip(rows[:, 0].astype(np.int64).tolist(), _growth(rows[:, 1:], reference), strict=True))
    history, value = {}, 0.0
    for trial in state.finished:
        value = history[trial.number] = after.get(trial.number, value)
    return history


_LARGEST = float(np.finfo(np.float64).max)


def _range(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the range of the finite losses of each objective, ``(m,)``; 0 where there are none."""
    finite = np.isfinite(losses)
    best = np.where(finite, losses, np.inf).min(axis=0, initial=np.inf)
    worst = np.where(finite, losses, -np.inf).max(axis=0, initial=-np.inf)
    with np.errstate(invalid="ignore", over="ignore"):
        span: NDArray[np.float64] = np.minimum(worst - best, _LARGEST)
    return np.where(finite.any(axis=0), span, 0.0)


def _reference(
    study: HasState | StudyState, front: FeasibleFront, given: ReferencePoint | None
) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Return a reference point by name, and as losses ``(m,)``."""
    if given is None:
        named = default_reference_point(study)
    else:
        named = front.objectives.numbers(given, "a reference point")
        if not all(map(math.isfinite, named.values())):
            raise InvalidArgument(f"a reference point is finite, got {shown_with_advice(given)}")
    return named, front.objectives.losses([*named.values()])


def _check_exact(m: int, what: str) -> None:
    if m > _MOST_EXACT:
        raise InvalidArgument(
            f"{what} of hypervolumes are exact, which takes too long with more than {_MOST_EXACT} objectives; the study "
            f"has {m}: ask for its hypervolume, which is estimated"
        )


def _growth(losses: NDArray[np.float64], reference: NDArray[np.float64]) -> list[float]:
    """Return the hypervolume of the first point, of the first two, and so on; losses ``(n, m)``."""
    sides, exponents = boxes.boxes_of(losses, reference)
    front = np.empty((0, sides.shape[1]))
    volume, volumes = 0.0, []
    for box in sides:
        if box.all() and not (front >= box).all(axis=1).any():
            volume += math.inf if np.isinf(box).any() else unions.exclusive_volume(box, front)
            front = np.vstack([front[(front > box).any(axis=1)], box])
        volumes.append(boxes.in_units(volume, exponents))
    return volumes
