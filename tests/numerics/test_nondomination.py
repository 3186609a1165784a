"""Fronts against their definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hpo.numerics.nondomination import nondomination_ranks

LOSSES = st.integers(1, 3).flatmap(
    lambda m: st.integers(0, 12).flatmap(
        lambda n: arrays(np.float64, (n, m), elements=st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.0, np.inf, -np.inf]))
    )
)


def by_definition(losses):
    ranks, left, rank = {}, set(range(len(losses))), 0
    while left:
        front = {
            i for i in left if not any((losses[j] <= losses[i]).all() and (losses[j] < losses[i]).any() for j in left)
        }
        ranks.update(dict.fromkeys(front, rank))
        left -= front
        rank += 1
    return [ranks[i] for i in range(len(losses))]


@given(LOSSES)
def test_ranks_are_the_fronts_that_remain_after_removing_better_ones(losses):
    assert nondomination_ranks(losses).tolist() == by_definition(losses)


@given(LOSSES, st.integers(0, 15))
def test_enough_ranks_whole_fronts_and_no_more_than_needed(losses, enough):
    full = nondomination_ranks(losses)
    some = nondomination_ranks(losses, enough)
    stopped = some.max(initial=0)
    np.testing.assert_array_equal(some, np.minimum(full, stopped))
    if stopped:
        assert (full < stopped - 1).sum() < enough
    assert (some < stopped).sum() >= min(enough, len(losses)) or stopped == full.max(initial=0)
