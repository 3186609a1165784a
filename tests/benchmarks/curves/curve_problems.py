"""Problems with learning curves: the stored trainings, and evalkit's public curves if that is installed.

A problem has a search space and gives a learning curve for every configuration in it. For the stored trainings that is the
curve of the nearest configuration that was trained: curves that cross, jump and end as real ones do, no smoothed ones.

`CHOOSING` are the problems by which rules and defaults may be chosen. `JUDGING` are those by which they are judged, and
which were not looked at before.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from hpo.distributions import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution

CURVES = Path(__file__).with_name("curves.npz")
Space = Mapping[str, Distribution]


def _log(low: float, high: float) -> FloatDistribution:
    return FloatDistribution(low, high, log=True)


_SGD = {
    "penalty": CategoricalDistribution(["l2", "l1", "elasticnet"]),
    "alpha": _log(1e-7, 1.0),
    "learning_rate": CategoricalDistribution(["optimal", "constant", "invscaling"]),
    "eta0": _log(1e-5, 1.0),
    "power_t": FloatDistribution(0.05, 1.0),
}
_MLP = {
    "layers": IntDistribution(1, 3),
    "width": IntDistribution(4, 64, log=True),
    "activation": CategoricalDistribution(["relu", "tanh", "logistic"]),
    "solver": CategoricalDistribution(["adam", "sgd"]),
    "learning_rate_init": _log(1e-4, 1.0),
    "alpha": _log(1e-6, 1.0),
    "batch_size": IntDistribution(16, 256, log=True),
}
_BOOSTING = {
    "learning_rate": _log(1e-3, 1.0),
    "max_depth": IntDistribution(1, 6),
    "min_samples_leaf": IntDistribution(1, 60, log=True),
    "subsample": FloatDistribution(0.2, 1.0),
    "max_features": FloatDistribution(0.05, 1.0),
}
SPACES: Mapping[str, Space] = {
    "cancer-sgd": {**_SGD, "loss": CategoricalDistribution(["hinge", "log_loss", "modified_huber"])},
    "diabetes-sgd": {**_SGD, "loss": CategoricalDistribution(["squared_error", "huber", "epsilon_insensitive"])},
    "cancer-mlp": _MLP,
    "diabetes-mlp": _MLP,
    "cancer-boosting": _BOOSTING,
    "diabetes-boosting": _BOOSTING,
}
LONG = ("diabetes-sgd",)


def n_epochs(name: str) -> int:
    """Return how many epochs a whole training has."""
    return 81 if name in LONG else 27


def at(space: Space, unit: Sequence[float]) -> dict[str, Any]:
    """Return the configuration at a point of the unit cube.

    Example:
        >>> at({"x": IntDistribution(1, 3), "c": CategoricalDistribution(["a", "b"])}, [0.9, 0.1])
        {'x': 3, 'c': 'a'}
    """
    found: dict[str, Any] = {}
    for (name, each), share in zip(space.items(), map(float, unit), strict=True):
        if isinstance(each, CategoricalDistribution):
            found[name] = each.choices[min(int(share * len(each.choices)), len(each.choices) - 1)]
            continue
        half = 0.5 if isinstance(each, IntDistribution) else 0.0
        low, high = each.low - half, each.high + half
        value = low * (high / low) ** share if each.log else low + (high - low) * share
        found[name] = value if not half else min(max(round(value), int(each.low)), int(each.high))
    return found


def columns(space: Space, params: Mapping[str, Any]) -> list[float]:
    """Return where a configuration is: a number from 0 to 1 for each parameter, and 0 or 0.5 for each choice.

    Example:
        >>> columns({"x": FloatDistribution(1, 100, log=True), "c": CategoricalDistribution(["a", "b"])}, {"x": 10, "c": "b"})
        [0.5, 0.0, 0.5]
    """
    found: list[float] = []
    for name, each in space.items():
        if isinstance(each, CategoricalDistribution):
            found += [0.5 * (choice == params[name]) for choice in each.choices]
        elif each.log:
            found.append(math.log(params[name] / each.low) / math.log(each.high / each.low))
        else:
            found.append((params[name] - each.low) / (each.high - each.low))
    return found


@attrs.frozen
class Scale:
    """How long trainings of a problem are, and how good its losses.

    Attributes:
        n_epochs: How many epochs a whole training has.
        best: The smallest loss that is known, at any epoch.
        usual: The median of the last losses of trainings with random configurations.
    """

    n_epochs: int
    best: float
    usual: float

    def regret(self, losses: np.ndarray) -> np.ndarray:
        """Return losses on a scale where 0 is the best one known and 1 what a random configuration usually has."""
        return np.clip((losses - self.best) / (self.usual - self.best), 0.0, 1.0)


PUBLIC: Mapping[str, Scale] = {  # as evalkit says: suites/public-curves.norms.json
    "taskset:patch128_LSTM128_avg_bs64": Scale(51, 0.1398908495903015, 0.6932241424918175),
    "taskset:patch32_LSTM128_bs128": Scale(51, 0.532834167778492, 0.6953507612645626),
    "taskset:patch32_VRNN64_tanh_avg_bs128": Scale(51, 0.42530766129493713, 0.6943800814449788),
}
CHOOSING = ("cancer-sgd", "diabetes-mlp", "cancer-boosting")
JUDGING = ("diabetes-sgd", "cancer-mlp", "diabetes-boosting", *PUBLIC)


@attrs.frozen(eq=False)
class Problem:
    """A search space with learning curves.

    Attributes:
        space: The search space.
        n_epochs: How many epochs a whole training has.
        curve: Returns the losses of a configuration by epoch; they end early, with NaN, if the training diverges.
    """

    space: Space
    n_epochs: int
    curve: Callable[[Mapping[str, Any]], Sequence[float]]


@attrs.frozen(eq=False)
class Trained:
    """The curves of a table: that of the trained configuration which is nearest."""

    space: Space
    points: np.ndarray
    curves: tuple[tuple[float, ...], ...]

    def __call__(self, params: Mapping[str, Any]) -> tuple[float, ...]:
        """Return the losses by epoch."""
        apart = self.points - np.asarray(columns(self.space, params))
        return self.curves[int(np.argmin(np.einsum("ij,ij->i", apart, apart)))]


@functools.cache
def scale_of(name: str) -> Scale:
    """Return the scale of a problem."""
    if name in PUBLIC:
        return PUBLIC[name]
    with np.load(CURVES) as arrays:
        table = arrays[f"{name}.curves"].astype(float)
    last = np.where(np.isnan(table[:, -1]), np.inf, table[:, -1])
    return Scale(table.shape[1], float(np.nanmin(table)), float(np.median(last)))


@functools.cache
def problem(name: str) -> Problem:
    """Return the problem with this name; a public one needs evalkit."""
    if name not in SPACES:
        return _public(name)
    space = SPACES[name]
    with np.load(CURVES) as arrays:
        table, units = arrays[f"{name}.curves"].astype(float), arrays[f"{name}.units"]
    points = np.array([columns(space, at(space, unit)) for unit in units])
    curves = tuple(_until_nan(row.tolist()) for row in table)
    return Problem(space, table.shape[1], Trained(space, points, curves))


def _until_nan(row: Sequence[float]) -> tuple[float, ...]:
    for epoch, value in enumerate(row):
        if value != value:
            return tuple(row[: epoch + 1])
    return tuple(row)


def _public(name: str) -> Problem:
    """Return a problem of evalkit, whose curves are those of a forest over 1,000 real trainings."""
    from evalkit import registry

    found = registry.load(name)
    space = {each.name: FloatDistribution(each.low, each.high, log=each.log) for each in found.space}
    return Problem(space, found.max_step, lambda params: found.curve(params, None))
