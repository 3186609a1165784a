"""Objectives of machines that test studies: they ask for any parameters, report, and ask whether to prune."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from hpo.core import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution
from hpo.errors import TrialPruned

MENU: Mapping[str, Distribution] = {
    "x": FloatDistribution(0.0, 1.0),
    "lr": FloatDistribution(1e-5, 1.0, log=True),
    "layers": IntDistribution(1, 9),
    "kind": CategoricalDistribution(["a", True, 1, None]),
}
"""A parameter of every kind."""


@attrs.frozen
class SumOfAll:
    """An objective that returns the sum of all numbers; every other trial reports it, and may be pruned.

    Args:
        menu: The parameters.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
        >>> study.optimize(SumOfAll(MENU), n_trials=2)
        >>> [len(trial.params) for trial in study.trials]
        [4, 4]
    """

    menu: Mapping[str, Distribution]

    def __call__(self, trial: Any) -> float:
        """Return the value of `trial`."""
        values = [suggested(trial, name, dist) for name, dist in self.menu.items()]
        total = float(sum(value for value in values if type(value) in {int, float}))
        if trial.number % 2:
            trial.report(total, 0)
            if trial.should_prune():
                raise TrialPruned
        return total


def suggested(trial: Any, name: str, dist: Distribution) -> Any:
    """Return the value that an objective gets for a parameter.

    Example:
        >>> from hpo import FixedTrial
        >>> suggested(FixedTrial({"layers": 3}), "layers", MENU["layers"])
        3
    """
    if isinstance(dist, CategoricalDistribution):
        return trial.suggest_categorical(name, dist.choices)
    suggest = trial.suggest_float if isinstance(dist, FloatDistribution) else trial.suggest_int
    return suggest(name, dist.low, dist.high, step=dist.step, log=dist.log)
