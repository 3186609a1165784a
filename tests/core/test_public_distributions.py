"""Distributions as users meet them: equality, choices, JSON and compatibility."""

import json
import math

import pytest

from hpo.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from hpo.errors import InvalidDistribution, InvalidType


def test_equality_of_numeric_distributions():
    assert FloatDistribution(0, 10) == FloatDistribution(0.0, 10.0)
    assert hash(FloatDistribution(0, 10)) == hash(FloatDistribution(0.0, 10.0))
    assert IntDistribution(0, 10) == IntDistribution(0.0, 10.0)
    assert IntDistribution(0, 10) != FloatDistribution(0, 10)
    assert FloatDistribution(0, 10) != FloatDistribution(0, 10, step=1)
    assert FloatDistribution(1, 10) != FloatDistribution(1, 10, log=True)


def test_equality_of_choices():
    assert CategoricalDistribution(["a", None]) == CategoricalDistribution(("a", None))
    assert CategoricalDistribution([1, 0]) != CategoricalDistribution([True, False])
    assert CategoricalDistribution([1]) != CategoricalDistribution([1.0])
    assert CategoricalDistribution(["a", "b"]) != CategoricalDistribution(["b", "a"])
    assert CategoricalDistribution([math.nan]) == CategoricalDistribution([math.nan])


@pytest.mark.parametrize("choices", [[], ()])
def test_empty_choices_are_refused(choices):
    with pytest.raises(InvalidDistribution, match="at least one choice"):
        CategoricalDistribution(choices)


@pytest.mark.parametrize("choices", ["ab", {"a", "b"}, [["a"]], [object()], [b"a"]])
def test_choices_of_other_types_are_refused(choices):
    with pytest.raises(InvalidType):
        CategoricalDistribution(choices)


@pytest.mark.parametrize(
    ("distribution", "attributes"),
    [
        (FloatDistribution(0, 1), {"low": 0.0, "high": 1.0, "log": False, "step": None}),
        (FloatDistribution(0, 1, step=0.25), {"low": 0.0, "high": 1.0, "log": False, "step": 0.25}),
        (IntDistribution(1, 8, log=True), {"low": 1, "high": 8, "log": True, "step": 1}),
        (CategoricalDistribution(["a", None, True, 1, 1.0]), {"choices": ["a", None, True, 1, 1.0]}),
    ],
)
def test_distribution_json_round_trip(distribution, attributes):
    text = distribution_to_json(distribution)
    assert json.loads(text) == {"name": type(distribution).__name__, "attributes": attributes}
    assert json_to_distribution(text) == distribution


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"name": "NormalDistribution", "attributes": {"low": 0, "high": 1}}',
        '{"name": "FloatDistribution"}',
        '{"name": "FloatDistribution", "attributes": {"low": 0}}',
        '{"name": "FloatDistribution", "attributes": {"low": 0, "high": 1, "base": 2}}',
        '{"name": "FloatDistribution", "attributes": {"low": 1, "high": 0}}',
    ],
)
def test_invalid_distribution_json_is_a_value_error(text):
    with pytest.raises(InvalidDistribution):
        json_to_distribution(text)


def test_ranges_may_change_and_types_and_choices_may_not():
    check_distribution_compatibility(FloatDistribution(0, 1), FloatDistribution(5, 9, step=0.5))
    check_distribution_compatibility(CategoricalDistribution(["a"]), CategoricalDistribution(["a"]))
    with pytest.raises(ValueError, match="can't change its kind"):
        check_distribution_compatibility(FloatDistribution(0, 1), IntDistribution(0, 1))
    with pytest.raises(ValueError, match="can't change its choices"):
        check_distribution_compatibility(CategoricalDistribution(["a"]), CategoricalDistribution(["b"]))
