"""Options of samplers, pruners and callbacks: what is refused, with which error, and what the message says."""

import math
from decimal import Decimal

import attrs
import numpy as np
import pytest

from hpo.core import (
    is_bool,
    is_function,
    is_positive,
    one_of,
    option_check,
    to_float_if_number,
    to_int_if_whole,
    whole_from,
)
from hpo.errors import InvalidArgument, InvalidType


def given(validator, value):
    """An object whose option `size` is checked by `validator`."""

    @attrs.frozen
    class Options:
        size: object = attrs.field(validator=validator)

    return Options(value)


@pytest.mark.parametrize(
    ("validator", "value", "error", "message"),
    [
        (whole_from(1), 0, InvalidArgument, "size is a whole number from 1 on, got 0"),
        (whole_from(1), True, InvalidArgument, "size is a whole number from 1 on, got True"),
        (whole_from(1), 1.5, InvalidArgument, "size is a whole number from 1 on, got 1.5"),
        (whole_from(1), None, InvalidArgument, "size is a whole number from 1 on, got None"),
        (whole_from(2, optional=True), 1, InvalidArgument, "size is a whole number from 2 on or None, got 1"),
        (is_positive(), 0, InvalidArgument, "size is a finite number above 0, got 0"),
        (is_positive(), True, InvalidArgument, "size is a finite number above 0, got True"),
        (is_positive(), math.nan, InvalidArgument, "size is a finite number above 0, got nan"),
        (is_positive(), math.inf, InvalidArgument, "size is a finite number above 0, got inf"),
        (is_positive(), "1", InvalidArgument, "size is a finite number above 0, got '1'"),
        (is_positive(optional=True), -1.0, InvalidArgument, "size is a finite number above 0 or None, got -1.0"),
        (one_of("a", "b"), "c", InvalidArgument, "size is 'a' or 'b', got 'c'"),
        (one_of("a", "b"), ["a"], InvalidArgument, r"size is 'a' or 'b', got \['a'\]"),
        (one_of("a", optional=True), 3, InvalidArgument, "size is 'a' or None, got 3"),
        (is_bool, 1, InvalidType, "size is True or False, got 1"),
        (is_function("a function of n"), 3, InvalidType, "size is a function of n, got 3"),
        (is_function("a sampler", classes=False), int, InvalidType, "size is a sampler, got <class 'int'>"),
        (option_check("a str", attrs.validators.instance_of(str)), 3, InvalidType, "size is a str, got 3"),
        (option_check("small", attrs.validators.lt(3)), 3, InvalidArgument, "size is small, got 3"),
        (option_check("small", attrs.validators.lt(3)), "a", InvalidType, "size is small, got 'a'"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_what_is(validator, value, error, message):
    with pytest.raises(error, match=f"^{message}$") as caught:
        given(validator, value)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("validator", "values"),
    [
        (whole_from(1), [1, 10**30]),
        (whole_from(2, optional=True), [2, None]),
        (is_positive(), [1e-300, 3, np.float32(0.5), Decimal("0.1")]),
        (is_positive(optional=True), [None, 1.0]),
        (one_of("a", "b", optional=True), ["a", "b", None]),
        (is_bool, [True, False]),
        (is_function("a function"), [len, int]),
        (is_function("a sampler", classes=False, optional=True), [len, None]),
    ],
)
def test_allowed_values_are_kept_as_they_are(validator, values):
    for value in values:
        assert given(validator, value).size is value


@pytest.mark.parametrize(
    ("converter", "value", "expected"),
    [
        (to_int_if_whole, np.int8(3), 3),
        (to_int_if_whole, 2.5, 2.5),
        (to_int_if_whole, True, True),
        (to_float_if_number, np.float32(0.5), 0.5),
        (to_float_if_number, 2, 2.0),
        (to_float_if_number, True, True),
        (to_float_if_number, "2", "2"),
    ],
)
def test_converters_only_convert_numbers(converter, value, expected):
    converted = converter(value)
    assert (type(converted), converted) == (type(expected), expected)
