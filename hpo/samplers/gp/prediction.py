"""What the model of `GPSampler` says about configurations: predicted results, and the trial to recommend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hpo.core import FrozenTrial, SearchSpace, StudyState, best_trial
from hpo.errors import InvalidArgument, InvalidType, NoCompletedTrial, SeveralObjectives, ValueOutsideDistribution
from hpo.models.gaussian_process import Fold, surrogate
from hpo.samplers.gp.sampler import knows_enough
from hpo.samplers.parts import FeatureCoding, UnitCube, learned_conditions, without_inactive
from hpo.samplers.tpe.propose import GroupFold

_NODES = 32  # of the quadrature


class Prediction(NamedTuple):
    """A predicted result, in the unit of the objective.

    Attributes:
        mean: The expected result, without its noise.
        deviation: The standard deviation of what is not known about it; the noise of a single result is not in it.
    """

    mean: float
    deviation: float


def predict(state: StudyState, params: Mapping[str, Any]) -> tuple[Prediction, ...]:
    """Return what is expected of a configuration: one prediction per objective, in their order.

    The model is a Gaussian process for each objective, the one of `GPSampler`, whatever sampler the study has. O(trials^2).

    Args:
        state: The study.
        params: Values by name. Parameters that are left out count as those that a trial does not have.

    Raises:
        NoCompletedTrial: no trial with parameters is complete yet.
        InvalidType: `params` is not a mapping.
        InvalidArgument: `params` is empty, or no trial has had one of them.
        ValueOutsideDistribution: a value is outside of the newest distribution of its parameter.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(seed=1))
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study.optimize(lambda trial: (trial.suggest_float("x", 0, 10) - 3) ** 2, n_trials=20)
        >>> (prediction,) = predict(study.state, {"x": 5.0})
        >>> abs(prediction.mean - 4.0) < 0.5
        True
    """
    (predictions,) = predict_many(state, [params])
    return predictions


def predict_many(state: StudyState, configurations: Sequence[Mapping[str, Any]]) -> list[tuple[Prediction, ...]]:
    """Return what is expected of each of several configurations, as `predict` does; the models are made once for all.

    Args:
        state: The study.
        configurations: Values by name, for each configuration.

    Raises:
        NoCompletedTrial, InvalidType, InvalidArgument, ValueOutsideDistribution: as `predict` does.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(seed=1))
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study.optimize(lambda trial: (trial.suggest_float("x", 0, 10) - 3) ** 2, n_trials=20)
        >>> [(high,), (low,)] = predict_many(study.state, [{"x": 5.0}, {"x": 3.0}])
        >>> abs(high.mean - 4.0) < 0.5, abs(low.mean) < 0.5
        (True, True)
    """
    for params in configurations:
        if not isinstance(params, Mapping):
            raise InvalidType(f"predict needs a mapping of names to values, got {params!r}")
    space = _space_of(state)
    if not space:
        raise NoCompletedTrial(state.n_trials)
    cube = UnitCube.of(space)
    coding = FeatureCoding.of(cube)
    points = np.full((len(configurations), coding.n_columns), np.nan)
    for row, params in enumerate(configurations):
        _check_params(space, params)
        for column, position in cube.positions(params).items():
            points[row, column] = position
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights /= weights.sum()
    by_objective = []
    for index, direction in enumerate(state.directions):
        fold = Fold(coding, index, maximized=direction == "maximize")
        carry = state.finished.fold(fold)
        model = surrogate(fold, carry)
        if model is None or not model.complete.any():
            raise NoCompletedTrial(state.n_trials)
        seen = without_inactive(points, learned_conditions(coding, model.points))
        means, variances = model.posterior.mean_and_variance(model.scaled(seen))
        # targets are losses on another scale, which may be curved: so the moments are those of the losses themselves
        targets = means[:, :1] + np.sqrt(variances)[:, None] * nodes
        losses = fold.standardization(carry.rows.array).losses(targets)
        mean = losses @ weights
        deviation = np.sqrt((losses - mean[:, None]) ** 2 @ weights)
        by_objective.append([*map(Prediction, (-mean if fold.maximized else mean).tolist(), deviation.tolist())])
    return [*zip(*by_objective, strict=True)]


def _check_params(space: SearchSpace, params: Mapping[str, Any]) -> None:
    if not params or (unknown := [name for name in params if name not in space]):
        what = f"no trial has had {unknown}" if params else "params is empty"
        raise InvalidArgument(f"predict needs values of some of the parameters {[*space]}, but {what}")
    for name, value in params.items():
        if not space[name].contains(value):
            raise ValueOutsideDistribution(value, space[name], name)


def recommended(state: StudyState) -> FrozenTrial:
    """Return the trial to recommend: the complete, feasible one with the best expected result.

    The best result of a noisy objective is a lucky one. The expected result of a trial is what the model says from all of
    them: that of `predict`. Where the model knows no more than the mean of the results does, or no trial is feasible, it
    is the `best_trial`.

    Args:
        state: The study, with one objective.

    Raises:
        SeveralObjectives: the study has several objectives.
        NoCompletedTrial: no trial is complete yet.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(seed=1))
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study.optimize(lambda trial: (trial.suggest_float("x", 0, 10) - 3) ** 2, n_trials=20)
        >>> recommended(study.state).number == study.best_trial.number
        True
    """
    if len(state.directions) > 1:
        raise SeveralObjectives("recommend", "best_trials, the Pareto front")
    best = best_trial(state)
    coding = FeatureCoding.of(UnitCube.of(_space_of(state)))
    fold = Fold(coding, 0, maximized=state.directions[0] == "maximize")
    model = surrogate(fold, state.finished.fold(fold))
    if model is None or not knows_enough(model):
        return best
    eligible = np.flatnonzero(model.complete & model.feasible)
    if not len(eligible):
        return best
    # the first among equals, as for the best trial
    chosen = eligible[int(model.smoothed[eligible].argmin())]
    return state.trial(int(model.numbers[chosen]))


def _space_of(state: StudyState) -> SearchSpace:
    """Return the declared space, or else every parameter that a finished trial has had."""
    return state.space or state.finished.fold(GroupFold()).space
