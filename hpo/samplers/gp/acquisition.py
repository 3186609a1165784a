"""What a suggestion maximizes: expected improvement, times the probability that constraints are met and nothing fails.

Running trials have no results yet. Their results are drawn from the model, many times; each such *world* has an expected
improvement, and what counts is the average. The draws are the same normal numbers at every question about a trial, so
that the function is smooth, and a trial that runs elsewhere leaves less to be improved around it.

Notation: `m` points, `d` columns, `n` trials, `w` worlds.

Source: Snoek, Larochelle and Adams, "Practical Bayesian Optimization of Machine Learning Algorithms", NIPS 2012, section
3.2 (averaging over results of running trials); Gardner et al., "Bayesian Optimization with Inequality Constraints", ICML
2014 (constraints).
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.models.gaussian_process import Surrogate
from hpo.numerics.gp import Posterior, Prediction, log_expected_improvement, log_probability_below
from hpo.samplers.gp.coding import Condition, FeatureCoding, without_inactive
from hpo.samplers.parts import Feasibility

_MIDDLE = 0.5
_STEP = 1e-4  # for differences: the probability of failures has no formula for its slopes


@attrs.frozen(eq=False)
class ImprovementAndFeasibility:
    """The logarithm of the expected improvement, of the probability to meet constraints, and the penalty for failures.

    As long as no trial has met all constraints there is nothing to improve on, and it is the other two alone.

    Attributes:
        coding: The columns.
        conditions: Which columns are missing where.
        objective: The process of the objective.
        posterior: The same, given the results of running trials in each world.
        best: The value to improve on in each world, ``(w,)``; None if there is none.
        limits: The processes of the constraints.
        feasibility: The model of failures, or None.
    """

    coding: FeatureCoding
    conditions: tuple[Condition, ...]
    objective: Surrogate
    posterior: Posterior
    best: NDArray[np.float64] | None
    limits: Sequence[Surrogate]
    feasibility: Feasibility | None

    @property
    def first_steps(self) -> NDArray[np.float64]:
        """How far to go at first in each column, ``(d,)``: a share of the length scale, and not too far."""
        scales = np.exp(self.posterior.factor.hyperparameters.log_scales)
        steps: NDArray[np.float64] = np.clip(0.1 * scales, 0.01, 0.1)
        return steps

    def values(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values at points, ``(m, d)``: ``(m,)``."""
        seen = without_inactive(points, self.conditions)
        values = np.zeros(len(points))
        if self.best is not None:
            means, variances = self.posterior.mean_and_variance(self.objective.scaled(seen))
            values += log_expected_improvement(means, variances, self.best)[0]
        for limit in self.limits:
            means, variances = limit.posterior.mean_and_variance(limit.scaled(seen))
            values += log_probability_below(means, variances, 0.0)[0]
        if self.feasibility is not None:
            values += self.feasibility.log_penalties(seen)
        return values

    def predicted(self, point: NDArray[np.float64]) -> tuple[float, float]:
        """Return the mean and the standard deviation that are predicted of the result at a point, ``(d,)``."""
        seen = without_inactive(point[None], self.conditions)
        means, variances = self.objective.posterior.mean_and_variance(self.objective.scaled(seen))
        return float(means[0, 0]), float(np.sqrt(variances[0]))

    def slopes(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values, ``(m,)``, and the derivatives by the columns of numbers, ``(m, d)``."""
        seen = without_inactive(points, self.conditions)
        values, gradient = np.zeros(len(points)), np.zeros(points.shape)
        if self.best is not None:
            prediction = self.posterior.at(self.objective.scaled(seen))
            logs, by_mean, by_variance = log_expected_improvement(prediction.means, prediction.variances, self.best)
            values += logs
            gradient += self._by_column(prediction, by_mean, by_variance)
        for limit in self.limits:
            prediction = limit.posterior.at(limit.scaled(seen))
            logs, by_mean, by_variance = log_probability_below(prediction.means, prediction.variances, 0.0)
            values += logs
            gradient += self._by_column(prediction, by_mean, by_variance)
        if self.feasibility is not None:
            penalties, by_point = self._penalties(seen)
            values += penalties
            gradient += by_point
        gradient[np.isnan(seen)] = 0.0
        return values, gradient

    def _by_column(
        self, prediction: Prediction, by_mean: NDArray[np.float64], by_variance: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        features = prediction.gradient(by_mean, by_variance)
        scales = np.exp(-prediction.posterior.factor.hyperparameters.log_scales)
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


def acquisition_of(
    coding: FeatureCoding,
    conditions: tuple[Condition, ...],
    objective: Surrogate,
    running: NDArray[np.float64],
    normals: NDArray[np.float64],
    limits: Sequence[Surrogate],
    feasibility: Feasibility | None,
) -> ImprovementAndFeasibility:
    """Return the acquisition function.

    Args:
        coding: The columns.
        conditions: Which columns are missing where.
        objective: The process of the objective.
        running: The points of running trials, and of others without a result, ``(k, d)``.
        normals: Standard normal numbers, ``(k, w)``, of which their results are made.
        limits: The processes of the constraints.
        feasibility: The model of failures, or None.
    """
    scaled = objective.scaled(without_inactive(running, conditions))
    posterior = objective.posterior.with_more(scaled, normals)
    best = None
    # infeasible results are data, but nothing to improve on; whether one is feasible is known, and not predicted
    eligible = objective.complete & objective.feasible
    if eligible.any():
        # what the model says of a result is compared, and not the result: a lucky one would never be improved on
        lowest = float(objective.smoothed[eligible].min())
        best = np.full(posterior.weights.shape[1], lowest)
        if len(running) and not limits:
            best = np.minimum(best, posterior.mean_and_variance(scaled)[0].min(axis=0))
    return ImprovementAndFeasibility(coding, conditions, objective, posterior, best, limits, feasibility)
