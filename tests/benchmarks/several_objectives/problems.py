"""Objectives with several losses that `compare_fronts.py` runs with every library: define-by-run, some with constraints."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import attrs
import numpy as np

Objective = Callable[[Any], Sequence[float]]
"""Takes a trial of any library and gives the losses, to be minimized."""


@attrs.frozen
class Problem:
    """A problem.

    Attributes:
        objective: The function.
        n_losses: How many losses it has.
        floats: How many numbers in [0, 1] it asks for, named x0, x1, ...; 0 if it asks for anything else.
        n_constraints: How many constraints it sets.
    """

    objective: Objective
    n_losses: int
    floats: int = 0
    n_constraints: int = 0


def _of_floats(function: Callable[[np.ndarray], Sequence[float]], d: int, trial: Any) -> list[float]:
    return [float(loss) for loss in function(np.array([trial.suggest_float(f"x{i}", 0.0, 1.0) for i in range(d)]))]


def zdt(number: int, x: np.ndarray) -> tuple[float, float]:
    """Zitzler, Deb and Thiele, "Comparison of Multiobjective Evolutionary Algorithms", Evolutionary Computation 8, 2000."""
    first, rest = x[0], x[1:]
    if number == 4:
        y = 10.0 * rest - 5.0
        g = 1.0 + 10.0 * len(y) + float((y * y - 10.0 * np.cos(4.0 * math.pi * y)).sum())
    elif number == 6:
        first = 1.0 - math.exp(-4.0 * first) * math.sin(6.0 * math.pi * first) ** 6
        g = 1.0 + 9.0 * float(rest.mean()) ** 0.25
    else:
        g = 1.0 + 9.0 * float(rest.mean())
    ratio = first / g
    h = 1.0 - (ratio**2 if number in {2, 6} else math.sqrt(ratio))
    if number == 3:
        h -= ratio * math.sin(10.0 * math.pi * first)
    return first, g * h


def dtlz2(m: int, x: np.ndarray) -> np.ndarray:
    """Deb, Thiele, Laumanns and Zitzler, "Scalable Test Problems for Evolutionary Multiobjective Optimization", 2005."""
    angles = x[: m - 1] * math.pi / 2
    losses = np.full(m, 1.0 + float(((x[m - 1 :] - 0.5) ** 2).sum()))
    for i in range(m):
        losses[i] *= np.cos(angles[: m - 1 - i]).prod() * (math.sin(angles[m - 1 - i]) if i else 1.0)
    return losses


def dtlz7(m: int, x: np.ndarray) -> np.ndarray:
    """The same authors' problem with a front in pieces."""
    g, first = 1.0 + 9.0 * float(x[m - 1 :].mean()), x[: m - 1]
    h = m - float((first / (1.0 + g) * (1.0 + np.sin(3.0 * math.pi * first))).sum())
    return np.append(first, (1.0 + g) * h)


def wfg4(x: np.ndarray) -> tuple[float, float]:
    """Huband, Hingston, Barone and While, "A Review of Multiobjective Test Problems", 2006: WFG4, 2 of the numbers for the position."""
    far = np.abs(x - 0.35) / (2.0 * (np.floor(0.35 - x) + 0.35))
    t = (1.0 + np.cos(122.0 * math.pi * (0.5 - far)) + 40.0 * far**2) / 12.0
    position, distance = float(t[:2].mean()), float(t[2:].mean())
    return distance + 2.0 * math.sin(position * math.pi / 2), distance + 4.0 * math.cos(position * math.pi / 2)


def ellipsoids(x: np.ndarray) -> tuple[float, float]:
    """Two rotated ellipsoids, as in the bi-objective functions of COCO."""
    generator = np.random.default_rng(2)
    centres, axes = generator.uniform(0.2, 0.8, (2, len(x))), 10.0 ** np.linspace(0.0, 1.5, len(x))
    rotations = [np.linalg.qr(generator.normal(size=(len(x), len(x))))[0] for _ in range(2)]
    one, two = (
        float((axes * (rotation @ (x - centre)) ** 2).sum())
        for rotation, centre in zip(rotations, centres, strict=True)
    )
    return one, two


def constrained_dtlz2(trial: Any) -> list[float]:
    """C2-DTLZ2: feasible in three pieces of the sphere (Jain and Deb, "NSGA-III, Part II", 2014)."""
    losses = _of_floats(partial(dtlz2, 2), 7, trial)
    total = sum(loss**2 for loss in losses)
    near_an_end = min((loss - 1.0) ** 2 + total - loss**2 - 0.04 for loss in losses)
    near_the_middle = sum((loss - 1.0 / math.sqrt(2.0)) ** 2 for loss in losses) - 0.04
    trial.set_constraint("pieces", min(near_an_end, near_the_middle))
    return losses


def osyczka_and_kundu(trial: Any) -> list[float]:
    """Six constraints in different units (Osyczka and Kundu, Structural Optimization 10, 1995)."""
    highs, lows = (10.0, 10.0, 5.0, 6.0, 5.0, 10.0), (0.0, 0.0, 1.0, 0.0, 1.0, 0.0)
    a, b, c, d, e, f = (
        low + (high - low) * trial.suggest_float(f"x{i}", 0.0, 1.0)
        for i, (low, high) in enumerate(zip(lows, highs, strict=True))
    )
    for name, slack in (
        ("sum", a + b - 2.0),
        ("most", 6.0 - a - b),
        ("lower", 2.0 - b + a),
        ("upper", 2.0 - a + 3.0 * b),
        ("near", 4.0 - (c - 3.0) ** 2 - d),
        ("far", (e - 3.0) ** 2 + f - 4.0),
    ):
        trial.set_constraint(name, -slack)
    first = -(25.0 * (a - 2.0) ** 2 + (b - 2.0) ** 2 + (c - 1.0) ** 2 + (d - 4.0) ** 2 + (e - 1.0) ** 2)
    return [first, a**2 + b**2 + c**2 + d**2 + e**2 + f**2]


def network(trial: Any) -> list[float]:
    """An error and a cost like those of a small network: logarithms, whole numbers, steps and categories."""
    rate, layers = trial.suggest_float("rate", 1e-5, 1.0, log=True), trial.suggest_int("layers", 1, 6)
    units = trial.suggest_int("units", 4, 512, log=True)
    dropout = trial.suggest_float("dropout", 0.0, 0.5, step=0.05)
    kind = trial.suggest_categorical("kind", ["sgd", "adam", "rmsprop", "lamb"])
    activation = trial.suggest_categorical("activation", ["relu", "gelu", "tanh"])
    best_rate = {"sgd": -1.0, "adam": -3.0, "rmsprop": -2.8, "lamb": -2.0}[kind]
    capacity = math.log2(units) + 1.5 * math.log2(layers + 1)
    error = 3.0 / (1.0 + capacity) + 0.1 * (math.log10(rate) - best_rate) ** 2 + 0.3 * abs(dropout - 0.02 * capacity)
    error += {"sgd": 0.05, "adam": 0.0, "rmsprop": 0.03, "lamb": 0.01}[kind]
    error += {"relu": 0.04, "gelu": 0.0, "tanh": 0.08}[activation]
    cost = math.log10(units**2 * layers + 1000.0) * (1.2 if activation == "gelu" else 1.0)
    return [error, cost + (0.2 if kind in {"adam", "lamb"} else 0.0)]


def branches(trial: Any) -> list[float]:
    """An error and a time of three kinds of models with parameters of their own; each is best on a part of the front."""
    kind = trial.suggest_categorical("kind", ["linear", "trees", "network"])
    if kind == "linear":
        penalty = trial.suggest_float("penalty", 1e-6, 1e2, log=True)
        return [0.5 + 0.02 * (math.log10(penalty) + 2.0) ** 2, 0.1 + 0.02 * abs(math.log10(penalty) + 2.0)]
    if kind == "trees":
        n, depth = trial.suggest_int("n", 1, 500, log=True), trial.suggest_int("depth", 1, 12)
        shrinkage = trial.suggest_float("shrinkage", 1e-3, 1.0, log=True)
        fit = (math.log10(shrinkage) + math.log10(n) / 2.0) ** 2
        return [0.25 + 0.3 / (1.0 + n / 20.0) + 0.05 * fit + 0.01 * abs(depth - 6), 0.1 + n * depth / 1500.0]
    rate, units = trial.suggest_float("rate", 1e-5, 1.0, log=True), trial.suggest_int("units", 8, 512, log=True)
    epochs = trial.suggest_int("epochs", 1, 50)
    error = 0.1 + 0.5 / (1.0 + epochs / 4.0) + 0.5 / math.log2(units) + 0.08 * (math.log10(rate) + 3.0) ** 2
    return [error, 0.5 + epochs * units / 5000.0]


def _cube(function: Callable[[np.ndarray], Sequence[float]], d: int, m: int = 2) -> Problem:
    return Problem(partial(_of_floats, function, d), m, floats=d)


PROBLEMS = {
    "zdt1 d10": _cube(partial(zdt, 1), 10),
    "zdt1 d30": _cube(partial(zdt, 1), 30),
    "zdt3 d10": _cube(partial(zdt, 3), 10),
    "zdt4 d6": _cube(partial(zdt, 4), 6),
    "zdt6 d6": _cube(partial(zdt, 6), 6),
    "wfg4 d8": _cube(wfg4, 8),
    "dtlz2 d6": _cube(partial(dtlz2, 2), 6),
    "dtlz2 d7, 3 losses": _cube(partial(dtlz2, 3), 7, 3),
    "dtlz7 d7, 3 losses": _cube(partial(dtlz7, 3), 7, 3),
    "ellipsoids d8": _cube(ellipsoids, 8),
    "c2-dtlz2 d7, constrained": Problem(constrained_dtlz2, 2, floats=7, n_constraints=1),
    "osy d6, constrained": Problem(osyczka_and_kundu, 2, floats=6, n_constraints=6),
    "network, mixed": Problem(network, 2),
    "branches, conditional": Problem(branches, 2),
}
