"""What a person believes of the best values before there are results, and how it fades as evidence grows.

A belief about a numeric parameter is a region, a pair ``(low, high)`` in which the best value is with 80 %, or weights of some
values, between which they are interpolated. A belief about a categorical parameter is the weights of choices. To the
acquisition of a sampler, on a logarithmic scale, the logarithm of the density is added, times ``10 / (1 + n)`` with `n` results.

A twentieth of each density is uniform, so that nothing is ever ruled out.

Source: Hvarfner, Stoll, Souza, Lindauer, Hutter and Nardi, "piBO: Augmenting Acquisition Functions with User Beliefs for Bayesian
Optimization", ICLR 2022, eq. 6 (a factor of the prior to the power of beta / n), with their beta = 10. The uniform share is ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import (
    Answer,
    CategoricalDistribution,
    Choice,
    FrozenDict,
    FrozenTrial,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    as_float,
    checked_text,
)
from hpo.errors import InvalidArgument, InvalidType
from hpo.samplers.parts.observations import column_value
from hpo.samplers.parts.unit_cube import UnitCube

Region: TypeAlias = tuple[float, float]
Weights: TypeAlias = tuple[tuple[Choice, float], ...]
Beliefs: TypeAlias = Mapping[str, Region | Weights]
"""Beliefs by parameter name."""

STRENGTH = 10.0  # beta of piBO
_UNIFORM = 0.05
_HALF_WIDTH = 1.2815515655446004  # of a region, in standard deviations: a normal distribution has 80 % in between
_GRID = 512  # cells of the unit interval on which a density is constant


def checked_prior(given: Mapping[str, Any] | None) -> FrozenDict[str, Region | Weights]:
    """Return beliefs in their canonical form: pairs of numbers, or pairs of values and weights.

    Raises:
        InvalidType, InvalidArgument: they have another form, or a region is empty, or weights are not at least 0.

    Example:
        >>> checked_prior({"rate": (1e-4, 1e-2), "kind": {"a": 3, "b": 1}})
        {'rate': (0.0001, 0.01), 'kind': (('a', 3.0), ('b', 1.0))}
    """
    if given is None:
        return FrozenDict()
    if not isinstance(given, Mapping):
        raise InvalidType(f"prior maps names of parameters to beliefs, got {given!r}")
    return FrozenDict({checked_text(name, "a parameter's name"): _checked(name, each) for name, each in given.items()})


def _checked(name: str, belief: Any) -> Region | Weights:
    if isinstance(belief, Mapping):
        belief = tuple(belief.items())
    if not isinstance(belief, Sequence) or isinstance(belief, str) or not belief:
        raise InvalidType(
            f"a belief is a region (low, high) or a mapping from values to weights, got {belief!r} for {name!r}"
        )
    if all(isinstance(each, Sequence) and not isinstance(each, str) and len(each) == 2 for each in belief):
        values = [CategoricalDistribution((value,)).choices[0] for value, _ in belief]
        weights = [as_float(weight) for _, weight in belief]
        if any(each is None or not 0.0 <= each < math.inf for each in weights) or not any(weights):
            raise InvalidArgument(f"weights are finite, at least 0, and not all 0; got {belief!r} for {name!r}")
        return tuple((value, weight or 0.0) for value, weight in zip(values, weights, strict=True))
    ends = [as_float(each) for each in belief]
    if len(ends) != 2 or ends[0] is None or ends[1] is None or not -math.inf < ends[0] < ends[1] < math.inf:
        raise InvalidArgument(
            f"a region is a pair of finite numbers (low, high) with low < high, got {belief!r} for {name!r}"
        )
    return ends[0], ends[1]


def with_types(beliefs: Beliefs) -> tuple[tuple[str, str], ...]:
    """Return what makes beliefs equal: ``True``, ``1`` and ``1.0`` are three different choices."""
    return tuple((name, repr(beliefs[name])) for name in sorted(beliefs))


@attrs.frozen(eq=False)
class Belief:
    """Densities over the columns of a unit cube; make it with `belief_of`.

    Attributes:
        columns: The columns about which there is a belief.
        log_densities: For each of them the logarithms of the density in equal cells, or of choices, relative to the uniform one.
        cumulative: For each of them the probability of all cells, or choices, before one, and 1 at the end.
    """

    columns: tuple[int, ...]
    log_densities: tuple[NDArray[np.float64], ...]
    cumulative: tuple[NDArray[np.float64], ...]
    _choices: tuple[bool, ...]

    def log_density(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithms of the density at points, ``(m, d)``: ``(m,)``, 0 where nothing is believed or known."""
        total = np.zeros(len(points))
        for column, table, chosen in zip(self.columns, self.log_densities, self._choices, strict=True):
            values = points[:, column]
            known = ~np.isnan(values)
            total[known] += table[_cells(values[known], len(table), chosen)]
        return total

    def slopes(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return about how the log-density changes along the numeric columns, at points, ``(m, d)``: ``(m, d)``."""
        slopes = np.zeros(points.shape)
        for column, table, chosen in zip(self.columns, self.log_densities, self._choices, strict=True):
            values = points[:, column]
            known = ~np.isnan(values)
            if not chosen:
                slopes[known, column] = np.gradient(table)[_cells(values[known], len(table), chosen)] * len(table)
        return slopes

    def drawn(self, uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points of which the columns that are believed in are drawn; NaN in the others, ``(m, d)``."""
        points = np.full(uniforms.shape, np.nan)
        for column, cumulative, chosen in zip(self.columns, self.cumulative, self._choices, strict=True):
            units, n = uniforms[:, column], len(cumulative) - 1
            cells = np.clip(np.searchsorted(cumulative, units, side="right") - 1, 0, n - 1)
            width = np.maximum(cumulative[cells + 1] - cumulative[cells], 1e-300)
            points[:, column] = cells if chosen else (cells + (units - cumulative[cells]) / width) / n
        return points


def belief_of(cube: UnitCube, beliefs: Beliefs) -> Belief | None:
    """Return the densities that beliefs mean for the columns of a cube, or None if they are about none of them.

    Raises:
        InvalidArgument: a belief does not suit its parameter.

    Example:
        >>> from hpo.core import FloatDistribution
        >>> cube = UnitCube.of(SearchSpace({"x": FloatDistribution(0.0, 10.0)}))
        >>> belief = belief_of(cube, {"x": (4.0, 6.0)})
        >>> believed, doubted = belief.log_density(np.array([[0.5], [0.9]]))
        >>> bool(believed > 1), bool(doubted < -2)
        (True, True)
    """
    return _belief_of(cube, tuple(sorted(beliefs.items())), with_types(beliefs)) if beliefs else None


@lru_cache(maxsize=64)
def _belief_of(
    cube: UnitCube, beliefs: tuple[tuple[str, Region | Weights], ...], types: tuple[tuple[str, str], ...]
) -> Belief | None:
    found = dict(beliefs)
    columns = tuple(column for column, name in enumerate(cube.names) if name in found)
    if not columns:
        return None
    densities = []
    for column in columns:
        density = _density(cube, column, found[cube.names[column]])
        density = (1.0 - _UNIFORM) * density / density.mean() + _UNIFORM if density.any() else np.ones(len(density))
        densities.append(density)
    cumulative = tuple(np.concatenate(([0.0], np.cumsum(each) / each.sum())) for each in densities)
    return Belief(columns, tuple(map(np.log, densities)), cumulative, tuple((cube.n_choices > 0)[[*columns]].tolist()))


def _density(cube: UnitCube, column: int, belief: Region | Weights) -> NDArray[np.float64]:
    """Return a density in cells of the unit interval or of choices, up to a factor."""
    name, scale = cube.columns[column]
    distribution = cube.distributions[column]
    weights = [each for each in belief if isinstance(each, tuple)]
    if isinstance(distribution, CategoricalDistribution):
        if not weights:
            raise InvalidArgument(
                f"the prior of the categorical parameter {name!r} is a mapping of weights, got {belief!r}"
            )
        density = np.zeros(int(cube.n_choices[column]))
        for choice, weight in weights:
            index = distribution.member(choice)
            if index is not None:  # choices come and go
                density[index] += weight
        return density
    values = [value for value, _ in weights] if weights else [*belief]
    positions = []
    for value in values:
        number = None if isinstance(value, str | bool) or value is None else column_value(scale, distribution, value)
        if number is None:
            raise InvalidArgument(
                f"the prior of {name!r} has the value {value!r}, which has no place in {distribution!r}"
            )
        positions.append((number * cube.factor[column] - cube.origin[column]) / cube.width[column])
    centres = (np.arange(_GRID) + 0.5) / _GRID
    if not weights:
        middle, deviation = (positions[0] + positions[1]) / 2.0, (positions[1] - positions[0]) / 2.0 / _HALF_WIDTH
        normal: NDArray[np.float64] = np.exp(-0.5 * ((centres - middle) / max(deviation, 1.0 / _GRID)) ** 2)
        return normal
    order = np.argsort(positions, kind="stable")
    interpolated: NDArray[np.float64] = np.interp(
        centres, np.array(positions)[order], np.array([weight for _, weight in weights])[order]
    )
    return interpolated


def _cells(values: NDArray[np.float64], n: int, chosen: bool) -> NDArray[np.intp]:
    scaled = values if chosen else values * n
    return np.clip(scaled.astype(np.intp), 0, n - 1)


def strength(n_results: int) -> float:
    """Return what log-densities of beliefs are multiplied by after so many results."""
    return STRENGTH / (1.0 + n_results)


@attrs.frozen
class BelievingStart:
    """Draws every other trial of the start from what is believed, and all else from another sampler.

    Args:
        start: The sampler of the start.
        beliefs: What is believed.
    """

    start: Any
    beliefs: FrozenDict[str, Region | Weights] = attrs.field(eq=with_types)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for a joint space."""
        return self._with_beliefs(self.start(state, trial, space, key), trial, space, key)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a value for a lone parameter."""
        return self._with_beliefs(self.start.suggest_lone(state, trial, space, key), trial, space, key)

    def _with_beliefs(self, answer: Answer, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        cube = UnitCube.of(space)
        belief = belief_of(cube, self.beliefs)
        if belief is None or trial.number % 2 or not isinstance(answer, Suggestion):
            return answer
        (point,) = belief.drawn(np.array([key.child("believed").uniforms(cube.names)]))
        names = [cube.names[column] for column in belief.columns]
        drawn = cube.params(np.nan_to_num(point).tolist())
        return Suggestion({**answer.params, **{name: drawn[name] for name in names}}, answer.note, answer.off_grid)
