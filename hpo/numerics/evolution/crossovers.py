"""Crossovers: a child of several parents, as pure functions of the parents and of uniform random numbers.

Parents are rows of ``(k, d)`` in the unit cube, and `uniforms` are independent numbers in [0, 1), ``(3, d)``: a crossover uses as many of them
as it needs. A child may be outside of the cube.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_LEAST = 1e-14  # parents that are nearer to each other count as equal, so that nothing is divided by their distance


def uniform(parents: Vector, uniforms: Vector, swapping_prob: float = 0.5) -> Vector:
    """Return a child, ``(d,)``, that has each number from one of two parents: from the second with `swapping_prob`.

    Source: Syswerda, "Uniform Crossover in Genetic Algorithms", ICGA 1989.

    Example:
        >>> uniform(np.array([[0.1, 0.2], [0.8, 0.9]]), np.array([[0.4, 0.6]] * 3)).tolist()
        [0.8, 0.2]
    """
    child: Vector = np.where(uniforms[0] < swapping_prob, parents[1], parents[0])
    return child


def line(parents: Vector, uniforms: Vector, width: float = 0.6) -> Vector:
    """Return a child, ``(d,)``, on the line through two parents: ``p + width z (q - p)`` with one standard normal `z`.

    It keeps what the parents have in common, and goes beyond them as often as between them.

    Source: Muehlenbein and Schlierkamp-Voosen, "Predictive Models for the Breeder Genetic Algorithm", 1993 (line
    recombination, there with a uniform number).

    Example:
        >>> line(np.array([[0.0, 0.5], [1.0, 0.5]]), np.array([[0.1, 0.0], [0.25, 0.0], [0.0, 0.0]])).round(3).tolist()
        [0.0, 0.5]
    """
    first, second = float(uniforms[0, 0]), float(uniforms[1, 0])
    normal = math.sqrt(-2.0 * math.log(1.0 - first)) * math.cos(2.0 * math.pi * second)  # Box and Muller 1958
    child: Vector = parents[0] + width * normal * (parents[1] - parents[0])
    return child


def blend(parents: Vector, uniforms: Vector, alpha: float = 0.5) -> Vector:
    """Return a child, ``(d,)``, uniform in the box that two parents span, wider by `alpha` of its sides at each end.

    Source: Eshelman and Schaffer, "Real-Coded Genetic Algorithms and Interval-Schemata", FOGA 1993 (BLX-alpha).

    Example:
        >>> blend(np.array([[0.2, 0.5], [0.4, 0.5]]), np.array([[0.5, 0.9]] * 3)).round(3).tolist()
        [0.3, 0.5]
    """
    low, high = parents.min(axis=0), parents.max(axis=0)
    beyond = alpha * (high - low)
    child: Vector = low - beyond + uniforms[0] * (high - low + 2.0 * beyond)
    return child


def simulated_binary(parents: Vector, uniforms: Vector, eta: float = 20.0, crossed: float = 0.5) -> Vector:
    """Return a child, ``(d,)``, near one of two parents, by the distribution of simulated binary crossover within [0, 1].

    With ``u`` uniform, ``alpha = 2 - beta^-(eta + 1)``, and ``beta = 1 + 2 e / |p - q|`` for the distance `e` to the end of the range, the
    spread factor is ``(u alpha)^(1 / (eta + 1))`` if ``u <= 1 / alpha``, else ``(1 / (2 - u alpha))^(1 / (eta + 1))``; the child is ``0.5 (p + q -+ factor |p - q|)``.

    Args:
        parents: Two parents, ``(2, d)``.
        uniforms: Uniform numbers, ``(3, d)``.
        eta: At least 0; the larger, the nearer to a parent.
        crossed: The share of numbers that are crossed; each other one is that of one of the parents.

    Source: Deb and Agrawal, "Simulated Binary Crossover for Continuous Search Space", Complex Systems 9, 1995; with
    bounds as in Deb's NSGA-II, 2002.

    Example:
        >>> child = simulated_binary(np.array([[0.2, 0.5], [0.6, 0.5]]), np.array([[0.5, 0.5], [0.1, 0.1], [0.2, 0.2]]))
        >>> child.round(2).tolist()
        [0.2, 0.5]
    """
    p, q = parents[0], parents[1]
    low, high = np.minimum(p, q), np.maximum(p, q)
    distance = high - low
    lower = uniforms[1] < 0.5
    power = 1.0 / (eta + 1.0)
    with np.errstate(over="ignore"):
        beta = 1.0 + 2.0 * np.maximum(np.where(lower, low, 1.0 - high), 0.0) / np.maximum(distance, _LEAST)
        scaled = uniforms[0] * (2.0 - beta ** -(eta + 1.0))
    inner = scaled <= 1.0
    # beyond the parents the density falls; rounding must not lead to a division by 0
    factor = np.where(inner, scaled, 1.0 / np.maximum(2.0 - scaled, _LEAST)) ** power
    bred = 0.5 * (low + high + np.where(lower, -factor, factor) * distance)
    which = uniforms[2]
    kept = np.where(which < crossed + 0.5 * (1.0 - crossed), p, q)
    child: Vector = np.where((which < crossed) & (distance > _LEAST), bred, kept)
    return child


def vector_simulated_binary(parents: Vector, uniforms: Vector, eta: float = 20.0, crossed: float = 0.5) -> Vector:
    """Return a child, ``(d,)``, near one of two parents, which is often far outside: it has no bounds.

    ``0.5 ((1 + beta) p + (1 - beta) q)`` with ``beta = (1 / (2 u))^(1 / (eta + 1))``, where `p` is either parent for the whole child. Optuna takes another
    factor for `q`; there a child depends on where the zero of a range is.

    Args:
        parents: Two parents, ``(2, d)``.
        uniforms: Uniform numbers, ``(3, d)``.
        eta: At least 0; the larger, the nearer to a parent.
        crossed: The share of numbers that are crossed; each other one is that of one of the parents.

    Source: Ballester and Carter, "Real-Parameter Genetic Algorithms for Finding Multiple Optimal Solutions in
    Multi-modal Optimization", GECCO 2003, section 3.2 (vSBX).

    Example:
        >>> vector_simulated_binary(np.array([[0.2], [0.6]]), np.array([[0.5], [0.1], [0.2]])).round(2).tolist()
        [0.2]
    """
    p, q = (parents[0], parents[1]) if uniforms[1, 0] < 0.5 else (parents[1], parents[0])
    factor = (1.0 / np.maximum(2.0 * uniforms[0], _LEAST)) ** (1.0 / (eta + 1.0))
    bred = 0.5 * ((1.0 + factor) * p + (1.0 - factor) * q)
    which = uniforms[2]
    child: Vector = np.where(which < crossed, bred, np.where(which < crossed + 0.5 * (1.0 - crossed), p, q))
    return child


def simplex(parents: Vector, uniforms: Vector, epsilon: float | None = None) -> Vector:
    """Return a child, ``(d,)``, uniform in the simplex of its parents, which is made larger around their mean.

    With the mean `G`, ``x_k = G + epsilon (p_k - G)``, ``r_k = u_k^(1 / (k + 1))``, and ``c_k = r_{k-1} (x_{k-1} - x_k + c_{k-1})`` from ``c_0 = 0`` on, the
    child is ``x_n + c_n``.

    Args:
        parents: At least two parents, ``(k, d)``; three span a triangle.
        uniforms: Uniform numbers, ``(3, d)``, of which the first ``k - 1`` count; fewer dimensions than that take from the next row.
        epsilon: How much larger; None means ``sqrt(d + 2)``, which keeps the spread of the parents if there are ``d + 1``.

    Source: Tsutsui, Yamamura and Higuchi, "Multi-Parent Recombination with Simplex Crossover in Real-Coded Genetic
    Algorithms", GECCO 1999, equations 1 to 5.

    Example:
        >>> simplex(np.array([[0.2], [0.4], [0.6]]), np.array([[0.5]] * 3), 1.0).round(3).tolist()
        [0.388]
    """
    mean = parents.mean(axis=0)
    larger = mean + (math.sqrt(parents.shape[1] + 2.0) if epsilon is None else epsilon) * (parents - mean)
    flat, child = uniforms.ravel(), np.zeros(parents.shape[1])
    for k in range(1, len(parents)):
        child = float(flat[k - 1]) ** (1.0 / k) * (larger[k - 1] - larger[k] + child)
    result: Vector = larger[-1] + child
    return result


def unimodal_normal(parents: Vector, uniforms: Vector, sigma_xi: float = 0.5, sigma_eta: float | None = None) -> Vector:
    """Return a child, ``(d,)``, normal around the middle of two parents, as wide across as the third one is off their line.

    ``(p + q) / 2 + xi (p - q) + D (e - (e . n) n)``, where `n` is the direction of the line, `D` the distance of the third parent to it, `xi`
    normal with the standard deviation `sigma_xi`, and `e` a vector of independent ones with `sigma_eta`.

    Args:
        parents: Three parents, ``(3, d)``.
        uniforms: Uniform numbers, ``(3, d)``.
        sigma_xi: The standard deviation along the line, in distances of the two parents.
        sigma_eta: The standard deviation across, in distances of the third one; None means ``0.35 / sqrt(d)``.

    Source: Ono and Kobayashi, "A Real-Coded Genetic Algorithm for Function Optimization Using Unimodal Normal
    Distribution Crossover", ICGA 1997. A projection of a spherical normal vector is one in any orthonormal basis.

    Example:
        >>> middle = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.0]])
        >>> unimodal_normal(middle, np.array([[0.5, 0.0], [0.0, 0.0], [0.0, 0.25]])).round(3).tolist()
        [0.5, 0.0]
    """
    p, q, third = parents
    d = len(p)
    radius, angle = np.sqrt(-2.0 * np.log(1.0 - uniforms[0])), 2.0 * math.pi * uniforms[1]
    # the sine of the first column's angle is not needed for the steps across, and independent of its cosine
    along = sigma_xi * float(radius[0] * np.sin(angle[0]))
    steps = (0.35 / math.sqrt(d) if sigma_eta is None else sigma_eta) * radius * np.cos(angle)
    length = float(np.linalg.norm(q - p))
    direction = (q - p) / length if length > _LEAST else np.zeros(d)
    off = third - p
    across = float(np.linalg.norm(off - (off @ direction) * direction))
    child: Vector = 0.5 * (p + q) + along * (p - q) + across * (steps - (steps @ direction) * direction)
    return child
