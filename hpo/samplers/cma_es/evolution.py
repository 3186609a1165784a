"""The fold that turns finished trials into the distribution of the next ones."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import TypeAlias

import attrs
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from hpo.core import FrozenTrial, Key, TrialState, losses, violation
from hpo.numerics.cma_es.margin import with_margin
from hpo.numerics.cma_es.model import Model, Strategy, initial_model, strategy_parameters, updated
from hpo.samplers.cma_es.coding import CubeCoding
from hpo.samplers.cma_es.restarts import RestartStrategy, Run, first_run, is_over, next_run

_WIDEST = 0.3  # standard deviation, of the range: that of a uniform distribution; reflected, a wider one is no other
_STANDING = attrgetter("standing")

Standing: TypeAlias = tuple[float, float, float, float]
"""Orders trials, less is better: violation of constraints; 0 or, pruned, 1; loss or minus last step; last loss."""


class Waiting(Struct, frozen=True):
    """A result that waits for its generation to become full.

    Attributes:
        standing: How good it is.
        point: Where it is in the unit cube.
        stranger: Whether it was drawn from another distribution than its generation's.
    """

    standing: Standing
    point: list[float]
    stranger: bool


class Course(Struct, frozen=True):
    """The carry of `Evolution`.

    Attributes:
        n_learnable: How many complete and pruned trials there were, whatever their parameters.
        generation: How many updates there were, over all runs.
        run: What this run began with, and what came before.
        first: The generation in which this run began.
        strategy: This run's constants.
        model: The distribution of this generation.
        waiting: The results of this generation so far, in the order told.
        best: The best standing of all runs, or None.
        run_best: The best standing of this run, or None.
        improved: The generation in which `run_best` last changed.
        anchor: The number of the trial from which on this generation's are counted off, for the draws that belong
            together.
    """

    n_learnable: int
    generation: int
    run: Run
    first: int
    strategy: Strategy
    model: Model
    waiting: tuple[Waiting, ...] = ()
    best: Standing | None = None
    run_best: Standing | None = None
    improved: int = 0
    anchor: int = 0


@attrs.frozen(cache_hash=True)
class Start:
    """The distribution that the first run begins with.

    Attributes:
        mean: One number of the unit interval per column.
        sigma: The step size.
        covariance: Of the steps, row by row; None for the identity.
    """

    mean: tuple[float, ...]
    sigma: float
    covariance: tuple[tuple[float, ...], ...] | None = None


@attrs.frozen(cache_hash=True)
class Evolution:
    """Fold: the course of a CMA-ES over the finished trials.

    A trial that was drawn from this generation's distribution counts as such. One from an earlier generation of the run,
    told late by a parallel worker, counts as a stranger (see `hpo.numerics.cma_es.model.updated`), and so does any other
    trial, be it enqueued, added, or from a start-up phase, that is the best so far.

    Args:
        coding: The columns.
        directions: The study's: one.
        start: The first run's distribution.
        popsize: The first run's results per generation.
        separable: Whether only variances are learned, no covariances.
        margin: Whether discrete columns keep a least chance of another value.
        adapt_rates: Whether the learning rates follow the signal.
        pruned: Whether pruned trials count.
        restarts: Which rule there is for restarts, or None for no restarts.
        growth: What a rule multiplies populations with.
        sigma0: The first standard deviation of other runs than the first, of the unit interval.
        seed: Where the chance in restarts comes from.
    """

    coding: CubeCoding
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

    def init(self) -> Course:
        """No trials."""
        start, strategy = self.start, self._strategy(self.popsize)
        covariance = None if start.covariance is None else np.array(start.covariance)
        model = initial_model(
            strategy, np.array(start.mean), start.sigma, covariance=covariance, adapt_rates=self.adapt_rates
        )
        return Course(0, 0, first_run(self.popsize), 0, strategy, self._kept_open(strategy, model))

    def step(self, carry: Course, trial: FrozenTrial) -> Course:
        """One more finished trial."""
        if trial.state is TrialState.FAIL or (trial.state is TrialState.COMPLETE and trial.values is None):
            return carry
        note = trial.note
        generation = note.get("generation") if note.get("cma") == self.coding.digest else None
        n_learnable = carry.n_learnable + 1
        anchor = carry.anchor
        if generation != carry.generation and all(result.stranger for result in carry.waiting):
            anchor = trial.number + 1
        point = self.coding.point(trial) if self.pruned or trial.state is TrialState.COMPLETE else None
        if point is None:
            return replace(carry, n_learnable=n_learnable, anchor=anchor)
        standing = _standing(self.directions, trial)
        record = carry.best is None or standing < carry.best
        of_this_run = isinstance(generation, int) and generation >= carry.first
        if not of_this_run and not record:
            return replace(carry, n_learnable=n_learnable, anchor=anchor)
        new_in_run = record or carry.run_best is None or standing < carry.run_best
        grown = replace(
            carry,
            n_learnable=n_learnable,
            waiting=(*carry.waiting, Waiting(standing, point, generation != carry.generation)),
            best=standing if record else carry.best,
            run_best=standing if new_in_run else carry.run_best,
            improved=carry.generation if new_in_run else carry.improved,
            anchor=anchor,
        )
        return self._next_generation(grown, trial.number + 1) if len(grown.waiting) >= carry.strategy.popsize else grown

    def _next_generation(self, carry: Course, anchor: int) -> Course:
        ranked = sorted(carry.waiting, key=_STANDING)  # equals stay in the order told
        strangers = [result.stranger for result in ranked]
        model = updated(
            carry.strategy,
            carry.model,
            np.array([result.point for result in ranked]),
            strangers=np.array(strangers) if any(strangers) else None,
        )
        following = replace(
            carry,
            generation=carry.generation + 1,
            model=self._kept_open(carry.strategy, model),
            waiting=(),
            anchor=anchor,
        )
        if self.restarts is None:
            return following
        n_results = (following.generation - following.first) * following.strategy.popsize
        n_idle = following.generation - following.improved
        columns = self.coding.continuous
        over = is_over(following.run, following.model, columns=columns, n_results=n_results, n_idle=n_idle)
        return self._restarted(following, n_results, self.restarts) if over else following

    def _restarted(self, carry: Course, n_results: int, rule: RestartStrategy) -> Course:
        """A new run around a point drawn from the whole cube."""
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
            model=self._kept_open(strategy, model),
            run_best=None,
            improved=carry.generation,
        )

    def _strategy(self, popsize: int) -> Strategy:
        return strategy_parameters(len(self.start.mean), popsize, separable=self.separable)

    def _kept_open(self, strategy: Strategy, model: Model) -> Model:
        """`model` with the margin, where there is one, and no wider than the cube."""
        width = model.sigma * float(model.lengths.max())
        if width > _WIDEST:
            model = attrs.evolve(model, sigma=model.sigma * _WIDEST / width)
        if not self.margin or self.coding.cells is None:
            return model
        return with_margin(model, self.coding.cells, 1.0 / (strategy.n * strategy.popsize))


def _standing(directions: tuple[str, ...], trial: FrozenTrial) -> Standing:
    broken = violation(trial) if trial.constraints else 0.0
    if trial.state is TrialState.COMPLETE:
        assert trial.values is not None
        return broken, 0.0, _number(losses(directions, trial.values)[0]), 0.0
    step = trial.last_step
    if step is None:
        return broken, 1.0, math.inf, 0.0
    return broken, 1.0, -float(step), _number(losses(directions, [trial.intermediate_values[step]])[0])


def _number(loss: float) -> float:
    """`loss`, or infinity where it is no number: the worst there is."""
    return loss if loss == loss else math.inf
