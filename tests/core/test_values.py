"""Keys, numbers given by users, JSON trees, and search spaces."""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import json
import math
import pickle
import re

import numpy as np
import pandas as pd
import pytest

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    FrozenDict,
    IntDistribution,
    Key,
    SearchSpace,
    as_float,
    as_int,
    from_json_tree,
    from_number,
    to_json_tree,
    to_number,
)
from hpo.core.memory.containers import FrozenList
from hpo.core.values.checks import checked_time
from hpo.errors import InvalidArgument, InvalidType


class Word(str, enum.Enum):  # noqa: UP042 - whose str() is its name
    A = "a"


def test_equal_keys_draw_equal_numbers() -> None:
    key = Key(7).child("trial", 3)
    assert key == Key(7, ("trial", 3))
    assert key.generator().random(4).tolist() == Key(7, ("trial", 3)).generator().random(4).tolist()
    assert key.uniforms(["x", "y"]) == Key(7, ("trial", 3)).uniforms(["x", "y"])


def test_streams_are_pinned() -> None:
    """These numbers never change: old studies are replayed with them."""
    key = Key(7).child("trial", 3)
    assert key.uniforms(["x", "ü"]) == [0.13033763547393595, 0.7765802807225759]
    assert key.generator().random() == 0.685513447972787


def test_different_names_draw_different_numbers() -> None:
    keys = [Key(7), Key(8), Key(-7), Key(7, (0,)), Key(7, ("0",)), Key(7, ("a", "b")), Key(7, ("ab",)), Key(7, ("a",))]
    assert len({key.generator().random() for key in keys}) == len(keys)
    assert len({key.uniforms(["x"])[0] for key in keys}) == len(keys)
    assert len(set(Key(7).uniforms(map(str, range(1000))))) == 1000


def test_a_number_for_one_name_does_not_depend_on_the_others() -> None:
    assert Key(1).uniforms(["a", "b"])[1] == Key(1).uniforms(["b"])[0]


def test_equivalent_arguments_make_equal_keys() -> None:
    for twin in (Key(np.int64(7), (np.int64(3), np.str_("x"))), Key(7.0, (3.0, "x"))):
        assert twin == Key(7, (3, "x"))
        assert twin.uniforms(["a"]) == Key(7, (3, "x")).uniforms(["a"])
        assert twin.generator().random() == Key(7, (3, "x")).generator().random()
    assert Key(True).child(True).uniforms(["a"]) == Key(1).child(1).uniforms(["a"])


@pytest.mark.parametrize("name", [0.5, None, math.nan, b"x", (1,)])
def test_only_ints_and_strings_name_a_stream(name) -> None:
    with pytest.raises(InvalidType, match=re.escape(f"a stream is named by ints and strings, got {name!r}")):
        Key(7).child("trial", name)
    with pytest.raises(InvalidType, match=re.escape(f"a seed is an int, got {name!r}")):
        Key(name)


def test_uniforms_are_uniform() -> None:
    numbers = np.array(Key(0).uniforms(map(str, range(20_000))))
    assert ((numbers >= 0.0) & (numbers < 1.0)).all()
    counts = np.bincount((numbers * 20).astype(int), minlength=20)
    assert (abs(counts - 1000) < 5 * math.sqrt(1000)).all()
    assert (numbers * 2.0**53 % 1.0 == 0.0).all()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1, 1.0),
        (True, 1.0),
        (np.float32(0.5), 0.5),
        (np.int8(3), 3.0),
        (np.array(2.5), 2.5),
        (np.array([2.5]), 2.5),
        (np.array([[2.5]]), 2.5),
        (pd.Series([2.5]), 2.5),
        (decimal.Decimal("0.25"), 0.25),
        (math.inf, math.inf),
        ("1", None),
        (b"1", None),
        (None, None),
        (1j, None),
        (np.complex64(1), None),
        ([1.0], None),
        (np.array([1.0, 2.0]), None),
        (np.array([]), None),
        (np.array(["1"]), None),
        (pd.DataFrame({"a": [1.0]}), None),
        (10**400, None),
        (object(), None),
    ],
)
def test_what_counts_as_a_number(given, expected) -> None:
    found = as_float(given)
    assert found == expected
    assert type(found) in {float, type(None)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (3, 3),
        (3.0, 3),
        (np.int64(3), 3),
        (np.array(3), 3),
        (np.float64(3.0), 3),
        (2**70, 2**70),
        (1e299, int(1e299)),
        (10**300 + 1, None),
        (-(10**301), None),
        (3.5, None),
        (True, None),
        (np.True_, None),
        (math.nan, None),
        (math.inf, None),
        ("3", None),
        (None, None),
        (np.array([3, 4]), None),
    ],
)
def test_what_counts_as_a_whole_number(given, expected) -> None:
    found = as_int(given)
    assert found == expected
    assert type(found) in {int, type(None)}


def test_infinity_and_nan_are_stored_in_json_by_name() -> None:
    assert [to_number(x) for x in (1.5, math.nan, math.inf, -math.inf)] == [1.5, "nan", "inf", "-inf"]
    assert [from_number(x) for x in (1.5, "inf", "-inf")] == [1.5, math.inf, -math.inf]
    assert from_number("nan") is math.nan  # noqa: PLW0177 - identity
    assert from_number(-math.nan) is math.nan  # noqa: PLW0177


UTC = datetime.UTC


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**70),
        -0.0,
        5e-324,
        math.inf,
        "",
        "\x00\u2028\U0001f600",
        [],
        {},
        [[], {}, [None]],
        {"a": {"b": [1, 1.0, True]}},
        {"$float": "nan"},
        {"$float": 1, "b": 2},
        {"$dict": {"$dict": {"$datetime": "x"}}},
        {"": {"$": None}},
        datetime.datetime(2024, 2, 29, 12, 0, 0, 1),  # noqa: DTZ001
        datetime.datetime(1, 1, 1, tzinfo=UTC),
        datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=-3, minutes=30))),
    ],
)
def test_attributes_survive_json(value) -> None:
    tree = json.loads(json.dumps(to_json_tree(value), allow_nan=False))
    assert repr(from_json_tree(tree)) == repr(value)


def test_nan_comes_back_as_the_canonical_nan() -> None:
    assert from_json_tree(to_json_tree([float("nan")]))[0] is math.nan  # noqa: PLW0177


def test_values_like_builtins_become_builtins() -> None:
    tree = to_json_tree({"a": (1, np.float32(0.5)), "b": np.int64(3), "c": np.array(True), Word.A: Word.A})
    assert tree == {"a": "a", "b": 3, "c": True}
    assert [type(value) for value in (*tree, *tree.values())] == [str, str, str, str, int, bool]
    assert to_json_tree((1, (2,))) == [1, [2]]
    assert type(to_json_tree(np.float64(1.0))) is float
    assert type(to_json_tree(np.str_("x"))) is str
    assert to_json_tree(pd.Timestamp(2020, 1, 1)) == {"$datetime": "2020-01-01T00:00:00"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            object,
            "an attribute is made of None, bool, int, float, str, datetime, lists and dicts with string keys; got",
        ),
        ({1, 2}, "got {1, 2} of type set"),
        (b"x", "got b'x' of type bytes"),
        (1j, "got 1j of type complex"),
        (np.array([1j]), "got 1j of type complex"),
        ({1: 2}, "the keys of an attribute's dicts are strings; got [1]"),
        ("\ud800", "a string in an attribute can't hold a lone surrogate: '\\ud800'"),
        ({"\udfff": 1}, "a string in an attribute can't hold a lone surrogate: '\\udfff'"),
        (10**301, "an int in an attribute has at most 300 digits"),
        (pd.NaT, "a datetime in an attribute is a moment in time, got NaT"),
    ],
)
def test_values_that_json_can_not_hold_are_refused(value, message) -> None:
    for nested in (value, [value], {"a": [value]}):
        with pytest.raises(InvalidType) as caught:
            to_json_tree(nested)
        assert message in str(caught.value)


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_attributes_may_be_a_hundred_levels_deep() -> None:
    assert from_json_tree(to_json_tree(nested(100))) == nested(100)
    loop: list[object] = []
    loop.append(loop)
    for deeper in (nested(102), loop):
        with pytest.raises(InvalidType) as caught:
            to_json_tree(deeper)
        assert str(caught.value) == "an attribute can't be nested deeper than 100 levels"


def test_attributes_are_immutable_all_the_way_down() -> None:
    value = from_json_tree({"a": [{"b": []}]})
    assert isinstance(value, FrozenDict)
    assert isinstance(value["a"], FrozenList)
    for change in (lambda: value.update(a=1), lambda: value["a"].append(1), value["a"][0].clear):
        with pytest.raises(TypeError, match="belongs to an immutable value"):
            change()


def test_only_times_within_the_calendar_are_valid() -> None:
    assert checked_time(None) is None
    assert checked_time(np.float32(0.5)) == 0.5
    with pytest.raises(InvalidType, match="a time is a number of seconds since 1970 or None, got 'now' of type str"):
        checked_time("now")
    for never in (math.nan, math.inf, 1e18):
        with pytest.raises(InvalidArgument, match="in the years 1 to 9999"):
            checked_time(never)


X, Y = FloatDistribution(0.0, 1.0), IntDistribution(1, 5)


def test_a_space_is_an_ordered_immutable_mapping() -> None:
    given = {"x": X, "y": Y}
    space = SearchSpace(given)
    given["z"] = X
    assert [*space] == ["x", "y"]
    assert space == {"x": X, "y": Y} == space
    assert (space["x"], "y" in space, "z" in space, len(space)) == (X, True, False, 2)
    assert not hasattr(space, "__setitem__")
    assert repr(space) == f"SearchSpace({{'x': {X!r}, 'y': {Y!r}}})"
    assert SearchSpace() == SearchSpace({}) == {}


def test_spaces_are_equal_whatever_their_order() -> None:
    one, other = SearchSpace({"x": X, "y": Y}), SearchSpace({"y": Y, "x": X})
    assert one == other
    assert hash(one) == hash(other)
    assert one != SearchSpace({"x": X})
    assert one != SearchSpace({"x": X, "y": X})
    assert [*other] == ["y", "x"]


def test_spaces_are_copied_and_pickled_with_their_order() -> None:
    space = SearchSpace({"y": Y, "x": X})
    assert copy.deepcopy(space) is copy.copy(space) is space is SearchSpace.of(space)
    assert [*pickle.loads(pickle.dumps(space)).items()] == [*space.items()]


def test_updated_and_without() -> None:
    space = SearchSpace({"x": X, "y": Y})
    assert [*space.updated(SearchSpace({"a": X, "x": Y})).items()] == [("x", Y), ("y", Y), ("a", X)]
    assert SearchSpace().updated(space) is space
    assert space.without({"q": 1}) is space
    assert space.without({"x": 1}) == {"y": Y}


def test_a_space_knows_whether_it_is_numeric() -> None:
    assert SearchSpace({"x": X, "y": Y}).numeric
    assert not SearchSpace({"x": X, "c": CategoricalDistribution([1])}).numeric


def test_parameter_names_are_builtin_strings() -> None:
    space = SearchSpace({Word.A: X, np.str_("ü"): Y})
    assert [(type(name), name) for name in space] == [(str, "a"), (str, "ü")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({1: X}, "a parameter's name is a str, got 1 of type int"),
        ({"\ud800": X}, "a parameter's name can't hold a lone surrogate: '\\ud800'"),
        (
            {"x": (0, 1)},
            ("parameter 'x' needs a FloatDistribution, an IntDistribution or a CategoricalDistribution, got (0, 1)"),
        ),
    ],
)
def test_invalid_spaces_are_refused(given, message) -> None:
    with pytest.raises(InvalidType) as caught:
        SearchSpace(given)
    assert str(caught.value) == message
