"""Hypothesis strategies for distributions, spaces, trials and whole studies; edge cases are drawn often.

Studies are made of commands that the core accepts, so a journal can hold each of them. This module needs hypothesis:
``pip install 'purehpo[testing]'``.

Example:
    >>> from hypothesis import given
    >>> @given(state=states(most=3))
    ... def no_more_than_three(state):
    ...     assert state.n_trials <= 3
    >>> no_more_than_three()
"""

from __future__ import annotations

import datetime
import math
import warnings
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec.structs import replace

from hpo.core import (
    AddTrial,
    CategoricalDistribution,
    Command,
    Distribution,
    FloatDistribution,
    FrozenTrial,
    IntDistribution,
    Report,
    SearchSpace,
    SetConstraint,
    StudyState,
    TrialState,
    create_trial,
    decide,
    enqueue,
    pause,
    replay,
    tell,
)
from hpo.errors import MissingExtra
from hpo.testing._engine.cases import Question
from hpo.testing.scenarios import started, suggested

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as missing:
    raise MissingExtra("hpo.testing.strategies", "testing") from missing

texts: st.SearchStrategy[str] = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
names: st.SearchStrategy[str] = (
    st.sampled_from(["x", "y", "$float", "$dict", "$datetime", "", "a b", "ünï", "\x00", "__class__", '"']) | texts
)
objective_values: st.SearchStrategy[float] = (
    st.integers(-9, 9).map(float)
    | st.sampled_from([math.inf, -math.inf, math.nan, -0.0, 5e-324, 1.7e308])
    | st.floats()
)
units: st.SearchStrategy[float] = st.sampled_from([0.5, 0.0, 1.0, math.nextafter(1.0, 0.0), 5e-324]) | st.floats(0, 1)
_finite = st.floats(allow_nan=False, allow_infinity=False)
_ends = st.sampled_from([0.0, 1.0, 0.1, -0.0, 5e-324, -1.7e308, 1.7e308]) | _finite
_positive_ends = st.sampled_from([1.0, 0.1, 7.0, 5e-324, 1.7e308]) | st.floats(5e-324, 1.7e308)


@st.composite
def plain_floats(draw: st.DrawFn) -> FloatDistribution:
    """Generate ranges of floats, from a single value to all finite floats."""
    low, high = sorted((draw(_ends), draw(_ends)))
    return FloatDistribution(low, high)


@st.composite
def log_floats(draw: st.DrawFn) -> FloatDistribution:
    """Generate logarithmic ranges of floats, up to 600 decades wide; the ends may be subnormal."""
    low, high = sorted((draw(_positive_ends), draw(_positive_ends)))
    return FloatDistribution(low, high, log=True)


@st.composite
def decimal_grids(draw: st.DrawFn) -> FloatDistribution:
    """Generate grids as people write them: with few digits, and a range that is a multiple of the step."""
    unit = Fraction(1, 10 ** draw(st.integers(0, 8)))
    low = draw(st.integers(-1000, 1000)) * unit
    step = draw(st.integers(1, 500)) * unit
    high = low + draw(st.integers(0, 10**6)) * step
    return FloatDistribution(float(low), float(high), step=float(step))


@st.composite
def odd_grids(draw: st.DrawFn) -> FloatDistribution:
    """Generate grids of arbitrary floats: the range is seldom a multiple of the step, and magnitudes differ."""
    low, high = sorted((draw(_finite), draw(_finite)))
    widest = 4.0 * math.ulp(max(abs(low), abs(high)))
    step = draw(st.floats(widest, max(widest, 1.7e308)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # high is lowered
        return FloatDistribution(low, high, step=step)


@st.composite
def int_ranges(draw: st.DrawFn) -> IntDistribution:
    """Generate ranges of ints with steps, some of them beyond 64 bits."""
    bound = st.integers(-50, 50) | st.sampled_from([0, 2**53 + 1, 2**70, -(2**70)]) | st.integers(-(2**70), 2**70)
    low, high = sorted((draw(bound), draw(bound)))
    step = draw(st.sampled_from([1, 1, 2, 3]) | st.integers(1, 2**64))
    return IntDistribution(low, high - (high - low) % step, step=step)


@st.composite
def log_ints(draw: st.DrawFn) -> IntDistribution:
    """Generate logarithmic ranges of ints."""
    bound = st.integers(1, 50) | st.sampled_from([1, 2**53 + 1, 2**70]) | st.integers(1, 2**70)
    low, high = sorted((draw(bound), draw(bound)))
    return IntDistribution(low, high, log=True)


choices: st.SearchStrategy[Any] = (
    st.sampled_from([True, 1, 1.0, "1", None, 0.0, -0.0, math.inf, math.nan])
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | texts
)
choices_of_one_kind: st.SearchStrategy[Any] = st.sampled_from(
    [("a", "b", "c"), (16, 32, 64), (0.1, 0.5), (False, True), (True, 1, 1.0, "1", None), ("a",)]
)
"""Typical lists of choices: strings, ints, floats or bools; one has choices that are equal but of different types."""
categoricals: st.SearchStrategy[CategoricalDistribution] = choices_of_one_kind.map(CategoricalDistribution) | st.lists(
    choices, min_size=1, max_size=5, unique_by=lambda choice: (type(choice), repr(choice))
).map(lambda chosen: CategoricalDistribution(tuple(chosen)))

stepped_floats: st.SearchStrategy[FloatDistribution] = decimal_grids() | odd_grids()
float_distributions: st.SearchStrategy[FloatDistribution] = (
    st.sampled_from(
        [
            FloatDistribution(0.0, 1.0),
            FloatDistribution(-1.7e308, 1.7e308),
            FloatDistribution(5e-324, 1.7e308, log=True),
            FloatDistribution(0.3, 0.3),
        ]
    )
    | plain_floats()
    | log_floats()
    | stepped_floats
)
int_distributions: st.SearchStrategy[IntDistribution] = st.just(IntDistribution(0, 9)) | int_ranges() | log_ints()
_of_a_kind: tuple[st.SearchStrategy[Any], ...] = (float_distributions, int_distributions, categoricals)
distributions: st.SearchStrategy[Distribution] = st.integers(0, 2).flatmap(_of_a_kind.__getitem__)
"""Distributions of any kind, each kind with the same probability."""

moments: st.SearchStrategy[datetime.datetime] = st.datetimes(timezones=st.none() | st.just(datetime.UTC)).map(
    lambda moment: moment.replace(fold=0)
)
attributes: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | moments,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
"""Attributes that users may attach to studies and trials."""


def search_spaces(*, least: int = 0, most: int = 4) -> st.SearchStrategy[SearchSpace]:
    """Return a strategy for search spaces with `least` to `most` parameters of any kind and name."""
    return st.dictionaries(names, distributions, min_size=least, max_size=most).map(SearchSpace)


@st.composite
def members(draw: st.DrawFn, distribution: Distribution) -> Any:
    """Generate values of `distribution`."""
    return distribution.from_unit(draw(units))


@st.composite
def relatives(draw: st.DrawFn, space: Mapping[str, Distribution]) -> SearchSpace:
    """Generate spaces of other trials in the same study: `space`, a part of it, drifted ranges, or other kinds."""
    kind = draw(st.sampled_from(["same"] * 6 + ["part", "part", "drifted", "drifted", "other"]))
    if kind == "same":
        return SearchSpace.of(space)
    if kind == "part":
        return SearchSpace({name: dist for name, dist in space.items() if draw(st.booleans())})
    return SearchSpace(
        {name: draw(_drifted(dist) if kind == "drifted" else distributions) for name, dist in space.items()}
    )


def _drifted(distribution: Distribution) -> st.SearchStrategy[Distribution]:
    """Return a strategy for distributions of the same kind: overlapping or unrelated ranges, or changed choices."""
    if isinstance(distribution, CategoricalDistribution):
        turned = distribution.choices[::-1]
        return st.sampled_from([turned, turned[1:] or ("another",), ("another", *turned)]).map(CategoricalDistribution)
    middle, log = distribution.from_unit(0.5), distribution.log
    if isinstance(distribution, IntDistribution):
        return st.just(IntDistribution(int(middle), 2 * abs(distribution.high) + 1, log=log)) | int_distributions
    beyond = max(distribution.high, min(2.0 * abs(distribution.high) + 1.0, 1.7e308))
    return st.just(FloatDistribution(float(middle), beyond, log=log)) | float_distributions


@st.composite
def finished_trials(
    draw: st.DrawFn, *, space: Mapping[str, Distribution] | None = None, n_objectives: int = 1
) -> FrozenTrial:
    """Generate finished trials that belong to no study, as `AddTrial` takes them.

    Args:
        draw: Passed by hypothesis.
        space: The parameters of the trial; drawn if not given.
        n_objectives: The number of values of a complete trial.
    """
    space = draw(search_spaces()) if space is None else space
    outcome = draw(st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]))
    complete = outcome is TrialState.COMPLETE
    values = [draw(objective_values.filter(lambda v: v == v)) for _ in range(n_objectives)] if complete else None
    return create_trial(
        state=outcome,
        values=values,
        params={name: draw(members(distribution)) for name, distribution in space.items()},
        distributions=space,
    )


@st.composite
def states(
    draw: st.DrawFn,
    *,
    space: Mapping[str, Distribution] | None = None,
    n_objectives: int = 1,
    values: st.SearchStrategy[float] = objective_values,
    most: int = 8,
) -> StudyState:
    """Generate studies with trials of every kind: running, paused, added from elsewhere, finished in any way and order.

    Some results have a standard error and a cost, and some trials report several metrics by name.

    Args:
        draw: Passed by hypothesis.
        space: The parameters of most trials; others have a part of it, or drifted ranges. Drawn if not given. Some
            studies declare it.
        n_objectives: The number of directions.
        values: A strategy for objective values and reports.
        most: The maximum number of trials.
    """
    space = draw(search_spaces()) if space is None else SearchSpace.of(space)
    state = StudyState.create(
        directions=[draw(st.sampled_from(["minimize", "maximize"])) for _ in range(n_objectives)],
        seed=draw(st.integers(0, 2**64)),
        space=draw(st.sampled_from([None, None, space])),
    )
    outcomes = draw(st.sampled_from(_OUTCOMES))
    for _ in range(draw(st.integers(0, most))):
        state = draw(_one_more(state, space, values, outcomes))
    return state


_steps = st.sampled_from([(), (0,), (0, 1), (0, 1, 2), (1, 2, 4), (1, 3, 9)])
_MIXED = ("told", "told", "told", "pruned", "failed", "running", "running", "late", "late", "empty", "added", "paused")
_OUTCOMES = (_MIXED, _MIXED, _MIXED, _MIXED, ("told",), ("pruned",), ("failed",))


@st.composite
def _one_more(
    draw: st.DrawFn,
    state: StudyState,
    space: SearchSpace,
    values: st.SearchStrategy[float],
    outcomes: Sequence[str],
) -> StudyState:
    had, n = draw(relatives(space)), len(state.directions)
    outcome = draw(st.sampled_from(outcomes))
    if outcome == "added":
        trial = draw(finished_trials(space=had, n_objectives=n))
        if trial.values is not None:
            trial = replace(trial, values=tuple(draw(values.filter(lambda v: v == v)) for _ in range(n)))
        return _after(state, AddTrial(trial))
    if outcome == "empty":
        return started(state)
    if outcome == "late" and state.running:
        return tell(state, draw(st.sampled_from(sorted(state.running))), [draw(values) for _ in range(n)])
    state = suggested(state, had, [draw(units) for _ in had])
    number = max(state.running)
    state = draw(_reported(state, number, values)) if n == 1 else state
    for name in draw(st.sampled_from(["", "", "", "", "c", "cd"])):
        state = _after(state, SetConstraint(number, name, draw(st.floats(-1.0, 1.0) | st.just(math.inf))))
    if outcome in {"told", "late"}:
        told = [draw(values) for _ in range(n)]
        # None most of the time, as in most studies
        return tell(state, number, told, sem=draw(_errors(n)), cost=draw(_costs))
    if outcome == "running":
        return state
    if outcome == "paused":
        return pause(state, number, checkpoint=draw(st.sampled_from([None, "epoch 1"])))
    reason = "it broke" if outcome == "failed" else None
    return tell(state, number, state=TrialState.FAIL if reason else TrialState.PRUNED, reason=reason)


_costs = st.sampled_from([None, None, None, 0.0, 1.5, math.inf])


def _errors(n_objectives: int) -> st.SearchStrategy[list[float] | None]:
    """Return a strategy for standard errors of a result; mostly there are none."""
    each = st.sampled_from([0.0, 0.25, math.inf])
    return st.sampled_from([False, False, False, True]).flatmap(
        lambda known: st.lists(each, min_size=n_objectives, max_size=n_objectives) if known else st.none()
    )


@st.composite
def _reported(draw: st.DrawFn, state: StudyState, number: int, values: st.SearchStrategy[float]) -> StudyState:
    """Generate the study after a trial has reported values at some steps, sometimes metrics by name."""
    steps = draw(_steps)
    by_name = draw(st.sampled_from([False, False, False, True])) if steps else False
    for step in steps:
        value = draw(values)
        state = _after(state, Report(number, {"loss": value, "latency": float(step)} if by_name else value, step))
    return state


def _after(state: StudyState, command: Command) -> StudyState:
    return replay(decide(state, command), state)


@st.composite
def questions(
    draw: st.DrawFn,
    *,
    space: Mapping[str, Distribution] | None = None,
    values: st.SearchStrategy[float] = objective_values,
    most: int = 8,
    reporting: bool = False,
) -> Question:
    """Generate studies in which the newest running trial waits for values; some have several directions.

    Args:
        draw: Passed by hypothesis.
        space: The space that the trial needs values for; drawn if not given.
        values: A strategy for objective values and reports.
        most: The maximum number of other trials.
        reporting: Whether the trial may have reported values.
    """
    if space is None:
        space = draw(search_spaces(least=draw(st.sampled_from([1, 1, 1, 0])), most=3))
    space = SearchSpace.of(space)
    n_objectives = draw(st.sampled_from([1, 1, 1, 1, 2, 3]))
    state = started(draw(states(space=space, n_objectives=n_objectives, values=values, most=most)))
    number = max(state.running)
    state = draw(_reported(state, number, values)) if reporting else state
    if draw(st.integers(0, 5)) == 5:
        middle = {name: dist.from_unit(0.5) for name, dist in space.items()}
        state = enqueue(state, {name: value for name, value in middle.items() if value == value})  # not NaN
    return Question(state, number, space)
