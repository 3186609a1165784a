"""Mutations of one number in [0, 1], as pure functions of the number and of a uniform random number."""

from __future__ import annotations

from statistics import NormalDist

_NORMAL = NormalDist()
_SMALLEST = 2.0**-54  # a uniform number of 0 would be infinitely far out


def polynomial(value: float, uniform: float, eta: float = 20.0) -> float:
    """Return a number within [0, 1] near `value`, by the polynomial distribution; `uniform` of 0.5 changes nothing.

    ``value + (2 u + (1 - 2 u) (1 - value)^(eta + 1))^(1 / (eta + 1)) - 1`` for ``u < 0.5``, and its mirror image otherwise.

    Args:
        value: The number, in [0, 1].
        uniform: A uniform number, in [0, 1): below 0.5 the number decreases.
        eta: At least 0; the larger, the smaller the steps.

    Source: Deb and Agrawal, "A Niched-Penalty Approach for Constraint Handling in Genetic Algorithms", 1999; with bounds
    as in Deb's NSGA-II, 2002.

    Example:
        >>> polynomial(0.5, 0.5), polynomial(0.25, 0.0), round(polynomial(0.5, 0.75), 4)
        (0.5, 0.0, 0.5325)
    """
    power = eta + 1.0
    step: float
    if uniform < 0.5:
        step = (2.0 * uniform + (1.0 - 2.0 * uniform) * (1.0 - value) ** power) ** (1.0 / power) - 1.0
    else:
        step = 1.0 - (2.0 * (1.0 - uniform) + 2.0 * (uniform - 0.5) * value**power) ** (1.0 / power)
    return min(max(value + step, 0.0), 1.0)


def gaussian(value: float, uniform: float, sigma: float = 0.1) -> float:
    """Return `value` and a normal step, reflected at the ends of [0, 1].

    Args:
        value: The number, in [0, 1].
        uniform: A uniform number, in [0, 1): the quantile of the step.
        sigma: The standard deviation, above 0.

    Source: Schwefel, "Numerical Optimization of Computer Models", 1981.

    Example:
        >>> gaussian(0.5, 0.5), round(gaussian(0.95, 0.9), 3)
        (0.5, 0.922)
    """
    folded = (value + sigma * _NORMAL.inv_cdf(max(uniform, _SMALLEST))) % 2.0
    return folded if folded <= 1.0 else 2.0 - folded


def reset(value: float, uniform: float) -> float:
    """Return a number that does not depend on `value`: the uniform one.

    Source: Holland, "Adaptation in Natural and Artificial Systems", 1975 (mutation as a new draw).

    Example:
        >>> reset(0.5, 0.25)
        0.25
    """
    return uniform
