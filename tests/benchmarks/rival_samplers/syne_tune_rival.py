"""Use Syne Tune's searchers as samplers of hpo: each suggestion comes from a new scheduler.

The scheduler is told the complete trials, in the order in which they finished, and asked once. It has one objective and a
fixed space, so trials with other parameters, with values outside of their ranges or with infinite results are left out.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import logging
import math
import random
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import attrs
import numpy as np
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, finrange, lograndint, loguniform, randint, uniform
from syne_tune.optimizer.schedulers.single_objective_scheduler import SingleObjectiveScheduler

from hpo.core import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    FrozenTrial,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    TrialState,
)
from hpo.errors import SeveralObjectives

_SEARCHERS = {
    "CQR": ("conformal.conformal_quantile_regression_searcher", "ConformalQuantileRegression"),
    "KDE": ("kde.kde_searcher", "KernelDensityEstimator"),
    "BORE": ("bore.bore", "Bore"),
    "REA": ("regularized_evolution", "RegularizedEvolution"),
}


@attrs.frozen
class SyneTuneRival:
    """One of Syne Tune's searchers, seeded by the key of each call.

    Args:
        name: The searcher: CQR, KDE, BORE or REA.
        options: Its arguments besides the space and the seed.
        seeds_everything: Whether the global generators of NumPy and Python are seeded, too, so that laws that are not
            about seeds can be tested.
        points_per_model: How many trials KDE needs for each of its two models, beyond the number of parameters; None
            for its default.
    """

    name: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    seeds_everything: bool = False
    points_per_model: int | None = None

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """Suggest values for the parameters in `space`."""
        if len(state.directions) > 1:
            raise SeveralObjectives(self.name, "a sampler for several")
        if not space:
            return Suggestion({})
        # two seeds: with one the searcher's own generator would draw the same numbers as the global one
        seed, other_seed = map(int, key.child("rival").generator().integers(2**31 - 1, size=2))
        with _quiet(), _seeded(other_seed if self.seeds_everything else None):
            scheduler = self._fresh_scheduler(state, space, seed)
            for other in state.finished:
                config = _config(other, space)
                if config is not None and other.values is not None and math.isfinite(other.values[0]):
                    told = Trial(other.number, config, datetime.datetime.fromtimestamp(other.started_at or 0.0))  # noqa: DTZ006 - as they have it
                    scheduler.on_trial_complete(told, {"value": other.values[0]})
            suggested = scheduler.suggest().config
        return Suggestion({name: _ours(dist, suggested[name]) for name, dist in space.items()})

    def _fresh_scheduler(self, state: StudyState, space: SearchSpace, seed: int) -> SingleObjectiveScheduler:
        domains = {name: theirs(dist) for name, dist in space.items()}
        module, searcher = _SEARCHERS[self.name]
        made = getattr(import_module(f"syne_tune.optimizer.schedulers.searchers.{module}"), searcher)
        options = dict(self.options)
        if self.points_per_model is not None:
            options["num_min_data_points"] = len(space) + self.points_per_model
        return SingleObjectiveScheduler(
            domains,
            metric="value",
            do_minimize=state.directions[0] == "minimize",
            searcher=made(domains, random_seed=seed, **options),
            random_seed=seed,
        )


def theirs(distribution: Distribution) -> Any:
    """Return the domain of Syne Tune that has the same values; choices become strings of their indices."""
    if isinstance(distribution, CategoricalDistribution):
        return choice([str(place) for place in range(len(distribution.choices))])
    low, high, step = distribution.low, distribution.high, distribution.step
    is_float = isinstance(distribution, FloatDistribution)
    if distribution.log:
        return (loguniform if is_float else lograndint)(low, high)
    if step is None or (step == 1 and not is_float):
        return (uniform if is_float else randint)(low, high)
    return finrange(low, high, distribution.n_values(), cast_int=not is_float)


def _config(trial: FrozenTrial, space: SearchSpace) -> dict[str, Any] | None:
    """Return the trial as a configuration of `space`, or None if it is not one."""
    if trial.state is not TrialState.COMPLETE:
        return None
    config = {}
    for name, distribution in space.items():
        if name not in trial.params or not distribution.contains(trial.params[name]):
            return None
        value = trial.params[name]
        categorical = isinstance(distribution, CategoricalDistribution)
        config[name] = str(distribution.member(value)) if categorical else distribution.member(value)
    return config


def _ours(distribution: Distribution, value: Any) -> Any:
    """Return a suggested value as hpo represents it, even if it is not a member of `distribution`."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(value)]
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        nearest = distribution.low + round((value - distribution.low) / distribution.step) * distribution.step
        on_grid = abs(value - nearest) <= 1e-9 * distribution.step  # a sum of steps has other last digits
        member = distribution.member(distribution.from_unit(distribution.to_unit(nearest))) if on_grid else None
        return value if member is None else member
    return value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    logging.getLogger().setLevel(logging.CRITICAL)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Seed the global generators and restore them afterwards; with None, leave them as they are."""
    if seed is None:
        yield
        return
    before = np.random.get_state(), random.getstate()  # noqa: NPY002 - what they draw from
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before[0])  # noqa: NPY002
        random.setstate(before[1])
