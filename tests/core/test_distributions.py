"""Distributions: ranges, members, internal values and messages."""

from __future__ import annotations

import enum
import math
from fractions import Fraction

import numpy as np
import pytest

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
    json_to_distribution,
)
from hpo.errors import HpoError, InvalidDistribution, InvalidType, ValueOutsideDistribution

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((NAN, 1.0), "FloatDistribution needs a finite low, got low=nan"),
        ((0.0, NAN), "FloatDistribution needs a finite high, got high=nan"),
        ((-INF, 1.0), "FloatDistribution needs a finite low, got low=-inf"),
        ((0.0, INF), "FloatDistribution needs a finite high, got high=inf"),
        ((2.0, 1.0), "FloatDistribution needs low <= high, got low=2.0, high=1.0"),
        ((0.0, 1.0, True), "FloatDistribution with log=True needs low > 0, got low=0.0"),
        ((-1.0, 1.0, True), "FloatDistribution with log=True needs low > 0, got low=-1.0"),
        ((0.1, 1.0, True, 0.1), "FloatDistribution takes either step or log=True, got both (step=0.1)"),
        ((0.0, 1.0, False, 0.0), "FloatDistribution needs step > 0, got step=0.0"),
        ((0.0, 1.0, False, -0.1), "FloatDistribution needs step > 0, got step=-0.1"),
        ((0.0, 1.0, False, NAN), "FloatDistribution needs a finite step, got step=nan"),
        ((0.0, 1.0, False, INF), "FloatDistribution needs a finite step, got step=inf"),
        (
            (0.0, 1e16, False, 1.0),
            (
                "FloatDistribution from 0.0 to 1e+16 needs step >= 8.0, because floats cannot tell closer values apart; "
                "got step=1.0"
            ),
        ),
    ],
)
def test_an_empty_float_range_is_refused(arguments, message) -> None:
    with pytest.raises(InvalidDistribution) as caught:
        FloatDistribution(*arguments)
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, HpoError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("0", 1.0), "FloatDistribution needs a number for low, got '0'"),
        ((0.0, None), "FloatDistribution needs a number for high, got None"),
        ((0.0, [1.0, 2.0]), "FloatDistribution needs a number for high, got [1.0, 2.0]"),
        ((0.0, 1j), "FloatDistribution needs a number for high, got 1j"),
        ((0.0, 1.0, False, "x"), "FloatDistribution needs a number for step, got 'x'"),
    ],
)
def test_a_float_range_needs_numbers(arguments, message) -> None:
    with pytest.raises(InvalidType) as caught:
        FloatDistribution(*arguments)
    assert str(caught.value) == message
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((2, 1), InvalidDistribution, "IntDistribution needs low <= high, got low=2, high=1"),
        ((0, 5, True), InvalidDistribution, "IntDistribution with log=True needs low >= 1, got low=0"),
        ((1, 5, True, 2), InvalidDistribution, "IntDistribution takes either step or log=True, got both (step=2)"),
        ((0, 5, False, 0), InvalidDistribution, "IntDistribution needs step >= 1, got step=0"),
        ((0, 5, False, -3), InvalidDistribution, "IntDistribution needs step >= 1, got step=-3"),
        ((0.5, 5), InvalidType, "IntDistribution needs a whole number for low, got 0.5"),
        ((0, NAN), InvalidType, "IntDistribution needs a whole number for high, got nan"),
        ((0, INF), InvalidType, "IntDistribution needs a whole number for high, got inf"),
        ((0, "5"), InvalidType, "IntDistribution needs a whole number for high, got '5'"),
        ((0, True), InvalidType, "IntDistribution needs a whole number for high, got True"),
        ((0, np.True_), InvalidType, f"IntDistribution needs a whole number for high, got {np.True_!r}"),
        ((0, 5, False, 1.5), InvalidType, "IntDistribution needs a whole number for step, got 1.5"),
    ],
)
def test_invalid_int_ranges_are_refused(arguments, error, message) -> None:
    with pytest.raises(error) as caught:
        IntDistribution(*arguments)
    assert str(caught.value) == message


def test_a_bound_with_more_digits_than_a_float_is_refused() -> None:
    with pytest.raises(InvalidType, match="whole number for high"):
        IntDistribution(0, 10**301)


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ([], InvalidDistribution, "CategoricalDistribution needs at least one choice, got none"),
        (
            ["a", "b", "a"],
            InvalidDistribution,
            "CategoricalDistribution needs different choices, got 'a' twice in ('a', 'b', 'a')",
        ),
        (
            [NAN, float("nan")],
            InvalidDistribution,
            "CategoricalDistribution needs different choices, got nan twice in (nan, nan)",
        ),
        ("abc", InvalidType, "CategoricalDistribution needs a sequence of choices, got 'abc'"),
        (b"abc", InvalidType, "CategoricalDistribution needs a sequence of choices, got b'abc'"),
        (5, InvalidType, "CategoricalDistribution needs a sequence of choices, got 5"),
        ({"a": 1}, InvalidType, "CategoricalDistribution needs a sequence of choices, got {'a': 1}"),
        (
            [(1, 2)],
            InvalidType,
            (
                "a choice is None, a bool, an int, a float or a str; got (1, 2) of type tuple: "
                "choose between names and look the object up in the objective"
            ),
        ),
        (["\ud800"], InvalidType, "a choice can't hold a lone surrogate: '\\ud800'"),
    ],
)
def test_invalid_choices_are_refused(choices, error, message) -> None:
    with pytest.raises(error) as caught:
        CategoricalDistribution(choices)
    assert str(caught.value) == message


def test_a_set_of_choices_is_refused_because_it_has_no_order() -> None:
    with pytest.raises(InvalidType, match="needs a sequence of choices"):
        CategoricalDistribution({"a", "b"})


def test_a_grid_of_tenths_holds_the_floats_that_people_write() -> None:
    dist = FloatDistribution(0.1, 1.0, step=0.1)
    assert [dist.from_unit((k + 0.5) / 10) for k in range(10)] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert dist.n_values() == 10
    assert all(dist.contains(k / 10) for k in range(1, 11))
    assert not any(dist.contains(k / 10) for k in (0, 11))


@pytest.mark.parametrize(
    ("low", "high", "step", "n"),
    [
        (0.0, 1.0, 0.01, 101),
        (-1.0, 1.0, 0.1, 21),
        (0.1, 0.7, 0.2, 4),
        (1e-5, 1e-3, 1e-5, 100),
        (0.25, 2.0, 0.25, 8),
        (-0.3, 0.3, 0.1, 7),
        (1000000.1, 1000001.1, 0.1, 11),
        (1e20, 3e20, 1e19, 21),
        (1e-300, 5e-300, 1e-300, 5),
        (-1.7e308, 1.3e308, 1e308, 4),
    ],
)
def test_every_grid_value_is_the_float_next_to_the_exact_sum(low, high, step, n) -> None:
    dist = FloatDistribution(low, high, step=step)
    values = [dist.from_unit((k + 0.5) / n) for k in range(n)]
    assert dist.n_values() == n
    assert values == [float(Fraction(repr(low)) + k * Fraction(repr(step))) for k in range(n)]
    assert values[-1] == high
    assert all(map(dist.contains, values))
    assert [dist.from_unit(dist.to_unit(value)) for value in values] == values


def test_the_middle_of_a_symmetric_grid_is_zero_without_a_sign() -> None:
    assert repr(FloatDistribution(-0.3, 0.3, step=0.1).from_unit(0.5)) == "0.0"


def test_every_cell_of_a_billion_is_a_member() -> None:
    dist = FloatDistribution(0.0, 1e8, step=0.1)
    values = [dist.from_unit(u) for u in np.random.default_rng(0).random(2000).tolist()]
    assert all(map(dist.contains, values))
    assert not dist.contains(12345678.95)


def test_a_range_that_the_step_does_not_divide_is_shortened() -> None:
    with pytest.warns(UserWarning, match="not a multiple") as caught:
        dist = FloatDistribution(0.0, 1.0, step=0.3)
    assert str(caught[0].message) == (
        "FloatDistribution: the range from 0.0 to 1.0 is not a multiple of step=0.3; high is lowered to 0.9"
    )
    assert dist == FloatDistribution(0.0, 0.9, step=0.3)
    with pytest.warns(UserWarning, match="not a multiple") as caught:
        assert IntDistribution(1, 9, step=3).high == 7
    assert str(caught[0].message) == (
        "IntDistribution: the range from 1 to 9 is not a multiple of step=3; high is lowered to 7"
    )


def test_a_step_larger_than_the_range_leaves_one_value() -> None:
    with pytest.warns(UserWarning, match=r"lowered to 0\.0"):
        dist = FloatDistribution(0.0, 1.0, step=5.0)
    assert (dist.single(), dist.n_values(), dist.from_unit(1.0), dist.to_unit(0.0)) == (True, 1, 0.0, 0.5)
    with pytest.warns(UserWarning, match="lowered to 1"):
        assert IntDistribution(1, 2, step=5).single()


def test_a_lowered_end_is_not_lowered_again() -> None:
    dist = FloatDistribution(1e-20, 1.0, step=0.1)  # 1e-20 + 10 * 0.1 is 1.0 in floats
    assert dist.high == 1.0
    assert json_to_distribution(distribution_to_json(dist)) == dist


@pytest.mark.parametrize(
    ("dist", "expected"),
    [
        (FloatDistribution(1.0, 1.0), (True, 1)),
        (FloatDistribution(0.0, 1.0), (False, None)),
        (FloatDistribution(1.0, 1.0, log=True), (True, 1)),
        (FloatDistribution(0.0, 1.0, step=0.5), (False, 3)),
        (IntDistribution(3, 3), (True, 1)),
        (IntDistribution(-3, 3), (False, 7)),
        (CategoricalDistribution([None]), (True, 1)),
        (CategoricalDistribution([None, 1]), (False, 2)),
    ],
)
def test_single_and_n_values(dist, expected) -> None:
    assert (dist.single(), dist.n_values()) == expected
    assert 0.0 <= dist.to_unit(dist.from_unit(0.3)) <= 1.0


def test_true_one_and_one_point_zero_are_three_choices() -> None:
    dist = CategoricalDistribution([True, 1, 1.0, "1"])
    assert [dist.to_internal(value) for value in (True, 1, 1.0, "1")] == [0, 1, 2, 3]
    assert [type(dist.to_external(i)) for i in range(4)] == [bool, int, float, str]
    assert dist != CategoricalDistribution([1, True, 1.0, "1"])
    assert CategoricalDistribution([True]) != CategoricalDistribution([1])
    assert not CategoricalDistribution([1]).contains(True)
    assert not CategoricalDistribution([0]).contains(False)


def test_nan_is_one_choice_and_the_signs_of_zero_are_two() -> None:
    assert CategoricalDistribution([NAN]).contains(float("nan"))
    assert CategoricalDistribution([NAN]) == CategoricalDistribution([float("nan")])
    assert CategoricalDistribution([0.0, -0.0]).to_internal(-0.0) == 1


class Colour(enum.StrEnum):
    RED = "red"


class Mixed(str, enum.Enum):  # noqa: UP042 - whose str() is its name
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


def test_enum_members_become_their_values() -> None:
    dist = CategoricalDistribution([Mixed.RED, Level.HIGH])
    assert dist.choices == ("red", 3)
    assert [type(choice) for choice in dist.choices] == [str, int]
    assert dist.contains(Colour.RED)
    assert dist.contains("red")


def test_numpy_scalars_become_builtins() -> None:
    dist = CategoricalDistribution([np.int64(1), np.float32(0.5), np.str_("a"), np.bool_(True), np.array(7)])
    assert dist.choices == (1, 0.5, "a", True, 7)
    assert [type(choice) for choice in dist.choices] == [int, float, str, bool, int]
    floats = FloatDistribution(np.float32(0.5), np.int64(2), step=np.float64(0.5))
    assert floats == FloatDistribution(0.5, 2.0, step=0.5)
    assert {type(getattr(floats, field)) for field in ("low", "high", "step")} == {float}
    ints = IntDistribution(np.int8(1), np.float64(9.0), log=np.bool_(True))
    assert ints == IntDistribution(1, 9, log=True)
    assert (type(ints.low), type(ints.high), type(ints.log)) == (int, int, bool)
    assert (type(floats.member(np.float32(1.5))), type(ints.member(np.int16(4)))) == (float, int)
    assert (type(floats.to_external(1)), type(ints.to_external(2.0))) == (float, int)


@pytest.mark.parametrize(
    "dist", [FloatDistribution(0.0, 1.0), IntDistribution(0, 1), CategoricalDistribution([0, 1, "a"])]
)
@pytest.mark.parametrize("value", [np.array([0, 1]), [0, 1], {}, object(), "zero", b"0", NAN, 2j, np.complex128(1j)])
def test_values_of_other_types_are_not_members(dist, value) -> None:
    assert not dist.contains(value)
    with pytest.raises(ValueOutsideDistribution) as caught:
        dist.to_internal(value)
    assert str(caught.value) == f"{value!r} is not a valid value for the parameter; expected a member of {dist!r}"


def test_a_number_outside_its_range_is_converted_unchanged() -> None:
    assert FloatDistribution(0.0, 1.0).to_internal(7) == 7.0
    assert IntDistribution(0, 1).to_internal(7.0) == 7
    assert not FloatDistribution(0.0, 1.0).contains(7)
    assert not IntDistribution(0, 9, step=3).contains(4)
    with pytest.raises(ValueOutsideDistribution, match="not a valid value for the parameter"):
        IntDistribution(0, 9).to_internal(7.5)
    with pytest.raises(ValueOutsideDistribution, match="not a valid value for the parameter"):
        FloatDistribution(0.0, 1.0).to_internal(INF)


def test_equality_compares_kind_bounds_and_scale() -> None:
    assert FloatDistribution(0, 1) == FloatDistribution(0.0, 1.0)
    assert FloatDistribution(0, 1) != IntDistribution(0, 1)
    assert FloatDistribution(1, 2) != FloatDistribution(1, 2, log=True)
    assert FloatDistribution(0, 1, step=0.5) != FloatDistribution(0, 1)
    assert CategoricalDistribution(["a", "b"]) != CategoricalDistribution(["b", "a"])
    assert CategoricalDistribution(["a"]) != "a"
    assert not CategoricalDistribution(["a"]) != CategoricalDistribution(["a"])  # noqa: SIM202 - `!=` has its own method
    assert not FloatDistribution(0, 1) != FloatDistribution(0, 1)  # noqa: SIM202
    assert len({FloatDistribution(0, 1), FloatDistribution(0.0, 1.0), IntDistribution(0, 1)}) == 2


def test_log_ranges_may_span_six_hundred_decades() -> None:
    dist = FloatDistribution(5e-324, 1.7e308, log=True)
    assert dist.from_unit(0.0) == 5e-324
    assert dist.from_unit(1.0) == 1.7e308
    values = [dist.from_unit(k / 1000) for k in range(1001)]
    assert values == sorted(values)
    decades = sorted({math.floor(math.log10(value)) for value in values})
    assert decades[0] < -320
    assert decades[-1] > 300
    assert len(decades) > 600
    assert all(abs(dist.to_unit(value) - k / 1000) < 1e-3 for k, value in enumerate(values))


def test_ints_of_a_log_range_have_logarithmic_shares() -> None:
    dist = IntDistribution(1, 8, log=True)
    n = 100_000
    shares = np.bincount([dist.from_unit((k + 0.5) / n) for k in range(n)], minlength=9)[1:] / n
    edges = np.log(np.arange(0.5, 9.0))
    assert np.allclose(shares, np.diff(edges) / (edges[-1] - edges[0]), atol=2e-5)


def test_a_log_range_with_equal_logarithms_has_equal_shares() -> None:
    for low in (2**60, 2**70):
        dist = IntDistribution(low, low + 3, log=True)
        assert [dist.from_unit(u) for u in (0.0, 0.3, 0.6, 0.9, 1.0)] == [low, low + 1, low + 2, low + 3, low + 3]
        assert [dist.to_unit(low + k) for k in range(4)] == [0.125, 0.375, 0.625, 0.875]


def test_ints_steps_and_choices_have_equal_shares() -> None:
    for dist in (
        IntDistribution(0, 9, step=3),
        FloatDistribution(0.0, 0.3, step=0.1),
        CategoricalDistribution(["a", "b", "c", "d"]),
    ):
        values = [dist.from_unit((k + 0.5) / 1000) for k in range(1000)]
        assert [values.count(value) for value in dict.fromkeys(values)] == [250] * 4
