"""The first distribution, restarts, and the fold that turns finished trials into the distribution of the next ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Literal, TypeAlias

import attrs
import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from hpo.core import CategoricalDistribution, FrozenTrial, Key, TrialState, losses
from hpo.errors import InvalidArgument
from hpo.numerics.cma_es import (
    Model,
    Strategy,
    initial_model,
    promising_distribution,
    strategy_parameters,
    updated,
    with_margin,
)
from hpo.samplers.cma_es.coding import DrawCoding
from hpo.samplers.parts import Standing, UnitCube, is_learnable, standing

_SMALLEST = 1e-5  # standard deviation, of the range: the budget is better spent elsewhere than on a sixth digit
_WORST_CONDITION = 1e13  # of the covariance: the shortest axes are nearly lost to rounding

RestartStrategy: TypeAlias = Literal["ipop", "bipop"]


class Run(Struct, frozen=True):
    """The start of a run, and the sums over the runs before it.

    Attributes:
        number: The number of runs before it.
        popsize: The number of results in a generation.
        shrinkage: The first standard deviation, as a share of the first run's.
        is_large: Whether the run is one of those whose populations grow; the first run is not.
        largest_popsize: The population of the newest large run, or of the first run.
        limit: The number of results after which the run is over anyway; None for no limit.
        n_small: The number of results of all finished small runs.
        n_large: The number of results of all finished large runs.
    """

    number: int
    popsize: int
    shrinkage: float = 1.0
    is_large: bool = False
    largest_popsize: int = 0
    limit: int | None = None
    n_small: int = 0
    n_large: int = 0


def first_run(popsize: int) -> Run:
    """Return the run before any restart."""
    return Run(0, popsize, largest_popsize=popsize)


def next_run(run: Run, n_results: int, strategy: RestartStrategy, *, popsize: int, growth: int, key: Key) -> Run:
    """Return the run that follows one that is over.

    With "ipop" each population is `growth` times the one before. With "bipop" there are two kinds of runs, and the kind
    that has used fewer results is next. A large run has `growth` times the population of the large run before. A small
    one has a population between the first run's and half the largest, a first standard deviation down to a hundredth of
    the usual one, and at most half as many results as the large run before. The first run counts as small, so a large
    one is next.

    Args:
        run: The run that is over.
        n_results: How many results it had.
        strategy: The rule.
        popsize: Results in a generation of the first run.
        growth: The factor between the populations of large runs.
        key: The random stream of small runs.

    Source: for "ipop" Auger and Hansen, "A Restart CMA Evolution Strategy With Increasing Population Size", CEC 2005; for
    "bipop" Hansen, "Benchmarking a BI-Population CMA-ES on the BBOB-2009 Function Testbed", GECCO 2009 (Companion).

    Example:
        >>> run, kinds = first_run(10), []
        >>> for n_results in (1000, 3000, 900, 600, 1000):
        ...     run = next_run(run, n_results, "bipop", popsize=10, growth=2, key=Key(0, (run.number,)))
        ...     kinds.append(("large", run.popsize) if run.is_large else "small")
        >>> kinds
        [('large', 20), 'small', 'small', 'small', ('large', 40)]
    """
    if strategy == "ipop":
        return Run(run.number + 1, run.popsize * growth, is_large=True, largest_popsize=run.popsize * growth)
    # the budgets of both kinds, by which bipop chooses
    n_small = run.n_small + (0 if run.is_large else n_results)
    n_large = run.n_large + (n_results if run.is_large else 0)
    if n_large <= n_small:
        largest = run.largest_popsize * growth
        return Run(run.number + 1, largest, 1.0, True, largest, None, n_small, n_large)
    # Hansen 2009: lambda_s = lambda_0 * (lambda_l / (2 lambda_0)) ** (U ** 2), sigma_s = sigma_0 * 10 ** (-2 U)
    size, width = key.uniforms(["popsize", "sigma"])
    small = int(popsize * max(1.0, 0.5 * run.largest_popsize / popsize) ** (size * size))
    limit = n_results // 2 if run.is_large else run.limit  # small runs in a row share the large one's
    return Run(run.number + 1, small, 10.0 ** (-2.0 * width), False, run.largest_popsize, limit, n_small, n_large)


def is_over(run: Run, model: Model, *, columns: NDArray[np.intp], n_results: int, n_idle: int) -> bool:
    """Return whether a run has shrunk to a point, is ill-conditioned, found nothing better for long, or is at its limit.

    Only the distribution and the order of results are looked at, so the scale of the objective does not matter.

    Args:
        run: The run.
        model: Its distribution.
        columns: The dimensions that have to shrink: not those that a margin keeps wide.
        n_results: How many results the run had.
        n_idle: How many generations ago its best result improved.
    """
    n = len(model.mean)
    # the fewer results a generation has, the more generations it takes to learn `n` dimensions
    return bool(
        (run.limit is not None and n_results >= run.limit)
        or n_idle > 100 + 50 * n / run.popsize
        or model.condition > _WORST_CONDITION
        or model.sigma * float((model.stretch * np.sqrt(model.variances))[columns].max()) < _SMALLEST
    )


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


_WIDEST = 0.3  # standard deviation, of the range: that of a uniform distribution; reflected, wider ones look like it
_STANDING = attrgetter("standing")


class PendingResult(Struct, frozen=True):
    """A result that waits until its generation is complete.

    Attributes:
        standing: How good it is.
        point: Where it is in the unit cube, or outside of it.
        injected: Whether it was not drawn from the distribution of its generation.
    """

    standing: Standing
    point: list[float]
    injected: bool


class Carry(Struct, frozen=True):
    """The result of `Fold`: the progress of the evolution.

    Attributes:
        n_learnable: The number of complete and pruned trials, whatever their parameters.
        generation: The number of updates over all runs.
        run: The start of this run, and the sums over the runs before it.
        first: The generation in which this run began.
        strategy: The constants of this run.
        model: The distribution of this generation.
        pending: The results of this generation so far, in the order told.
        best: The best standing of all runs, or None.
        run_best: The best standing of this run, or None.
        improved: The generation in which `run_best` last changed.
        anchor: The number of the first trial that can belong to this generation; the draws that belong together are
            counted off from it.
    """

    n_learnable: int
    generation: int
    run: Run
    first: int
    strategy: Strategy
    model: Model
    pending: tuple[PendingResult, ...] = ()
    best: Standing | None = None
    run_best: Standing | None = None
    improved: int = 0
    anchor: int = 0


@attrs.frozen(cache_hash=True)
class Fold:
    """Fold: the evolution of a CMA-ES over the finished trials.

    A trial that was drawn from this generation's distribution counts as such. Trials from an earlier generation of the
    run, told late by a parallel worker, are injected (see `hpo.numerics.cma_es.model.updated`). So are all other trials,
    be they enqueued, added or from start-up, but only if they improve on the best.

    Args:
        coding: The columns.
        directions: The direction of the study.
        start: The distribution of the first run.
        popsize: Results per generation in the first run.
        separable: Whether only variances are learned, and no covariances.
        margin: Whether discrete columns keep a least probability of another value.
        adapt_rates: Whether the learning rates follow the signal.
        pruned: Whether pruned trials count.
        restarts: The rule for restarts; None for no restarts.
        growth: What a restart multiplies the size of a generation by.
        sigma0: The first standard deviation of runs other than the first, as a share of the unit interval.
        seed: The seed of the random numbers in restarts.
    """

    coding: DrawCoding
    directions: tuple[str, ...]
    start: Start
    popsize: int
    separable: bool
    margin: bool
    adapt_rates: bool
    pruned: bool
    restarts: RestartStrategy | None
    growth: int
    sigma0: float
    seed: int

    def init(self) -> Carry:
        """Return the carry of no trials."""
        start, strategy = self.start, self._strategy(self.popsize)
        covariance = None if start.covariance is None else np.array(start.covariance)
        model = initial_model(
            strategy, np.array(start.mean), start.sigma, covariance=covariance, adapt_rates=self.adapt_rates
        )
        return Carry(0, 0, first_run(self.popsize), 0, strategy, self._within_limits(strategy, model))

    def step(self, carry: Carry, trial: FrozenTrial) -> Carry:
        """Return the carry after one more finished trial."""
        if not is_learnable(trial):
            return carry
        note = trial.note
        # the digest keeps apart what was drawn for other columns: a generation of theirs is not one of ours
        generation = note.get("generation") if note.get("cma") == self.coding.digest else None
        n_learnable = carry.n_learnable + 1
        anchor = carry.anchor
        # as long as no result of this generation is its own, the pairs of draws are counted off from the next trial on,
        # so that a start-up of any length splits none of them
        if generation != carry.generation and all(result.injected for result in carry.pending):
            anchor = trial.number + 1
        point = self.coding.point(trial) if self.pruned or trial.state is TrialState.COMPLETE else None
        if point is None:
            return replace(carry, n_learnable=n_learnable, anchor=anchor)
        stands = standing(self.directions, trial)
        record = carry.best is None or stands < carry.best
        # draws of earlier runs are far from this one's distribution, so they count as injected, like any other trial
        of_this_run = isinstance(generation, int) and generation >= carry.first
        if not of_this_run and not record:
            return replace(carry, n_learnable=n_learnable, anchor=anchor)
        new_in_run = record or carry.run_best is None or stands < carry.run_best
        grown = replace(
            carry,
            n_learnable=n_learnable,
            pending=(*carry.pending, PendingResult(stands, point, generation != carry.generation)),
            best=stands if record else carry.best,
            run_best=stands if new_in_run else carry.run_best,
            improved=carry.generation if new_in_run else carry.improved,
            anchor=anchor,
        )
        return self._next_generation(grown, trial.number + 1) if len(grown.pending) >= carry.strategy.popsize else grown

    def _next_generation(self, carry: Carry, anchor: int) -> Carry:
        """Return the carry with its distribution updated by the results of a full generation."""
        ranked = sorted(carry.pending, key=_STANDING)  # equals stay in the order told
        injected = [result.injected for result in ranked]
        model = updated(
            carry.strategy,
            carry.model,
            np.array([result.point for result in ranked]),
            injected=np.array(injected) if any(injected) else None,
        )
        following = replace(
            carry,
            generation=carry.generation + 1,
            model=self._within_limits(carry.strategy, model),
            pending=(),
            anchor=anchor,
        )
        if self.restarts is None:
            return following
        # looked at once per generation only: between updates the distribution does not change
        n_results = (following.generation - following.first) * following.strategy.popsize
        n_idle = following.generation - following.improved
        columns = self.coding.continuous
        over = is_over(following.run, following.model, columns=columns, n_results=n_results, n_idle=n_idle)
        return self._restarted(following, n_results, self.restarts) if over else following

    def _restarted(self, carry: Carry, n_results: int, rule: RestartStrategy) -> Carry:
        """Return the carry at the start of a new run, around a point drawn from the whole cube."""
        # named by the run, so that the new mean does not depend on which trial completed the generation
        key = Key(self.seed).child("cma-es", "restart", carry.run.number + 1)
        run = next_run(carry.run, n_results, rule, popsize=self.popsize, growth=self.growth, key=key.child("run"))
        strategy = self._strategy(run.popsize)
        mean = np.array(key.uniforms(self.coding.names))
        model = initial_model(strategy, mean, self.sigma0 * run.shrinkage, adapt_rates=self.adapt_rates)
        return replace(
            carry,
            run=run,
            first=carry.generation,
            strategy=strategy,
            model=self._within_limits(strategy, model),
            run_best=None,
            improved=carry.generation,
        )

    def _strategy(self, popsize: int) -> Strategy:
        return strategy_parameters(len(self.start.mean), popsize, separable=self.separable)

    def _within_limits(self, strategy: Strategy, model: Model) -> Model:
        """Return `model` no wider than the cube, and with the margin if there is one."""
        # reflection folds a wide distribution into a uniform one, and its step size would then grow without limit
        width = model.sigma * float(model.lengths.max())
        if width > _WIDEST:
            model = attrs.evolve(model, sigma=model.sigma * _WIDEST / width)
        if not self.margin or self.coding.cells is None:
            return model
        # 1 / (n * popsize) is the recommendation of Hamano et al. 2022, section 3
        return with_margin(model, self.coding.cells, 1.0 / (strategy.n * strategy.popsize))
