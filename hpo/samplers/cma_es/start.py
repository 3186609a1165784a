"""The distribution of the first run: in the middle, at given values, or where another study had its best trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from hpo.core import CategoricalDistribution, losses
from hpo.errors import InvalidArgument
from hpo.numerics.cma_es import promising_distribution
from hpo.samplers.parts import UnitCube


@attrs.frozen(cache_hash=True)
class Start:
    """A normal distribution over the unit cube.

    Attributes:
        mean: One number in the unit interval per column.
        sigma: The step size.
        covariance: The covariance of the steps, row by row; None for the identity.
    """

    mean: tuple[float, ...]
    sigma: float
    covariance: tuple[tuple[float, ...], ...] | None = None


def given_start(cube: UnitCube, x0: Mapping[str, Any], sigma0: float) -> Start:
    """Return the start at the values in `x0`, and in the middle of the range for columns that it lacks.

    Raises:
        InvalidArgument: a value is not in its parameter's range.
    """
    mean = []
    for name, distribution in zip(cube.names, cube.distributions, strict=True):
        if name in x0 and not distribution.contains(x0[name]):
            raise InvalidArgument(f"x0 gives {name!r} the value {x0[name]!r}, which is not in {distribution!r}")
        mean.append(distribution.to_unit(x0[name]) if name in x0 else 0.5)
    return Start(tuple(mean), sigma0)


def learned_start(cube: UnitCube, sources: Sequence[Mapping[str, Any]], directions: tuple[str, ...]) -> Start:
    """Return the start where the best tenth of the source trials is; see `hpo.numerics.cma_es.warm_start`.

    Args:
        cube: The columns.
        sources: Trials as mappings with ``params`` and ``value``. Those that lack a column, or have a value outside of
            its range, are left out.
        directions: The directions of the study, which are taken to be those of the sources too.

    Raises:
        InvalidArgument: no trial is left.
    """
    # by loss, so that the best tenth comes first whichever the direction
    ranked = sorted(sources, key=lambda source: losses(directions, (source["value"],)))
    points = [point for source in ranked if (point := _point(cube, source["params"])) is not None]
    if not points:
        raise InvalidArgument(
            f"source_trials: none of {len(sources)} has a value within the range of each of {', '.join(cube.names)}"
        )
    mean, sigma, covariance = promising_distribution(np.array(points))
    return Start(tuple(mean.tolist()), sigma, tuple(map(tuple, covariance.tolist())))


def _point(cube: UnitCube, params: Mapping[str, Any]) -> list[float] | None:
    # source trials are plain dicts: they bring no distributions, so `UnitCube.point` does not fit
    point = []
    for name, distribution in zip(cube.names, cube.distributions, strict=True):
        value = params.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if isinstance(distribution, CategoricalDistribution) or not distribution.low <= value <= distribution.high:
            return None
        point.append(distribution.to_unit(value))
    return point
