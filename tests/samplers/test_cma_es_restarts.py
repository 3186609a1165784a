"""Restarts of CMA-ES: when a run is over, and which one is next."""

import attrs
import numpy as np
import pytest

from hpo.core import Key
from hpo.numerics.cma_es.model import initial_model, strategy_parameters
from hpo.samplers.cma_es.evolution import Run, first_run, is_over, next_run


def course(strategy, lengths, *, popsize=10, growth=2, seed=0):
    """The runs after the first one, which have so many results each."""
    run, runs = first_run(popsize), []
    for number, n_results in enumerate(lengths):
        run = next_run(run, n_results, strategy, popsize=popsize, growth=growth, key=Key(seed, (number,)))
        runs.append(run)
    return runs


def model(n=5, sigma=0.1):
    return initial_model(strategy_parameters(n), np.full(n, 0.5), sigma)


def test_with_ipop_every_population_is_a_multiple_of_the_one_before():
    assert [run.popsize for run in course("ipop", [100, 100, 100])] == [20, 40, 80]
    assert [run.popsize for run in course("ipop", [100, 100], growth=3)] == [30, 90]
    assert all(run.shrinkage == 1.0 and run.limit is None for run in course("ipop", [100] * 4))


def test_with_bipop_the_kind_that_has_used_less_is_next():
    chance = np.random.default_rng(3)
    lengths = chance.integers(100, 5000, 60).tolist()
    spent, large = [lengths[0], 0], False  # the first run counts as a small one
    for run, n_results in zip(course("bipop", lengths), [*lengths[1:], 0], strict=True):
        large = spent[1] <= spent[0]
        assert run.is_large == large
        assert (run.n_small, run.n_large) == tuple(spent)
        spent[large] += n_results


def test_bipop_doubles_large_runs_and_keeps_small_ones_small():
    runs = course("bipop", [1000] * 40)
    large = [run.popsize for run in runs if run.is_large]
    assert large == [20 * 2**k for k in range(len(large))]
    assert len(large) > 5
    for run in runs:
        if not run.is_large:
            assert 10 <= run.popsize <= max(10, run.largest_popsize // 2)
            assert 0.01 <= run.shrinkage <= 1.0


def test_a_small_run_is_limited_to_half_of_the_large_one_before():
    first, second = course("bipop", [1000, 3000])
    assert first.is_large
    assert (second.is_large, second.limit) == (False, 1500)
    (_, _, third) = course("bipop", [1000, 3000, 700])
    assert (third.is_large, third.limit) == (False, 1500)


def test_small_runs_differ_from_each_other():
    small = [run for run in course("bipop", [10, *[10_000, 10] * 30]) if not run.is_large]
    assert len({run.popsize for run in small}) > 3
    assert len({run.shrinkage for run in small}) == len(small)


@pytest.mark.parametrize(
    ("what", "options", "over"),
    [
        (model(), {}, False),
        (model(sigma=1e-6), {}, True),
        (attrs.evolve(model(), lengths=np.array([1.0, 1.0, 1.0, 1.0, 1e7])), {}, True),
        (model(), {"n_idle": 100}, False),
        (model(), {"n_idle": 200}, True),
        (model(), {"n_results": 10**6}, False),
        (model(), {"n_results": 499, "limit": 500}, False),
        (model(), {"n_results": 500, "limit": 500}, True),
    ],
    ids=[
        "young",
        "shrunk",
        "ill-conditioned",
        "idle for a while",
        "idle for long",
        "old",
        "before its limit",
        "at its limit",
    ],
)
def test_a_run_ends_at_each_of_its_limits(what, options, over):
    run = Run(1, 8, limit=options.get("limit"))
    told = {"n_results": options.get("n_results", 80), "n_idle": options.get("n_idle", 0)}
    assert is_over(run, what, columns=np.arange(5), **told) == over


def test_only_the_given_columns_have_to_shrink():
    wide = attrs.evolve(model(sigma=1e-7), stretch=np.array([1.0, 1e6, 1.0, 1.0, 1.0]))
    told = {"n_results": 80, "n_idle": 0}
    assert not is_over(first_run(8), wide, columns=np.arange(5), **told)
    assert is_over(first_run(8), wide, columns=np.array([0, 2, 3, 4]), **told)
