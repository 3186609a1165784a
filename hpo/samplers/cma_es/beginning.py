"""Where a first run begins: in the middle, at given values, or where another study had its best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hpo.core import losses
from hpo.errors import InvalidArgument
from hpo.numerics.cma_es.warm_start import promising_distribution
from hpo.samplers.cma_es.coding import CubeCoding
from hpo.samplers.cma_es.evolution import Start


def given_start(coding: CubeCoding, x0: Mapping[str, Any], sigma0: float) -> Start:
    """The values in `x0`, and the middle of the range for columns that it lacks.

    Raises:
        InvalidArgument: a value is not one of its parameter's.
    """
    for name in x0:
        if name in coding.columns and not coding.columns[name].contains(x0[name]):
            raise InvalidArgument(f"x0 gives {name!r} the value {x0[name]!r}, which {coding.columns[name]!r} has not")
    mean = [
        distribution.to_unit(x0[name]) if name in x0 else 0.5
        for name, distribution in zip(coding.names, coding.distributions, strict=True)
    ]
    return Start(tuple(mean), sigma0)


def learned_start(coding: CubeCoding, sources: Sequence[Mapping[str, Any]], directions: tuple[str, ...]) -> Start:
    """Where the best tenth of the source trials is; see `hpo.numerics.cma_es.warm_start`.

    Args:
        coding: The columns.
        sources: Trials as mappings with ``params`` and ``value``; those that lack a column, or have a value outside of
            its range, are left out.
        directions: Those of the study, which are taken to be the sources' too.

    Raises:
        InvalidArgument: no trial is left.
    """
    ranked = sorted(sources, key=lambda source: losses(directions, (source["value"],)))
    points = [point for source in ranked if (point := _point(coding, source["params"])) is not None]
    if not points:
        raise InvalidArgument(
            f"source_trials: none of {len(sources)} has a value within the range of each of {', '.join(coding.names)}"
        )
    mean, sigma, covariance = promising_distribution(np.array(points))
    return Start(tuple(mean.tolist()), sigma, tuple(map(tuple, covariance.tolist())))


def _point(coding: CubeCoding, params: Mapping[str, Any]) -> list[float] | None:
    point = []
    for name, distribution in zip(coding.names, coding.distributions, strict=True):
        value = params.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not distribution.low <= value <= distribution.high:
            return None
        point.append(distribution.to_unit(value))
    return point
