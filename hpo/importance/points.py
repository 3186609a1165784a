"""Trials as points of the unit cube, in which a random trial is anywhere with equal probability, for models.

Notation: `n` trials, `d` columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import CategoricalDistribution
from hpo.errors import InvalidArgument, SeveralObjectives
from hpo.importance.cells import units
from hpo.importance.evidence import Column, Evidence
from hpo.importance.results import Importance, Importances

LEAST_R2 = 0.2
"""A model that predicts worse than this knows too little to say what matters."""


@attrs.frozen(eq=False)
class Points:
    """What models are fitted to: those trials that have all parameters of interest.

    Attributes:
        names: The parameters that have more than one value, ``d`` of them.
        constants: The parameters that have one value only.
        absent: The parameters that are not assessed, since some trials lack them or had another range.
        points: The trials, ``(n, d)``. Choices are at equal distances, in the order of their mean losses.
        losses: Their losses, ``(n,)``.
        categorical: Which columns are choices, ``(d,)``.
    """

    names: tuple[str, ...]
    constants: tuple[str, ...]
    absent: tuple[str, ...]
    points: NDArray[np.float64]
    losses: NDArray[np.float64]
    categorical: NDArray[np.bool_]

    @property
    def says_nothing(self) -> bool:
        """Whether nothing can be learned: there are less than two trials, no parameters, or all losses are equal."""
        return len(self.losses) < 2 or not self.names or not np.ptp(self.losses) > 0.0

    def directions(self) -> list[float | None]:
        """Return for each parameter whether small (-1) or large (1) values go with small losses; None for choices."""
        ranks = _ranks(self.losses)
        found: list[float | None] = []
        for column, is_choice in zip(self.points.T, self.categorical.tolist(), strict=True):
            places = _ranks(column)
            spread = float(places.std() * ranks.std())
            found.append(None if is_choice else float(-(places * ranks).mean() / spread) if spread > 0.0 else 0.0)
        return found


def points_of(evidence: Evidence, asked: str) -> Points:
    """Return trials as points; `asked` names the evaluator in errors.

    If no parameters were asked for by name, they are those that all trials have with one range. Trials are in the order of
    their losses and points, whatever their order in the study.

    Raises:
        SeveralObjectives: there are several losses.
        InvalidArgument: no trial has all parameters that were asked for, or the range of one of them changed.
    """
    if evidence.losses.shape[1] != 1:
        raise SeveralObjectives(asked, "a target, such as target=lambda trial: trial.values[0]")
    columns, rows = list(evidence.columns), np.ones(evidence.n, dtype=np.bool_)
    absent: tuple[str, ...] = ()
    if evidence.chosen:
        for column in columns:
            rows &= column.present
        changed = [column.name for column in columns if len(column.distributions) > 1]
        if evidence.n and columns and not rows.any():
            raise InvalidArgument(f"no trial has all of the parameters {', '.join(repr(c.name) for c in columns)}")
        if changed:
            raise InvalidArgument(
                f"{asked} needs one range for each parameter, and that of {', '.join(map(repr, changed))} changed: "
                "use PedAnovaImportanceEvaluator"
            )
    else:
        shared = [column for column in columns if column.present.all() and len(column.distributions) == 1]
        absent = tuple(column.name for column in columns if column not in shared)
        columns = shared
    losses = evidence.losses[rows, 0]
    varied = [column for column in columns if not column.distribution.single()] if len(losses) else []
    points = np.array([_coordinates(column, rows, losses) for column in varied]).reshape(len(varied), len(losses)).T
    order = np.lexsort((*points.T[::-1], losses)) if len(losses) else np.zeros(0, dtype=np.intp)
    return Points(
        names=tuple(column.name for column in varied),
        constants=tuple(column.name for column in columns if column not in varied),
        absent=absent,
        points=points[order],
        losses=losses[order],
        categorical=np.array([isinstance(c.distribution, CategoricalDistribution) for c in varied], dtype=np.bool_),
    )


def importances_of(
    points: Points,
    entries: Sequence[Importance],
    evidence: Evidence,
    *,
    method: str,
    confidence: float = 0.95,
    r2: float | None = None,
    doubts: Sequence[str] = (),
    **more: object,
) -> Importances:
    """Return the importances of the parameters of points, with those that have one value only, or that can't be told."""
    known = {entry.name for entry in entries}
    rest = [
        Importance(name, 0.0, 0.0, 0.0, 0.0, floor=0.0)
        for name in (*points.names, *points.constants)
        if name not in known
    ]
    said = [*doubts]
    if points.absent:
        names = ", ".join(points.absent)
        said.append(f"Not assessed, as some trials lack it or had another range: {names}. PED-ANOVA can tell.")
    return Importances.of(
        [*entries, *rest],
        method=method,
        n_trials=len(points.losses),
        confidence=confidence,
        left_out=evidence.left_out,
        r2=r2,
        doubts=tuple(said),
        **more,
    )


def doubts_of_model(r2: float, entries: Sequence[Importance]) -> list[str]:
    """Return why what a model says may mean little."""
    if not r2 >= LEAST_R2:
        return [f"No evidence yet: the model explains too little of the results (R2 {r2:.2f}) to say what matters."]
    if not any(entry.is_clear for entry in entries):
        return ["No evidence yet: no parameter stands out from those that can't matter."]
    return []


def nothing_found(points: Points, evidence: Evidence, method: str) -> Importances:
    """Return importances of 0, with the reason why nothing can be learned."""
    n = len(points.losses)
    doubts = []
    if n < 2 and (points.names or points.constants):
        doubts.append(f"No evidence yet: {n} trial{'' if n == 1 else 's'} can't show what matters.")
    elif points.names:
        doubts.append("No evidence: all trials are equally good.")
    return importances_of(points, (), evidence, method=method, doubts=doubts)


def _coordinates(column: Column, rows: NDArray[np.bool_], losses: NDArray[np.float64]) -> NDArray[np.float64]:
    distribution = column.distribution
    if not isinstance(distribution, CategoricalDistribution):
        return units(distribution, column.numbers[rows])
    k, choices = len(distribution.choices), column.choices[rows]
    counts = np.bincount(choices, minlength=k)
    # in the order of mean losses, trees find groups of choices by one split; choices that nobody tried are in the middle
    middle = losses.mean()
    means = np.full(k, 0.0)
    np.divide(np.bincount(choices, losses - middle, minlength=k), counts, out=means, where=counts > 0)
    place = np.empty(k)
    place[np.argsort(means, kind="stable")] = (np.arange(k) + 0.5) / k
    coordinates: NDArray[np.float64] = place[choices]
    return coordinates


def _ranks(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks with the mean 0, equals having equal ones."""
    _, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (counts.cumsum() - 0.5 * counts - 0.5 * len(numbers))[inverse]
    return ranks
