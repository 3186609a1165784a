"""Several runs of one problem together: which values a share of them attained."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from hpo.core import HasState, StudyState
from hpo.errors import InvalidArgument
from hpo.pareto.fronts import FeasibleFront, ReferencePoint, with_directions


def attained(studies: Iterable[HasState | StudyState], values: ReferencePoint) -> float:
    """Return the share of the studies that found a feasible trial at least as good as `values` in every objective.

    Args:
        studies: Runs of one problem: studies or their states, with the same directions and metric names.
        values: A value for each objective, by name or in order; any number of objectives.

    Raises:
        InvalidArgument: there is no study, they have different objectives, or the values are not one for each objective.
        InvalidType: the values are neither a mapping nor a sequence of numbers.

    Source: Grunert da Fonseca, Fonseca and Hall, "Inferential Performance Assessment of Stochastic Optimisers and the
    Attainment Function", 2001 (the empirical attainment function).

    Example:
        >>> import hpo
        >>> runs = [hpo.create_study(directions=["minimize", "minimize"]) for _ in range(2)]
        >>> runs[0].add_trial(hpo.create_trial(values=[1.0, 1.0]))
        >>> runs[1].add_trial(hpo.create_trial(values=[2.0, 0.0]))
        >>> attained(runs, [1.5, 1.5]), attained(runs, [2.0, 1.0])
        (0.5, 1.0)
    """
    fronts = _fronts(studies)
    objectives = fronts[0].objectives
    point = objectives.losses([*objectives.numbers(values, "values").values()])
    return sum([bool((front.losses <= point).all(axis=1).any()) for front in fronts]) / len(fronts)


def attainment_surface(studies: Iterable[HasState | StudyState], share: float = 0.5) -> list[tuple[float, float]]:
    """Return the best pairs of values that a share of the studies attained, from the best first value to the best second.

    With a half, a typical run has found trials at least as good as each pair; with 1, every run has, and with a small share
    the best run. The pairs are the corners of a staircase: between two of them, the values of neither are attained together.

    Args:
        studies: Runs of one problem with two objectives: studies or their states, with the same directions and metric
            names.
        share: The share of the runs, above 0 and up to 1; at least one run.

    Returns:
        Pairs of values in the order of the objectives; empty if too few runs have found a feasible trial.

    Raises:
        InvalidArgument: there is no study, they have different objectives or not two of them, or the share is not in its range.

    Source: Grunert da Fonseca, Fonseca and Hall, "Inferential Performance Assessment of Stochastic Optimisers and the
    Attainment Function", 2001.

    Example:
        >>> import hpo
        >>> runs = [hpo.create_study(directions=["minimize", "minimize"]) for _ in range(2)]
        >>> runs[0].add_trials([hpo.create_trial(values=values) for values in ([1.0, 4.0], [3.0, 1.0])])
        >>> runs[1].add_trial(hpo.create_trial(values=[2.0, 2.0]))
        >>> attainment_surface(runs, 0.5), attainment_surface(runs, 1.0)
        ([(1.0, 4.0), (2.0, 2.0), (3.0, 1.0)], [(2.0, 4.0), (3.0, 2.0)])
    """
    fronts = _fronts(studies)
    objectives = fronts[0].objectives
    if len(objectives.names) != 2:
        raise InvalidArgument(
            f"an attainment surface is of two objectives, and the studies have {len(objectives.names)}: "
            "`hpo.pareto.attained` takes any number"
        )
    if not 0.0 < share <= 1.0:  # NaN as well
        raise InvalidArgument(f"share is above 0 and at most 1, got {share!r}")
    needed = max(math.ceil(share * len(fronts) - 1e-9), 1)
    firsts = np.unique(np.concatenate([front.losses[:, 0] for front in fronts]))
    # the best second loss of each run among its trials that are at least as good in the first
    seconds = np.stack([_stairs(front.losses, firsts) for front in fronts])
    reached = np.sort(seconds, axis=0)[needed - 1] if len(firsts) else firsts
    better = np.ones(len(reached), dtype=np.bool_)
    better[1:] = reached[1:] < reached[:-1]
    corners = np.column_stack([firsts, reached])[better & (reached < math.inf)]
    signs = objectives.losses([1.0, 1.0])
    return [(first, second) for first, second in (corners * signs).tolist()]


def _stairs(losses: NDArray[np.float64], firsts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least second loss among the points whose first loss is at most each of `firsts`, infinity for none."""
    ordered = losses[np.argsort(losses[:, 0], kind="stable")]
    least = np.append(np.inf, np.minimum.accumulate(ordered[:, 1]))
    found: NDArray[np.float64] = least[np.searchsorted(ordered[:, 0], firsts, side="right")]
    return found


def _fronts(studies: Iterable[HasState | StudyState]) -> Sequence[FeasibleFront]:
    """Return the fronts of runs of one problem, at least one.

    Raises:
        InvalidArgument: there is none, or they have different objectives.
    """
    fronts = [FeasibleFront.of(with_directions(study)) for study in studies]
    if not fronts:
        raise InvalidArgument("studies are runs of one problem, at least one; got none")
    kinds = {(front.objectives.directions, front.objectives.names) for front in fronts}
    if len(kinds) > 1:
        shown = [dict(zip(names, directions, strict=True)) for directions, names in sorted(kinds)]
        raise InvalidArgument(f"the studies are runs of one problem, with the same objectives; got {shown}")
    return fronts
