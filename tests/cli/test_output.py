"""Each output format, read back by a reader that is not ours."""

import csv
import datetime
import io
import json
import math

import pytest
import yaml
from hypothesis import given, strategies as st

from hpo.cli.output import FORMATS, visible, written, written_alone

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | texts
trees = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
records = st.lists(st.dictionaries(texts, trees, min_size=1, max_size=4), max_size=4)


def named_infinities(tree):
    if isinstance(tree, dict):
        return {key: named_infinities(item) for key, item in tree.items()}
    if isinstance(tree, list):
        return [named_infinities(item) for item in tree]
    return {math.inf: "inf", -math.inf: "-inf"}.get(tree, tree) if isinstance(tree, float) else tree


def same(one, other):
    """Equal in type too, as True == 1 == 1.0."""
    if isinstance(one, dict):
        return isinstance(other, dict) and [*one] == [*other] and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@given(records)
def test_json_round_trip(given_records):
    text = written(given_records, columns=[], style="json")
    assert same(json.loads(text), named_infinities(given_records))
    assert all(c.isprintable() or c == "\n" or ord(c) > 0x7F for c in text)


@given(records)
def test_yaml_round_trip(given_records):
    text = written(given_records, columns=[], style="yaml")
    assert same(yaml.safe_load(text), given_records)


@given(st.dictionaries(texts, trees, min_size=1, max_size=4))
def test_single_record_is_an_object(record):
    assert same(json.loads(written_alone(record, columns=[], style="json")), named_infinities(record))
    assert same(yaml.safe_load(written_alone(record, columns=[], style="yaml")), record)


@given(st.lists(texts, min_size=1, max_size=5))
def test_csv_round_trip_of_any_string(names):
    text = written([{"name": name} for name in names], columns=["name"], style="csv")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["name"],
        *([name] if name else [""] for name in names),
    ]


@given(st.lists(texts, min_size=1, max_size=5), st.sampled_from(["table", "value"]))
def test_table_and_value_have_one_line_per_record_without_control_characters(names, style):
    text = written([{"number": 1, "name": name} for name in names], columns=["number", "name"], style=style)
    assert all(c.isprintable() or c in "\t\n" for c in text)
    assert text.count("\n") == len(names) + (2 if style == "table" else 0)


def test_yaml_1_1_reads_floats_with_exponents_as_floats():
    for value in (1e-5, 1e16, -2.5e-300, 5e-324, 0.1, -0.0):
        assert yaml.safe_load(written_alone({"x": value}, columns=[], style="yaml")) == {"x": value}


def test_yaml_writes_infinities_and_nan_as_numbers():
    record = {"a": math.nan, "b": math.inf, "c": -math.inf}
    assert written_alone(record, columns=[], style="yaml") == "a: .nan\nb: .inf\nc: -.inf\n"
    assert json.loads(written_alone(record, columns=[], style="json")) == {"a": "nan", "b": "inf", "c": "-inf"}


def test_yaml_round_trip_of_a_very_long_key():
    record = {"n" * 5000: 1, "m" * 2000: {"deep": [1, {"x": 2}]}}
    assert yaml.safe_load(written_alone(record, columns=[], style="yaml")) == record


def test_dict_field_has_a_column_per_entry():
    rows = [{"n": 0, "params": {"b": 1, "a": 2}}, {"n": 1, "params": {"c": None, "a": True}}, {"n": 2, "params": {}}]
    text = written(rows, columns=["n", "params_"], style="csv")
    assert text == "n,params_b,params_a,params_c\n0,1,2,\n1,,true,\n2,,,\n"


def test_list_of_values_has_a_column_per_objective():
    rows = [{"values": [0.5, math.inf]}, {"values": None}]
    assert written(rows, columns=["values_"], style="csv") == "values_0,values_1\n0.5,inf\n,\n"


def test_table_omits_empty_columns_and_right_aligns_numbers():
    rows = [{"n": 1, "gone": None, "name": "x"}, {"n": 10, "gone": None, "name": "[31m"}]
    assert written(rows, columns=["n", "gone", "name"], style="table") == "  n  name\n---  ------\n  1  x\n 10  [31m\n"


def test_table_keeps_strings_that_look_like_numbers():
    assert written([{"name": "1e5"}, {"name": "007"}], columns=["name"], style="table").split()[2:] == ["1e5", "007"]


@pytest.mark.parametrize(
    ("style", "text"),
    [("table", "name    n\n------  ---\n"), ("json", "[]\n"), ("csv", "name,n\n"), ("value", ""), ("yaml", "[]\n")],
)
def test_empty_list_of_records(style, text):
    assert written([], columns=["name", "n", "params_"], style=style) == text


@pytest.mark.parametrize("style", FORMATS)
def test_times_are_local_with_utc_offset_except_in_tables(style):
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moment = datetime.datetime(2026, 1, 31, 13, 45, 2, 973123, tzinfo=zone)
    text = written([{"at": moment}], columns=["at"], style=style)
    assert ("2026-01-31 13:45:02" if style == "table" else "2026-01-31T13:45:02.973+02:00") in text


def test_control_characters_become_escapes():
    assert visible("naïve 深い 🎉") == "naïve 深い 🎉"
    assert visible("a\x1b[2J\n\u202eb") == r"a\x1b[2J\n\u202eb"
