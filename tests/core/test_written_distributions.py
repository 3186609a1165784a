"""Distributions as JSON and pickles, and their compatibility with each other."""

from __future__ import annotations

import math
import pickle

import msgspec
import pytest

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from hpo.errors import InvalidDistribution, InvalidType

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("dist", "text"),
    [
        (
            FloatDistribution(0.0, 1.0),
            '{"name": "FloatDistribution", "attributes": {"low": 0.0, "high": 1.0, "log": false, "step": null}}',
        ),
        (
            IntDistribution(1, 8, log=True),
            '{"name": "IntDistribution", "attributes": {"low": 1, "high": 8, "log": true, "step": 1}}',
        ),
        (
            CategoricalDistribution([None, True, 1, 1.0, "a", INF, NAN]),
            '{"name": "CategoricalDistribution", "attributes": {"choices": [null, true, 1, 1.0, "a", Infinity, NaN]}}',
        ),
    ],
)
def test_json_both_ways(dist, text) -> None:
    assert distribution_to_json(dist) == text
    assert json_to_distribution(text) == dist


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "[" * 100_000,
        '{"name": "NormalDistribution", "attributes": {"low": 0, "high": 1}}',
        '{"name": "FloatDistribution"}',
        '{"name": ["FloatDistribution"], "attributes": {}}',
        '{"name": "FloatDistribution", "attributes": {"low": 0}}',
        '{"name": "FloatDistribution", "attributes": {"low": 0, "high": 1, "q": 1}}',
        '{"name": "FloatDistribution", "attributes": {"low": 2, "high": 1}}',
        '{"name": "FloatDistribution", "attributes": {"low": NaN, "high": 1}}',
        '{"name": "CategoricalDistribution", "attributes": {"choices": []}}',
    ],
)
def test_strings_that_are_not_distributions_are_refused(text) -> None:
    with pytest.raises(InvalidDistribution):
        json_to_distribution(text)


def test_only_strings_are_read_and_only_distributions_written() -> None:
    with pytest.raises(InvalidDistribution, match="a distribution is written as JSON, got 3"):
        json_to_distribution(3)
    with pytest.raises(InvalidType, match=r"only a FloatDistribution, .* can be written as JSON, got 3"):
        distribution_to_json(3)


def test_the_message_for_unknown_json_says_what_is_known() -> None:
    with pytest.raises(InvalidDistribution) as caught:
        json_to_distribution('{"name": "X", "attributes": {}}')
    assert str(caught.value) == (
        'a distribution is written as {"name": ..., "attributes": {...}} with one of the names FloatDistribution, '
        "IntDistribution, CategoricalDistribution; got {'name': 'X', 'attributes': {}}"
    )
    with pytest.raises(InvalidDistribution) as caught:
        json_to_distribution('{"name": "IntDistribution", "attributes": {"low": 1, "hi": 2}}')
    assert str(caught.value) == "IntDistribution has the attributes low, high, log, step; got low, hi"


def test_distributions_are_immutable_and_picklable() -> None:
    for dist in (FloatDistribution(0, 1), IntDistribution(0, 1), CategoricalDistribution([NAN, True])):
        copy = pickle.loads(pickle.dumps(dist))
        assert copy == dist
        assert hash(copy) == hash(dist)
        field = dist.__struct_fields__[0]
        with pytest.raises(AttributeError):
            setattr(dist, field, None)
        assert msgspec.structs.replace(dist) == dist


def test_only_another_kind_or_other_choices_are_incompatible() -> None:
    check_distribution_compatibility(FloatDistribution(0, 1), FloatDistribution(5, 9, log=True))
    check_distribution_compatibility(IntDistribution(0, 1), IntDistribution(0, 8, step=2))
    choices = CategoricalDistribution([1, 2])
    check_distribution_compatibility(choices, CategoricalDistribution([1, 2]))
    with pytest.raises(InvalidDistribution) as caught:
        check_distribution_compatibility(FloatDistribution(0, 1), IntDistribution(0, 1))
    assert str(caught.value) == (
        "a parameter can't change its kind: it was FloatDistribution(low=0.0, high=1.0), "
        "now it is IntDistribution(low=0, high=1)"
    )
    with pytest.raises(InvalidDistribution) as caught:
        check_distribution_compatibility(choices, CategoricalDistribution([2, 1]))
    assert str(caught.value) == (
        "a parameter can't change its choices: they were CategoricalDistribution(choices=(1, 2)), "
        "now CategoricalDistribution(choices=(2, 1))"
    )
