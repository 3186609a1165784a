"""The fold that turns finished trials into the distribution of the next ones."""

from __future__ import annotations

import math
from typing import TypeAlias

import attrs
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from hpo.core.key import Key
from hpo.core.trial import FrozenTrial, TrialState
from hpo.core.views import losses, violation
from hpo.numerics.cma_es import Model, Strategy, initial_model, strategy_parameters, updated
from hpo.numerics.integer_margin import with_margin
from hpo.samplers.cma_es.coding import CubeCoding

_SMALLEST = 1e-8  # standard deviation, of the range: the budget is better spent elsewhere than on a ninth digit
_WORST_CONDITION = 1e13

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
        first: The generation in which this run began.
        run: How many restarts there were.
        strategy: This run's constants.
        model: The distribution of this generation.
        waiting: The results of this generation so far, in the order told.
        best: The best standing of all runs, or None.
        run_best: The best standing of this run, or None.
        improved: The generation in which `run_best` last changed.
    """

    n_learnable: int
    generation: int
    first: int
    run: int
    strategy: Strategy
    model: Model
    waiting: tuple[Waiting, ...] = ()
    best: Standing | None = None
    run_best: Standing | None = None
    improved: int = 0


@attrs.frozen(cache_hash=True)
class Evolution:
    """Fold: the course of a CMA-ES over the finished trials.

    A trial that was drawn from this generation's distribution counts as such. One from an earlier generation of the run,
    told late by a parallel worker, counts as a stranger (see `hpo.numerics.cma_es.updated`), and so does any other
    trial, be it enqueued, added, or from a start-up phase, that is the best so far.

    Args:
        coding: The columns.
        directions: The study's: one.
        start: The first run's mean, one number per column.
        sigma0: Each run's first standard deviation, of the unit interval.
        popsize: The first run's results per generation, or None for the recommendation.
        separable: Whether only variances are learned, no covariances.
        margin: Whether discrete columns keep a least chance of another value.
        pruned: Whether pruned trials count.
        growth: What the population is multiplied with at a restart, or None for no restarts.
        seed: Where the means of restarts come from.
    """

    coding: CubeCoding
    directions: tuple[str, ...]
    start: tuple[float, ...]
    sigma0: float
    popsize: int | None
    separable: bool
    margin: bool
    pruned: bool
    growth: int | None
    seed: int

    def init(self) -> Course:
        """No trials."""
        strategy = strategy_parameters(len(self.start), self.popsize, separable=self.separable)
        model = initial_model(strategy, np.array(self.start), self.sigma0)
        return Course(0, 0, 0, 0, strategy, self._kept_open(strategy, model))

    def step(self, carry: Course, trial: FrozenTrial) -> Course:
        """One more finished trial."""
        if trial.state is TrialState.FAIL or (trial.state is TrialState.COMPLETE and trial.values is None):
            return carry
        n_learnable = carry.n_learnable + 1
        point = self.coding.point(trial) if self.pruned or trial.state is TrialState.COMPLETE else None
        if point is None:
            return replace(carry, n_learnable=n_learnable)
        standing = _standing(self.directions, trial)
        record = carry.best is None or standing < carry.best
        generation = trial.note.get("generation") if trial.note.get("cma") == self.coding.digest else None
        of_this_run = isinstance(generation, int) and generation >= carry.first
        if not of_this_run and not record:
            return replace(carry, n_learnable=n_learnable)
        new_in_run = carry.run_best is None or standing < carry.run_best
        grown = replace(
            carry,
            n_learnable=n_learnable,
            waiting=(*carry.waiting, Waiting(standing, point, generation != carry.generation)),
            best=standing if record else carry.best,
            run_best=standing if new_in_run else carry.run_best,
            improved=carry.generation if new_in_run else carry.improved,
        )
        return self._next_generation(grown) if len(grown.waiting) >= carry.strategy.popsize else grown

    def _next_generation(self, carry: Course) -> Course:
        ranked = sorted(carry.waiting, key=lambda result: result.standing)  # equals stay in the order told
        model = updated(
            carry.strategy,
            carry.model,
            np.array([result.point for result in ranked]),
            strangers=np.array([result.stranger for result in ranked]),
        )
        following = replace(
            carry,
            generation=carry.generation + 1,
            model=self._kept_open(carry.strategy, model),
            waiting=(),
        )
        return self._restarted(following) if self.growth is not None and _is_at_its_end(following) else following

    def _restarted(self, carry: Course) -> Course:
        """A new run with a larger population, around a point drawn from the whole cube."""
        run = carry.run + 1
        popsize = carry.strategy.popsize * (self.growth or 1)
        strategy = strategy_parameters(carry.strategy.n, popsize, separable=self.separable)
        mean = Key(self.seed).child("cma-es", "restart", run).uniforms(self.coding.names)
        model = self._kept_open(strategy, initial_model(strategy, np.array(mean), self.sigma0))
        return replace(
            carry,
            first=carry.generation,
            run=run,
            strategy=strategy,
            model=model,
            run_best=None,
            improved=carry.generation,
        )

    def _kept_open(self, strategy: Strategy, model: Model) -> Model:
        """`model` with the margin, where there is one."""
        if not self.margin or self.coding.cells is None:
            return model
        return with_margin(model, self.coding.cells, 1.0 / (strategy.n * strategy.popsize))


def _is_at_its_end(carry: Course) -> bool:
    """Whether the run has shrunk to a point, is ill-conditioned, or has found nothing better for long.

    Each test looks at the distribution and at the order of results only, so that the scale of the objective is free.
    """
    model, strategy = carry.model, carry.strategy
    patience = 100 + 50 * strategy.n / strategy.popsize
    return bool(
        model.sigma * float((model.stretch * model.lengths.max()).max()) < _SMALLEST
        or model.condition > _WORST_CONDITION
        or carry.generation - carry.improved > patience
    )


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
