"""The fold that turns finished trials into the distribution of the next ones."""

from __future__ import annotations

from operator import attrgetter

import attrs
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from hpo.core import FrozenTrial, Key, TrialState
from hpo.numerics.cma_es import Model, Strategy, initial_model, strategy_parameters, updated, with_margin
from hpo.samplers.cma_es.coding import DrawCoding
from hpo.samplers.cma_es.restarts import RestartStrategy, Run, first_run, is_over, next_run
from hpo.samplers.cma_es.start import Start
from hpo.samplers.parts import Standing, is_learnable, standing

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
