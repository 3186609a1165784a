"""Laws of every distribution, on the ranges that people write and on those that only a computer would."""

from __future__ import annotations

import math
import pickle
import warnings
from fractions import Fraction

from hypothesis import assume, example, given, strategies as st
from strategies import (
    categoricals,
    choices,
    decimal_grids,
    distributions,
    float_distributions,
    int_distributions,
    int_ranges,
    odd_grids,
    spaces,
    stepped_floats,
    units,
)

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    SearchSpace,
    SpaceDefined,
    decode_events,
    distribution_to_json,
    encode_events,
    json_to_distribution,
)

NUMERIC = float_distributions | int_distributions


@given(dist=distributions, u=units)
@example(dist=FloatDistribution(-1.7e308, 1.7e308), u=0.5)
@example(dist=FloatDistribution(5e-324, 1e-300, log=True), u=0.0)
@example(dist=FloatDistribution(-1.7e308, 1.3e308, step=1e308), u=0.9)
@example(dist=FloatDistribution(0.0, 1e8, step=0.1), u=0.12345678)
@example(dist=IntDistribution(-(10**300), 10**300), u=0.999)
@example(dist=IntDistribution(1, 10**300, log=True), u=0.999)
def test_what_a_unit_gives_is_a_member_with_the_builtin_type(dist, u) -> None:
    value = dist.from_unit(u)
    assert dist.contains(value)
    match dist:
        case FloatDistribution():
            assert type(value) is float
            assert dist.low <= value <= dist.high
        case IntDistribution():
            assert type(value) is int
            assert dist.low <= value <= dist.high
        case CategoricalDistribution():
            assert any(value is choice for choice in dist.choices)


@given(dist=NUMERIC, us=st.lists(units, min_size=2, max_size=6))
@example(dist=FloatDistribution(-0.1, 0.3), us=[0.1, math.nextafter(0.1, 1.0)])
def test_from_unit_never_falls(dist, us) -> None:
    values = [dist.from_unit(u) for u in sorted(us)]
    assert values == sorted(values)


@given(low=st.floats(-10, 10), width=st.floats(0, 10), log=st.booleans(), u=st.floats(0, 1, exclude_max=True))
def test_from_unit_never_falls_between_neighbouring_units(low, width, log, u) -> None:
    low = math.exp(low) if log else low
    dist = FloatDistribution(low, low + width, log=log)
    assert dist.from_unit(u) <= dist.from_unit(math.nextafter(u, 2.0))


@given(dist=NUMERIC)
@example(dist=FloatDistribution(1e-5, 0.3, log=True))
@example(dist=FloatDistribution(0.1, 0.7))
def test_both_ends_are_reached(dist) -> None:
    assert dist.from_unit(0.0) == dist.low
    assert dist.from_unit(1.0) == dist.high


@given(dist=stepped_floats | int_ranges() | categoricals, u=units)
@example(dist=FloatDistribution(0.0, 1e8, step=0.1), u=0.7)
def test_a_countable_value_comes_back_from_its_unit(dist, u) -> None:
    assume(dist.n_values() < 2**50)  # beyond, a share of [0, 1] is smaller than what a float can tell apart
    value = dist.from_unit(u)
    assert 0.0 <= dist.to_unit(value) <= 1.0
    back = dist.from_unit(dist.to_unit(value))
    assert back is value if isinstance(dist, CategoricalDistribution) else back == value


@given(low=st.integers(1, 10**5), width=st.integers(0, 10**5), offset=st.integers(0, 10**5))
def test_a_logarithmic_int_comes_back_from_its_unit(low, width, offset) -> None:
    dist = IntDistribution(low, low + width, log=True)
    value = low + min(offset, width)
    assert dist.from_unit(dist.to_unit(value)) == value


@given(dist=float_distributions, u=units)
@example(dist=FloatDistribution(0.0, 5e-324), u=1.0)
@example(dist=FloatDistribution(-1.7e308, 1.7e308), u=0.25)
@example(dist=FloatDistribution(5e-324, 1.0, log=True), u=0.015625)
def test_the_unit_of_a_float_is_where_it_came_from(dist, u) -> None:
    assume(dist.step is None)
    spacing = max(math.ulp(dist.low), math.ulp(dist.high))
    value = dist.from_unit(u)
    back = dist.to_unit(value)
    assert 0.0 <= back <= 1.0
    if dist.log and (width := math.log(dist.high) - math.log(dist.low)) > 1e-3:
        assert abs(back - u) < 1e-9 + math.ulp(value) / value / width  # subnormal numbers have few digits
    elif not dist.log and dist.high / 2 - dist.low / 2 > 1e6 * spacing:
        assert abs(back - u) < 1e-5


@given(dist=NUMERIC, value=st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False))
def test_the_unit_of_a_number_outside_the_range_is_one_of_the_ends(dist, value) -> None:
    number = value if isinstance(dist, IntDistribution) else float(value)
    assert 0.0 <= dist.to_unit(number) <= 1.0


@given(dist=decimal_grids(), k=st.integers(0, 10**6))
@example(dist=FloatDistribution(0.1, 1.0, step=0.1), k=2)
@example(dist=FloatDistribution(-0.3, 0.3, step=0.1), k=3)
def test_grid_values_are_those_that_people_would_write(dist, k) -> None:
    n = dist.n_values()
    k = min(k, n - 1)
    exact = float(Fraction(repr(dist.low)) + k * Fraction(repr(dist.step)))
    value = dist.from_unit((k + 0.5) / n)
    assert repr(value) == repr(exact + 0.0)
    assert dist.contains(exact)


@given(dist=stepped_floats)
def test_a_grid_that_was_lowered_stays_as_it_is(dist) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = FloatDistribution(dist.low, dist.high, step=dist.step)
    assert again == dist
    assert again.n_values() == dist.n_values()


@given(dist=odd_grids(), part=st.floats(0.05, 0.95))
def test_between_grid_points_is_no_member(dist, part) -> None:
    assume(dist.n_values() > 1)
    between = dist.low + part * dist.step
    assume(abs(between - dist.low) > 0.01 * dist.step)
    assume(abs(between - dist.from_unit(1.5 / dist.n_values())) > 0.01 * dist.step)
    assert not dist.contains(between)


@given(dist=distributions)
def test_json_and_pickle_give_the_same_distribution_back(dist) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copies = [json_to_distribution(distribution_to_json(dist)), pickle.loads(pickle.dumps(dist))]
    for copy in copies:
        assert copy == dist
        assert hash(copy) == hash(dist)
        assert repr(copy) == repr(dist)


@given(space=spaces)
def test_a_journal_gives_the_same_space_back_in_its_order(space) -> None:
    event = SpaceDefined(SearchSpace(space))
    (back,) = decode_events(encode_events([event]))
    assert back == event
    assert repr(back) == repr(event)


@given(dist=categoricals, value=choices)
def test_a_choice_is_found_by_type_and_value(dist, value) -> None:
    same = [(type(c), repr(c)) for c in dist.choices]
    wanted = (type(value), repr(value))
    assert dist.contains(value) == (wanted in same)
    if wanted in same:
        assert dist.to_internal(value) == same.index(wanted)
        assert repr(dist.to_external(dist.to_internal(value))) == repr(value)


@given(dist=NUMERIC, u=units)
def test_internal_and_external_values_are_the_same_number(dist, u) -> None:
    value = dist.from_unit(u)
    assert dist.to_external(dist.to_internal(value)) == value
    assert type(dist.to_external(dist.to_internal(value))) is type(value)
