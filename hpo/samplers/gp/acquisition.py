"""What a suggestion maximizes: expected improvement, times the probability that constraints are met and nothing fails.

With several objectives the improvement is that of the hypervolume which the front dominates.

Running trials have no results yet. Their results are drawn from the model, many times; each such *world* has an expected
improvement, and what counts is the average. The draws are the same normal numbers at every question about a trial, so
that the function is smooth, and a trial that runs elsewhere leaves less to be improved around it.

Notation: `m` points, `d` columns, `n` trials, `w` worlds, `k` objectives.

Source: Snoek, Larochelle and Adams, "Practical Bayesian Optimization of Machine Learning Algorithms", NIPS 2012, section
3.2 (averaging over results of running trials); Gardner et al., "Bayesian Optimization with Inequality Constraints", ICML
2014 (constraints).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.models.gaussian_process import Surrogate
from hpo.numerics.gp import (
    Boxes,
    Posterior,
    Prediction,
    log_expected_hypervolume_improvement,
    log_expected_improvement,
    log_probability_below,
)
from hpo.numerics.pareto import free_boxes, greedy_subset, nondomination_ranks
from hpo.samplers.parts import Belief, Condition, Feasibility, FeatureCoding, without_inactive

_MIDDLE = 0.5
_STEP = 1e-4  # for differences: the probability of failures has no formula for its slopes
_MARGIN = 0.1  # how far the reference point is beyond the front, as a share of its range
_LARGEST_FRONTS = {2: 64, 3: 32, 4: 16}  # by objectives: the number of boxes grows fast with both
_LARGEST_FRONT = 8  # with more objectives

Moments = Sequence[NDArray[np.float64]]  # of each objective
Improvement = Callable[
    [Moments, Moments], tuple[NDArray[np.float64], Sequence[NDArray[np.float64]], Sequence[NDArray[np.float64]]]
]  # of means, ``(m, w)`` each, and variances, ``(m,)`` each: logarithms, and their derivatives by both


@attrs.frozen(eq=False)
class ImprovementAndFeasibility:
    """The logarithm of the expected improvement, of the probability to meet constraints, and the penalty for failures.

    As long as no trial has met all constraints there is nothing to improve on, and it is the other two alone.

    Attributes:
        coding: The columns.
        conditions: Which columns are missing where.
        objectives: The process of each objective.
        posteriors: The same, given the results of running trials in each world.
        improvement: The logarithm of the expected improvement; None if there is nothing to improve on.
        limits: The processes of the constraints.
        feasibility: The model of failures, or None.
    """

    coding: FeatureCoding
    conditions: tuple[Condition, ...]
    objectives: Sequence[Surrogate]
    posteriors: Sequence[Posterior]
    improvement: Improvement | None
    limits: Sequence[Surrogate]
    feasibility: Feasibility | None

    @property
    def first_steps(self) -> NDArray[np.float64]:
        """How far to go at first in each column, ``(d,)``: a share of the least length scale, and not too far."""
        scales = np.min([np.exp(each.factor.hyperparameters.log_scales) for each in self.posteriors], axis=0)
        steps: NDArray[np.float64] = np.clip(0.1 * scales, 0.01, 0.1)
        return steps

    def values(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values at points, ``(m, d)``: ``(m,)``."""
        seen = without_inactive(points, self.conditions)
        values = np.zeros(len(points))
        if self.improvement is not None:
            moments = [
                posterior.mean_and_variance(objective.scaled(seen))
                for objective, posterior in zip(self.objectives, self.posteriors, strict=True)
            ]
            values += self.improvement([means for means, _ in moments], [variances for _, variances in moments])[0]
        for limit in self.limits:
            means, variances = limit.posterior.mean_and_variance(limit.scaled(seen))
            values += log_probability_below(means, variances, 0.0)[0]
        if self.feasibility is not None:
            values += self.feasibility.log_penalties(seen)
        return values

    def predicted(self, point: NDArray[np.float64]) -> list[tuple[float, float]]:
        """Return the mean and the standard deviation that are predicted of each objective at a point, ``(d,)``."""
        seen = without_inactive(point[None], self.conditions)
        moments = [each.posterior.mean_and_variance(each.scaled(seen)) for each in self.objectives]
        return [(float(means[0, 0]), float(np.sqrt(variances[0]))) for means, variances in moments]

    def slopes(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values, ``(m,)``, and the derivatives by the columns of numbers, ``(m, d)``."""
        seen = without_inactive(points, self.conditions)
        values, gradient = np.zeros(len(points)), np.zeros(points.shape)
        if self.improvement is not None:
            predictions = [
                posterior.at(objective.scaled(seen))
                for objective, posterior in zip(self.objectives, self.posteriors, strict=True)
            ]
            logs, by_means, by_variances = self.improvement(
                [each.means for each in predictions], [each.variances for each in predictions]
            )
            values += logs
            for prediction, by_mean, by_variance in zip(predictions, by_means, by_variances, strict=True):
                gradient += self._by_column(seen, prediction, by_mean, by_variance)
        for limit in self.limits:
            prediction = limit.posterior.at(limit.scaled(seen))
            logs, by_mean, by_variance = log_probability_below(prediction.means, prediction.variances, 0.0)
            values += logs
            gradient += self._by_column(seen, prediction, by_mean, by_variance)
        if self.feasibility is not None:
            penalties, by_point = self._penalties(seen)
            values += penalties
            gradient += by_point
        gradient[np.isnan(seen)] = 0.0
        return values, gradient

    def _by_column(
        self,
        seen: NDArray[np.float64],
        prediction: Prediction,
        by_mean: NDArray[np.float64],
        by_variance: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        features = prediction.gradient(by_mean, by_variance)
        hyper = prediction.posterior.factor.hyperparameters
        if hyper.warping is not None:
            features *= hyper.warping.slopes(self.coding.features(seen))
        scales = np.exp(-hyper.log_scales)
        gradient = np.zeros((len(features), self.coding.n_columns))
        gradient[:, self.coding.numeric] = features[:, self.coding.numeric_features] * scales[self.coding.numeric]
        return gradient

    def _penalties(self, seen: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the penalties for failures at points, and their derivatives by the continuous columns."""
        assert self.feasibility is not None  # who calls has looked
        columns = np.flatnonzero(self.coding.continuous)
        # one question for all differences, each into the inside of the range
        steps = np.where(seen[:, columns] > _MIDDLE, -_STEP, _STEP)
        shifted = np.repeat(seen[None], len(columns) + 1, axis=0)
        for place, column in enumerate(columns.tolist()):
            shifted[place + 1, :, column] += steps[:, place]
        penalties = self.feasibility.log_penalties(shifted.reshape(-1, seen.shape[1])).reshape(len(shifted), -1)
        gradient = np.zeros(seen.shape)
        gradient[:, columns] = (penalties[1:] - penalties[0]).T / steps
        return penalties[0], gradient


@attrs.frozen(eq=False)
class Believed:
    """The same, plus the logarithm of the density of what a person believes, times a number."""

    acquisition: ImprovementAndFeasibility
    belief: Belief
    strength: float

    @property
    def first_steps(self) -> NDArray[np.float64]:
        """How far to go at first in each column, ``(d,)``."""
        return self.acquisition.first_steps

    def values(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values at points, ``(m, d)``: ``(m,)``."""
        seen = without_inactive(points, self.acquisition.conditions)
        return self.acquisition.values(points) + self.strength * self.belief.log_density(seen)

    def slopes(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values, ``(m,)``, and the derivatives by the columns of numbers, ``(m, d)``."""
        seen = without_inactive(points, self.acquisition.conditions)
        values, gradient = self.acquisition.slopes(points)
        return (
            values + self.strength * self.belief.log_density(seen),
            gradient + self.strength * self.belief.slopes(seen),
        )


def acquisition_of(
    coding: FeatureCoding,
    conditions: tuple[Condition, ...],
    objectives: Sequence[Surrogate],
    running: NDArray[np.float64],
    normals: NDArray[np.float64],
    limits: Sequence[Surrogate],
    feasibility: Feasibility | None,
) -> ImprovementAndFeasibility:
    """Return the acquisition function.

    Args:
        coding: The columns.
        conditions: Which columns are missing where.
        objectives: The process of each objective.
        running: The points of running trials, and of others without a result, ``(r, d)``.
        normals: Standard normal numbers, ``(k, r, w)``, of which their results are made.
        limits: The processes of the constraints.
        feasibility: The model of failures, or None.
    """
    seen = without_inactive(running, conditions)
    posteriors = [
        each.posterior.with_more(each.scaled(seen), own) for each, own in zip(objectives, normals, strict=True)
    ]
    front = _eligible(objectives)
    drawn = None
    if len(running) and not limits:  # whether a running trial will meet limits is not known
        drawn = np.stack(
            [
                posterior.mean_and_variance(each.scaled(seen))[0]
                for each, posterior in zip(objectives, posteriors, strict=True)
            ],
            axis=-1,
        )
    improvement = None if not len(front) else _improvement(front, drawn, posteriors[0].weights.shape[1])
    return ImprovementAndFeasibility(coding, conditions, objectives, posteriors, improvement, limits, feasibility)


def _eligible(objectives: Sequence[Surrogate]) -> NDArray[np.float64]:
    """Return what can be improved on: what the models say of the complete, feasible trials, ``(n, k)``.

    What the model says of a result is compared, and not the result: a lucky one would never be improved on. Infeasible
    results are data, but nothing to improve on; whether one is feasible is known, and not predicted.
    """
    numbers = functools.reduce(np.intersect1d, [each.numbers for each in objectives])
    columns = []
    for each in objectives:
        order = np.argsort(each.numbers)
        places = order[np.searchsorted(each.numbers, numbers, sorter=order)]
        columns.append(each.smoothed[places])
        eligible = (each.complete & each.feasible)[places]
    return np.stack(columns, axis=1)[eligible]


def _improvement(results: NDArray[np.float64], drawn: NDArray[np.float64] | None, n_worlds: int) -> Improvement:
    """Return the expected improvement on results, ``(n, k)``, and on results drawn in each world, ``(r, w, k)``."""
    if results.shape[1] == 1:
        best = np.full(n_worlds, results.min())
        if drawn is not None:
            best = np.minimum(best, drawn[:, :, 0].min(axis=0))

        def improvement_on_best(means: Moments, variances: Moments) -> tuple[NDArray[np.float64], Moments, Moments]:
            logs, by_mean, by_variance = log_expected_improvement(means[0], variances[0], best)
            return logs, [by_mean], [by_variance]

        return improvement_on_best
    front, reference = _front(results)
    fronts = [front] if drawn is None else [np.concatenate((front, drawn[:, world])) for world in range(n_worlds)]
    worlds = [Boxes.of(*free_boxes(each, reference)) for each in fronts]
    return functools.partial(log_expected_hypervolume_improvement, worlds=worlds * (n_worlds // len(worlds)))


def _front(results: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the front of results, ``(n, k)``, and its reference point.

    The reference point is a tenth of the front's range beyond the worst of the front, in each objective, so that the ends
    of the front count, and it grows wherever that is worth it. A range is taken to be at least a deviation of all results.
    """
    size = _LARGEST_FRONTS.get(results.shape[1], _LARGEST_FRONT)
    front = results[nondomination_ranks(results) == 0]
    worst, best = front.max(axis=0), front.min(axis=0)
    reference = worst + _MARGIN * np.maximum(worst - best, 1.0)
    if len(front) > size:
        front = front[greedy_subset(front, reference, size)]
    return front, reference
