"""What a grid may be, and that grid samplers are values."""

import pickle
import subprocess
import sys

import attrs
import numpy as np
import pytest

import hpo.samplers
from hpo.core import CategoricalDistribution, FloatDistribution, IntDistribution, StudyState, ask
from hpo.errors import InvalidArgument, InvalidSuggestion, InvalidType
from hpo.samplers import GridSampler

GRID = {"x": [-50, 0, 50], "y": [-99, 0, 99]}


@pytest.mark.parametrize(
    ("value", "distribution"),
    [
        (1.5, FloatDistribution(0, 1)),
        (-0.5, FloatDistribution(0, 1, step=0.5)),
        ("a", FloatDistribution(0, 1)),
        (float("nan"), FloatDistribution(0, 1)),
        (None, IntDistribution(0, 3)),
        (0.5, IntDistribution(0, 3)),
        (True, IntDistribution(0, 3)),
        (4, IntDistribution(0, 3)),
        ("c", CategoricalDistribution(["a", "b"])),
        (1, CategoricalDistribution([True, 2])),
    ],
)
def test_a_grid_value_out_of_range_is_an_error_that_names_it(value, distribution):
    with pytest.raises(InvalidSuggestion, match=r"grid of GridSampler gives parameter 'x' the value .* outside"):
        ask(StudyState.create(), GridSampler({"x": [value]}), {"x": distribution})


@pytest.mark.parametrize(
    ("grid", "error", "message"),
    [
        ({}, InvalidArgument, "at least one parameter"),
        ({"x": []}, InvalidArgument, "at least one value for parameter 'x'"),
        ({"x": [1, 2, 1]}, InvalidArgument, "parameter 'x' lists one twice"),
        ({"x": [float("nan"), float("nan")]}, InvalidArgument, "parameter 'x' lists one twice"),
        ({"x": [1, [2]]}, InvalidType, r"parameter 'x' has \[2\] of type list"),
        ({"x": np.zeros((2, 2))}, InvalidType, "of type list"),
        ({"x": "abc"}, InvalidType, "sequence of values for parameter 'x', got 'abc'"),
        ({"x": {1, 2}}, InvalidType, "sequence of values for parameter 'x'"),
        ({"x": 3}, InvalidType, "sequence of values for parameter 'x', got 3"),
        ({1: [2]}, InvalidType, "a parameter's name is a str, got 1"),
        ([("x", [1])], InvalidType, "mapping from parameter names"),
    ],
)
def test_an_invalid_grid_is_refused_with_a_reason(grid, error, message):
    with pytest.raises(error, match=message):
        GridSampler(grid)


def test_a_seed_is_an_int():
    with pytest.raises(InvalidType, match=r"seed is an int or None, got 0\.5"):
        GridSampler(GRID, seed=0.5)


def test_grid_samplers_are_values():
    sampler = GridSampler(GRID, seed=3)
    assert sampler == GridSampler({"x": (-50, 0, 50), "y": (-99, 0, 99)}, 3) == pickle.loads(pickle.dumps(sampler))
    assert hash(sampler) == hash(pickle.loads(pickle.dumps(sampler)))
    assert sampler != GridSampler(GRID)
    assert GridSampler({"x": [1]}) != GridSampler({"x": [True]}) != GridSampler({"x": [1.0]})
    assert attrs.evolve(sampler, seed=4) == GridSampler(GRID, seed=4)
    assert repr(sampler) == "GridSampler(search_space={'x': (-50, 0, 50), 'y': (-99, 0, 99)}, seed=3)"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        sampler.seed = 1
    with pytest.raises(TypeError, match="immutable"):
        sampler.search_space["x"] = ()


def test_a_later_change_of_the_given_lists_changes_nothing():
    grid = {"x": [1.0, 2.0]}
    sampler = GridSampler(grid)
    grid["x"].append(3.0)
    assert sampler.n_cells == 2


def test_the_samplers_are_imported_without_numpy_and_scipy():
    lean = "import sys, hpo.samplers as s; s.GridSampler({'x': [1]}, seed=1), s.BaseSampler; "
    check = "print([m for m in ('numpy', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", lean + check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_sampler_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = hpo.samplers.Nonsense
