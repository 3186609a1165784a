"""What `hpo.samplers.parts.tried` counts is what a plain set of all configurations would, in every reachable study."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, strategies as st
from strategies import examples

from hpo.core import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    FrozenTrial,
    IntDistribution,
    Key,
    SearchSpace,
    StudyState,
)
from hpo.core.values.distributions import identity_of_choice
from hpo.samplers.parts.tried import Carry, Fold, tried_configurations
from hpo.testing import check_fold, strategies

finite_distributions = (
    strategies.categoricals
    | st.builds(
        lambda low, n, step: IntDistribution(low, low + n * step, step=step),
        st.integers(-(2**70), 2**70),
        st.integers(0, 4),
        st.integers(1, 2**70),
    )
    | st.builds(lambda low, n: IntDistribution(low, low + n, log=True), st.integers(1, 2**70), st.integers(0, 4))
    | st.builds(
        lambda low, n, step: FloatDistribution(low / 10, (low + n * step) / 10, step=step / 10),
        st.integers(-5, 5),
        st.integers(0, 4),
        st.integers(1, 5),
    )
)
finite_spaces = st.dictionaries(strategies.names, finite_distributions, min_size=1, max_size=3).map(SearchSpace)
FIXED = SearchSpace(
    {
        "kind": CategoricalDistribution([True, 1, 1.0]),
        "n": IntDistribution(0, 9, step=3),
        "x": FloatDistribution(0.0, 0.2, step=0.1),
    }
)


def all_values(distribution: Distribution) -> list[Any]:
    n = distribution.n_values()
    assert n is not None
    if isinstance(distribution, IntDistribution):  # shares of [0, 1] do not help on a logarithmic range
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    return [distribution.from_unit((i + 0.5) / n) for i in range(n)]


def written(params: dict[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset((name, identity_of_choice(value)) for name, value in params.items())


def by_hand(state: StudyState, space: SearchSpace) -> tuple[set[Any], set[Any]] | None:
    """All configurations, and the tried ones among them; None where some trial has more parameters."""
    values = {name: all_values(distribution) for name, distribution in space.items()}
    everything = {written(dict(zip(values, chosen, strict=True))) for chosen in itertools.product(*values.values())}
    done = set()
    for trial in [*state.finished, *state.running.values(), *state.paused.values()]:
        if {*trial.params} > {*space}:
            return None
        if {*trial.params} == {*space} and all(space[name].contains(value) for name, value in trial.params.items()):
            done.add(written({name: nearest(values[name], value) for name, value in trial.params.items()}))
    return everything, done


def nearest(values: list[Any], value: Any) -> Any:
    """The one of `values` that `value` stands for: floats may miss their grid by a hair, and an int may be a float."""
    if isinstance(values[0], float) and all(type(other) is float for other in values):
        exact = [other for other in values if identity_of_choice(other) == identity_of_choice(value)]
        return exact[0] if exact else min(values, key=lambda other: abs(other - value))
    return value


@given(data=st.data(), space=finite_spaces)
def test_what_is_tried_and_what_is_left_are_those_of_a_plain_set(data: st.DataObject, space: SearchSpace) -> None:
    state = data.draw(strategies.states(space=space, most=12))
    names = data.draw(st.lists(st.sampled_from(list(space)), min_size=1, unique=True))
    asked = data.draw(st.sampled_from([space, space, SearchSpace({name: space[name] for name in names})]))
    found, expected = tried_configurations(state, asked), by_hand(state, asked)
    if expected is None:
        assert found is None
        return
    assert found is not None
    everything, done = expected
    assert found.size == len(everything)
    assert found.n_untried == len(everything) - len(done)
    left = [found.untried(number) for number in range(found.n_untried)]
    assert {written(params) for params in left} == everything - done
    assert not any(found.contains(params) for params in left)
    for trial in state.finished:
        assert found.contains(dict(trial.params)) == (written_within(trial, asked) in done)
    if left:
        drawn = found.random_untried(Key(data.draw(st.integers(0, 2**32))))
        assert written(drawn) in everything - done


def written_within(trial: FrozenTrial, space: SearchSpace) -> Any:
    if {*trial.params} != {*space}:
        return None
    params = dict(trial.params)
    return written(
        {
            name: nearest(all_values(space[name]), value) if space[name].contains(value) else "nowhere"
            for name, value in params.items()
        }
    )


def read(carry: Carry) -> Any:
    return carry.n_untried, sorted(carry.index_at.items()), sorted(carry.place_of.items()), carry.wider


def test_what_a_history_remembers_is_what_its_trials_tell_from_the_start() -> None:
    fold = Fold.of(FIXED)
    assert fold is not None
    check_fold(fold, read=read, space=FIXED, max_examples=examples(0.5).max_examples)


def test_trials_of_any_space_can_be_counted() -> None:
    fold = Fold.of(SearchSpace({"x": IntDistribution(0, 3)}))
    assert fold is not None
    check_fold(fold, read=read, max_examples=examples(0.5).max_examples)
