"""How much a study with one objective can still improve, by a Gaussian process: three estimates, and the rules on them.

The process is that of `GPSampler`, whatever sampler the study has, and so are its transformation of results and the search
for where it is lowest. All three estimates are in the unit of the objective.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hpo.core import (
    FrozenTrial,
    Key,
    Stop,
    StudyState,
    TrialState,
    is_bool,
    option_check,
    to_float_if_number,
    to_int_if_whole,
    violation,
    whole_from,
)
from hpo.errors import SeveralObjectives
from hpo.models.gaussian_process import Fold, Surrogate, surrogate
from hpo.numerics.gp import Standardization, log_expected_improvement
from hpo.samplers.gp.acquisition import ImprovementAndFeasibility, Moments
from hpo.samplers.gp.search import best_first
from hpo.samplers.parts import FeatureCoding, UnitCube, learned_conditions
from hpo.samplers.tpe.propose import GroupFold
from hpo.stopping.combinations import Combinable

_KEY = Key(0).child("room for improvement")
_SCALED_DOWN = 5.0  # Srinivas et al. divide the width of the bounds by this in their experiments
_NODES = 32  # of the quadrature
_FEWEST = 2
_LARGEST = sys.float_info.max / 4.0


@attrs.frozen(eq=False)
class _Model:
    surrogate: Surrogate
    coding: FeatureCoding
    standardization: Standardization

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial], maximized: bool, deterministic: bool = False) -> _Model | None:
        """Return the model of complete trials, or None if they have no parameter with more than one value."""
        space = functools.reduce(GroupFold().step, trials, GroupFold().init()).space
        coding = FeatureCoding.of(UnitCube.of(space))
        fold = Fold(coding, 0, maximized=maximized, deterministic=deterministic)
        carry = functools.reduce(fold.step, trials, fold.init())
        found = surrogate(fold, carry) if coding.n_columns else None
        return None if found is None else cls(found, coding, fold.standardization(carry.rows.array))

    def losses(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what losses targets, ``(n,)``, stand for, as far as floats reach: differences of them are finite."""
        return np.clip(self.standardization.losses(targets), -_LARGEST, _LARGEST)

    def unit(self, target: float) -> float:
        """Return how many units of the objective a unit of targets is, near a target."""
        low, high = self.losses(np.array([target - 0.5, target + 0.5]))
        return float(high - low)

    @property
    def at_trials(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The means and variances at the trials, ``(n,)`` each."""
        means, variances = self.surrogate.posterior.mean_and_variance(self.surrogate.scaled(self.surrogate.points))
        return means[:, 0], variances

    def largest(self, improvement: Any) -> tuple[NDArray[np.float64], float]:
        """Return the point of the space, ``(d,)``, where a function of means and variances is largest, and its value."""
        conditions = learned_conditions(self.coding, self.surrogate.points)
        models, posteriors = [self.surrogate], [self.surrogate.posterior]
        function = ImprovementAndFeasibility(self.coding, conditions, models, posteriors, improvement, (), None)
        incumbents = self.surrogate.points[np.argsort(self.surrogate.smoothed, kind="stable")]
        points, values = best_first(
            function, self.coding, _KEY, incumbents, n_candidates=256, n_starts=4, iterations=30
        )
        return points[0], float(values[0])


def regret_bound(
    trials: Sequence[FrozenTrial], *, maximized: bool, top_share: float = 0.5, fewest: int = 20, delta: float = 0.1
) -> float:
    """Return an upper bound on how much better than the best trial the best configuration is, at least 0.

    It is the least upper bound of the trials, minus the least lower bound of all configurations, by a process of the better
    trials. The search for the latter follows its slopes, where Optuna compares random points, so that this bound is
    larger. O(`n`^3) for `n` trials.

    Source: Makarova et al., "Automatic Termination for Hyperparameter Optimization", AutoML 2022, section 3, with the width
    of Srinivas et al., "Gaussian Process Optimization in the Bandit Setting", ICML 2010, theorem 1.

    Args:
        trials: Trials of a study with one objective. Complete ones that violate no constraint count.
        maximized: Whether larger results are better.
        top_share: The share of the trials that is modelled, the better ones, above 0 and up to 1.
        fewest: At least so many are.
        delta: With how much probability the bound may fail.

    Returns:
        The bound, in the unit of the objective; infinity if there are fewer than two such trials, or no parameters.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=30)
        >>> 0 <= regret_bound(study.trials, maximized=False) < 0.1
        True
    """
    counted = _counted(trials)
    n = min(max(int(len(counted) * top_share), fewest), len(counted))
    order = sorted(counted, key=lambda trial: _loss(trial, maximized))[:n]
    model = _Model.of(sorted(order, key=lambda trial: trial.number), maximized) if n >= _FEWEST else None
    return math.inf if model is None else _bound(model, delta)


def _bound(model: _Model, delta: float) -> float:
    """Return the regret bound, in the unit of the objective."""
    n, d = model.surrogate.points.shape
    width = math.sqrt(2.0 * math.log(d * n**2 * math.pi**2 / (6.0 * delta)) / _SCALED_DOWN)

    def minus_lower_bound(means: Moments, variances: Moments) -> tuple[NDArray[np.float64], Moments, Moments]:
        deviations = np.sqrt(variances[0])
        values = width * deviations - means[0][:, 0]
        return values, [np.full((len(values), 1), -1.0)], [width / (2.0 * deviations)]

    means, variances = model.at_trials
    _, lowest = model.largest(minus_lower_bound)
    # the bounds of targets are those of losses, since one grows with the other
    low, high = model.losses(np.array([-lowest, (means + width * np.sqrt(variances)).min()]))
    return max(float(high - low), 0.0)


def expected_improvement(trials: Sequence[FrozenTrial], *, maximized: bool) -> float:
    """Return how much better than the best trial the most promising configuration is on average, at least 0.

    O(`n`^3) for `n` trials.

    Source: Jones, Schonlau and Welch, "Efficient Global Optimization of Expensive Black-Box Functions", Journal of Global
    Optimization 13, 1998, equation 15, and section 4.3, which stops by it.

    Args:
        trials: Trials of a study with one objective. Complete ones that violate no constraint count.
        maximized: Whether larger results are better.

    Returns:
        The improvement, in the unit of the objective; infinity if there are fewer than two such trials, or no parameters.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=30)
        >>> 0 <= expected_improvement(study.trials, maximized=False) < 0.01
        True
    """
    counted = _counted(trials)
    model = _Model.of(counted, maximized) if len(counted) >= _FEWEST else None
    if model is None:
        return math.inf
    best = float(model.at_trials[0].min())

    def improvement(means: Moments, variances: Moments) -> tuple[NDArray[np.float64], Moments, Moments]:
        values, by_mean, by_variance = log_expected_improvement(means[0], variances[0], np.array([best]))
        return values, [by_mean], [by_variance]

    point, _ = model.largest(improvement)
    means, variances = model.surrogate.posterior.mean_and_variance(model.surrogate.scaled(point[None]))
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    losses = model.losses(means[0, 0] + math.sqrt(variances[0]) * nodes)
    gains = np.maximum(model.losses(np.array([best]))[0] - losses, 0.0)
    return float(gains @ weights / weights.sum())


def minimum_regret_gap(
    trials: Sequence[FrozenTrial], *, maximized: bool, deterministic: bool = False, delta: float = 0.1
) -> float:
    """Return a bound on how much the last trial lowered the expected minimum simple regret (EMMR).

    It compares the process of all trials with that of all but the last. O(`n`^3) for `n` trials.

    Source: Ishibashi, Karasuyama, Takeuchi and Hino, "A stopping criterion for Bayesian optimization by the gap of expected
    minimum simple regrets", AISTATS 2023, theorem 1, equation 4 and algorithm 1. The precision of a result in equation 4 is
    that of the process; Optuna takes a constant.

    Args:
        trials: Trials of a study with one objective. Complete ones that violate no constraint count.
        maximized: Whether larger results are better.
        deterministic: Whether equal parameters give equal results.
        delta: With how much probability the regret bound that is part of it may fail.

    Returns:
        The bound, in the unit of the objective; infinity if there are fewer than three such trials, or no parameters.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=30)
        >>> minimum_regret_gap(study.trials, maximized=False) < minimum_regret_gap(study.trials[:5], maximized=False)
        True
    """
    counted = _counted(trials)
    if len(counted) <= _FEWEST:
        return math.inf
    later = _Model.of(counted, maximized, deterministic)
    earlier = _Model.of(counted[:-1], maximized, deterministic)
    if later is None or earlier is None:
        return math.inf
    losses = [_loss(trial, maximized) for trial in counted]
    best, best_before = int(np.argmin(losses)), int(np.argmin(losses[:-1]))
    rows = [later.coding.row(counted[place]) for place in (best, best_before, len(counted) - 1)]
    if any(row is None for row in rows):
        return math.inf  # the best trial left the ranges of today
    points = np.array(rows, dtype=np.float64)
    means, covariance = later.surrogate.posterior.joint(later.surrogate.scaled(points))
    before, _ = earlier.surrogate.posterior.mean_and_variance(earlier.surrogate.scaled(points[1:2]))
    # theorem 1: how much the minimum is expected to have moved; the targets of both processes have units of their own
    unit = later.unit(float(means[0]))
    if not unit:
        return 0.0  # all results are alike
    now, then = later.losses(means[:1])[0], earlier.losses(before[0])[0]
    change = float(then - now)
    spread = unit * math.sqrt(max(float(covariance[0, 0] - 2.0 * covariance[0, 1] + covariance[1, 1]), 1e-10))
    z = -change / spread
    moved = change + spread * math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) - change * float(ndtr(z))
    # equation 4: how far the last result moved the process at its own place, as a divergence
    posterior, targets = later.surrogate.posterior, later.surrogate.targets
    expected, variances = posterior.left_out(targets)
    noise, total = posterior.variance * float(posterior.factor.noise[-1]), float(variances[-1])
    known = max(total - noise, 0.0)
    surprise = float(targets[-1] - expected[-1]) / total
    divergence = 0.5 * (math.log(total / noise) - known / total + known * surprise**2)
    return max(moved + _bound(earlier, delta) * math.sqrt(max(divergence, 0.0) / 2.0), 0.0)


def _counted(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return [trial for trial in trials if trial.state is TrialState.COMPLETE and trial.values and not violation(trial)]


def _loss(trial: FrozenTrial, maximized: bool) -> float:
    assert trial.values is not None  # it is complete
    value = trial.values[0]
    return math.inf if math.isnan(value) else (-value if maximized else value)


_IS_LIMIT = option_check(
    "a finite number of at least 0",
    attrs.validators.instance_of(float),
    attrs.validators.ge(0.0),
    attrs.validators.lt(math.inf),
)


def _limit() -> Any:
    return attrs.field(converter=to_float_if_number, validator=_IS_LIMIT)


def _least_trials() -> Any:
    return attrs.field(default=20, converter=to_int_if_whole, validator=whole_from(_FEWEST), kw_only=True)


def _stop(rule: RegretBound | ExpectedImprovement | EMMR, state: StudyState, name: str, estimate: Any) -> Stop | None:
    """Return a stop if a study with one objective has enough trials, and the estimate of their room is below the limit."""
    if len(state.directions) != 1:
        raise SeveralObjectives(type(rule).__name__, "MaxTrials, Timeout or Budget")
    trials = _counted(state.finished)
    if len(trials) < rule.min_trials:
        return None
    room = estimate(trials, maximized=state.directions[0] == "maximize")
    return Stop({"rule": name, "room": room, "limit": rule.limit}) if room < rule.limit else None


@attrs.frozen
class RegretBound(Combinable):
    """Stops when no configuration can be much better than the best trial: see `regret_bound`.

    O(`n`^3) for `n` trials at each call.

    Args:
        limit: The bound below which it stops, in the unit of the objective, at least 0: what an improvement would have to be for
            you to go on.
        min_trials: How many complete, feasible trials there must be, at least 2.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these; the message names it.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.GPSampler(), seed=1)
        >>> rule = RegretBound(0.01)
        >>> study.optimize(lambda trial: (trial.suggest_float("x", 0, 1) - 0.3) ** 2, n_trials=200, stop=rule)
        >>> len(study.trials) < 50, study.best_value < 0.01
        (True, True)
    """

    limit: float = _limit()
    min_trials: int = _least_trials()

    def __call__(self, state: StudyState) -> Stop | None:
        """Return a stop if the bound is below the limit.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        return _stop(self, state, "regret bound", regret_bound)


@attrs.frozen
class ExpectedImprovement(Combinable):
    """Stops when one more trial is expected to improve too little on the best: see `expected_improvement`.

    O(`n`^3) for `n` trials at each call.

    Args:
        limit: The improvement below which it stops, in the unit of the objective, at least 0.
        min_trials: How many complete, feasible trials there must be, at least 2.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these; the message names it.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.GPSampler(), seed=1)
        >>> rule = ExpectedImprovement(1e-4)
        >>> study.optimize(lambda trial: (trial.suggest_float("x", 0, 1) - 0.3) ** 2, n_trials=200, stop=rule)
        >>> len(study.trials) < 50, study.best_value < 0.001
        (True, True)
    """

    limit: float = _limit()
    min_trials: int = _least_trials()

    def __call__(self, state: StudyState) -> Stop | None:
        """Return a stop if the expected improvement is below the limit.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        return _stop(self, state, "expected improvement", expected_improvement)


@attrs.frozen
class EMMR(Combinable):
    """Stops when the last trial has hardly lowered the expected minimum regret: see `minimum_regret_gap`.

    O(`n`^3) for `n` trials at each call.

    Args:
        limit: The bound below which it stops, in the unit of the objective, at least 0.
        min_trials: How many complete, feasible trials there must be, at least 2.
        deterministic_objective: Whether equal parameters give equal results.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these; the message names it.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.GPSampler(), seed=1)
        >>> study.optimize(lambda trial: (trial.suggest_float("x", 0, 1) - 0.3) ** 2, n_trials=200, stop=EMMR(0.001))
        >>> len(study.trials) < 60, study.best_value < 0.001
        (True, True)
    """

    limit: float = _limit()
    min_trials: int = _least_trials()
    deterministic_objective: bool = attrs.field(default=False, validator=is_bool, kw_only=True)

    def __call__(self, state: StudyState) -> Stop | None:
        """Return a stop if the bound is below the limit.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        estimate = functools.partial(minimum_regret_gap, deterministic=self.deterministic_objective)
        return _stop(self, state, "minimum regret", estimate)
