"""The parameters of trials as columns of numbers that stay valid when a range changes.

A fold keeps numbers on a *scale*: a numeric parameter as it is or as its logarithm, a categorical one as the index of
its choice. The range itself is not part of a column, so what was learned from earlier trials is kept when the next
trial asks for a wider or narrower one; `hpo.samplers.parts.unit_cube` maps the numbers to the range of today.
"""

from __future__ import annotations

import math
import sys
from typing import Any, Literal, TypeAlias

from hpo.core import CategoricalDistribution, Distribution, FrozenTrial

Scale: TypeAlias = Literal["linear", "log"] | CategoricalDistribution
"""How a column keeps its parameter: as it is, as its logarithm, or as the index of its choice."""
Columns: TypeAlias = tuple[tuple[str, Scale], ...]
"""Names and scales, sorted by name."""


def scale_of(distribution: Distribution) -> Scale:
    """Return the scale on which values of `distribution` are kept."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution
    return "log" if distribution.log else "linear"


def column_values(columns: Columns, trial: FrozenTrial, *, missing: bool = False) -> list[float] | None:
    """Return the trial's parameters on the scales of `columns`, or None if it can't be a row of them.

    Args:
        columns: Which parameters, and on which scales.
        trial: The trial, whatever its state.
        missing: What becomes of a trial that lacks a parameter, as one does in another branch of the objective: NaN
            stands for the parameter, or else the trial is no row. A value that has no number on the scale, such as a
            choice that is not among the choices any more, always makes the trial no row.

    Example:
        >>> from hpo.core import FloatDistribution, create_trial
        >>> trial = create_trial(value=0.0, params={"x": 0.5}, distributions={"x": FloatDistribution(0.0, 1.0)})
        >>> columns = (("depth", "linear"), ("x", "linear"))
        >>> column_values(columns, trial), column_values(columns, trial, missing=True)
        (None, [nan, 0.5])
    """
    values = []
    distributions, params = trial.distributions, trial.params  # looked up once: this runs for every trial and column
    for name, scale in columns:
        distribution = distributions.get(name)
        if distribution is None:
            if not missing:
                return None
            values.append(math.nan)
            continue
        value = column_value(scale, distribution, params[name])
        if value is None:
            return None
        values.append(value)
    return values


def column_value(scale: Scale, distribution: Distribution, value: Any) -> float | None:
    """Return a parameter's value on a scale, or None if it has no number there.

    Args:
        scale: The scale of the column.
        distribution: The distribution that the trial had for the parameter; a parameter may have been categorical once
            and be numeric now, and a choice that happens to be a number is not a point of a range.
        value: The value.
    """
    if isinstance(scale, CategoricalDistribution):
        index = scale.member(value)  # among the choices of today, so that choices may come, go and change places
        return None if index is None else float(index)
    if isinstance(distribution, CategoricalDistribution) or not _has_place(value, scale):
        return None
    return math.log(value) if scale == "log" else float(value)


def _has_place(value: float, scale: Scale) -> bool:
    # ints of any size have a logarithm, but only those that a float can hold have a place on a linear scale
    return value > 0 if scale == "log" else abs(value) <= sys.float_info.max
