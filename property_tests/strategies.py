"""What the laws are tried on: distributions, spaces, values and states, with the nasty ones well represented."""

from __future__ import annotations

import datetime
import math
import warnings
from fractions import Fraction
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from hpo.core.ask_tell import tell
from hpo.core.commands import Ask, Report, SetConstraint, Suggest, decide
from hpo.core.distributions import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution
from hpo.core.state import StudyState, replay
from hpo.core.trial import TrialState


def examples(share: float) -> settings:
    """The profile's number of examples times `share`, at least 5."""
    return settings(max_examples=max(5, round(settings().max_examples * share)))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
names = texts | st.sampled_from(["x", "$float", "$dict", "$datetime", "", "a b", "ünï", "\x00", "__class__", '"'])
finite = st.floats(allow_nan=False, allow_infinity=False)
objective_values = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7e308])
units = st.floats(0.0, 1.0) | st.sampled_from([0.0, 1.0, 0.5, math.nextafter(1.0, 0.0), 5e-324])


@st.composite
def plain_floats(draw: st.DrawFn) -> FloatDistribution:
    low, high = sorted((draw(finite), draw(finite)))
    return FloatDistribution(low, high)


@st.composite
def log_floats(draw: st.DrawFn) -> FloatDistribution:
    positive = st.floats(5e-324, 1.7e308)
    low, high = sorted((draw(positive), draw(positive)))
    return FloatDistribution(low, high, log=True)


@st.composite
def decimal_grids(draw: st.DrawFn) -> FloatDistribution:
    """Grids as people write them: few digits, and ends that the step divides."""
    unit = Fraction(1, 10 ** draw(st.integers(0, 8)))
    low = draw(st.integers(-1000, 1000)) * unit
    step = draw(st.integers(1, 500)) * unit
    high = low + draw(st.integers(0, 10**6)) * step
    return FloatDistribution(float(low), float(high), step=float(step))


@st.composite
def odd_grids(draw: st.DrawFn) -> FloatDistribution:
    """Grids of any floats: the ends seldom meet the step, and magnitudes differ."""
    low, high = sorted((draw(finite), draw(finite)))
    widest = 4.0 * math.ulp(max(abs(low), abs(high)))
    step = draw(st.floats(widest, max(widest, 1.7e308), exclude_min=False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # high is lowered
        return FloatDistribution(low, high, step=step)


stepped_floats = decimal_grids() | odd_grids()
float_distributions = plain_floats() | log_floats() | stepped_floats


@st.composite
def int_distributions(draw: st.DrawFn) -> IntDistribution:
    bound = st.integers(-50, 50) | st.integers(-(2**70), 2**70)
    low, high = sorted((draw(bound), draw(bound)))
    step = draw(st.sampled_from([1, 1, 2, 3]) | st.integers(1, 2**64))
    return IntDistribution(low, high - (high - low) % step, step=step)


@st.composite
def log_ints(draw: st.DrawFn) -> IntDistribution:
    bound = st.integers(1, 50) | st.integers(1, 2**70)
    low, high = sorted((draw(bound), draw(bound)))
    return IntDistribution(low, high, log=True)


choices = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.sampled_from([0.0, -0.0, 1.0, math.inf, math.nan])
    | texts
)
categoricals = st.lists(choices, min_size=1, max_size=5, unique_by=lambda c: (type(c), repr(c))).map(
    CategoricalDistribution
)
distributions: st.SearchStrategy[Distribution] = float_distributions | int_distributions() | log_ints() | categoricals
spaces = st.dictionaries(names, distributions, max_size=4)

moments = st.datetimes(timezones=st.none() | st.just(datetime.UTC)).map(lambda moment: moment.replace(fold=0))
attributes: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | moments,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def members(draw: st.DrawFn, distribution: Distribution) -> Any:
    """A value of `distribution`."""
    return distribution.from_unit(draw(units))


@st.composite
def states(
    draw: st.DrawFn, *, space: dict[str, Distribution] | None = None, declared: bool | None = None, most: int = 8
) -> StudyState:
    """A study with one objective: trials of every kind, some finished and some running, from one space."""
    space = draw(spaces) if space is None else space
    declared = draw(st.booleans()) if declared is None else declared
    state = StudyState.create(
        directions=[draw(st.sampled_from(["minimize", "maximize"]))],
        seed=draw(st.integers(0, 2**64)),
        space=space if declared else None,
    )
    for _ in range(draw(st.integers(0, most))):
        state = replay(decide(state, Ask()), state)
        number = state.n_trials - 1
        params = {name: draw(members(distribution)) for name, distribution in space.items()}
        state = replay(decide(state, Suggest(number, space, params)), state)
        for step in range(draw(st.integers(0, 3))):
            state = replay(decide(state, Report(number, draw(objective_values), step)), state)
        if draw(st.integers(0, 4)) == 0:
            limit = draw(st.floats(allow_nan=False))
            state = replay(decide(state, SetConstraint(number, "c", limit)), state)
        match draw(st.sampled_from(["told", "told", "told", "pruned", "failed", "running"])):
            case "told":
                state = tell(state, number, draw(objective_values))
            case "pruned":
                state = tell(state, number, outcome=TrialState.PRUNED)
            case "failed":
                state = tell(state, number, outcome=TrialState.FAIL, reason="it broke")
    return state
