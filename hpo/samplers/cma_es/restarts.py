"""When a run of a CMA-ES is over, and what the next one is like."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hpo.core import Key
from hpo.numerics.cma_es import Model

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
