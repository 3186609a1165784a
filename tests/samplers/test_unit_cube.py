"""Spaces as the unit cube: cells tile the unit interval, and points lead back to values."""

import numpy as np
import pytest

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    FrozenTrial,
    IntDistribution,
    SearchSpace,
    TrialState,
    create_trial,
)
from hpo.samplers.parts.observations import column_values
from hpo.samplers.parts.unit_cube import UnitCube
from hpo.samplers.tpe.model import cells_at


def repr_of(argument):
    return repr(argument)[:40]


GRIDS = {
    "int": (IntDistribution(-3, 4), range(-3, 5)),
    "stepped int": (IntDistribution(0, 9, step=3), range(0, 10, 3)),
    "stepped float": (FloatDistribution(-0.3, 0.7, step=0.1), [round(0.1 * k - 0.3, 1) for k in range(11)]),
    "wide steps": (FloatDistribution(0.0, 1.5e308, step=5e307), [0.0, 5e307, 1e308, 1.5e308]),
    "log int": (IntDistribution(1, 30, log=True), range(1, 31)),
}


def units_of(space, values_by_name):
    cube = UnitCube.of(space)
    rows = [
        column_values(cube.columns, create_trial(value=0.0, params=params, distributions=space))
        for params in values_by_name
    ]
    table = np.array(rows)
    return cube, table, cube.units(table)


@pytest.mark.parametrize("name", GRIDS)
def test_cells_of_a_grid_tile_the_unit_interval(name):
    distribution, grid = GRIDS[name]
    cube, table, points = units_of(SearchSpace({"p": distribution}), [{"p": value} for value in grid])
    assert cube.fits(table).all()
    assert [cube.params(point)["p"] for point in points] == list(grid)
    lower, upper = cells_at(cube, points)[0]
    assert lower[0] == pytest.approx(0.0, abs=1e-12)
    assert upper[-1] == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(lower[1:], upper[:-1], rtol=0, atol=1e-12)
    assert (lower < points[:, 0]).all()
    assert (points[:, 0] < upper).all()
    for edges in (lower + 1e-9, upper - 1e-9):
        assert [cube.params(np.array([edge]))["p"] for edge in edges] == list(grid)


@pytest.mark.parametrize(
    ("distribution", "values"),
    [
        (FloatDistribution(-5.0, 5.0), [-5.0, 0.0, 1.25, 5.0]),
        (FloatDistribution(1e-300, 1e300, log=True), [1e-300, 1.0, 1e300]),
        (FloatDistribution(-1.7e308, 1.7e308), [-1.7e308, 0.0, 1.7e308]),
        (FloatDistribution(0.0, 1e-322), [0.0, 5e-323, 1e-322]),
        (IntDistribution(-(10**9), 10**9), [-(10**9), 0, 10**9]),
    ],
)
def test_values_lead_to_points_and_back(distribution, values):
    cube, table, points = units_of(SearchSpace({"p": distribution}), [{"p": value} for value in values])
    assert cube.fits(table).all()
    assert cells_at(cube, points) == {}
    assert (np.diff(points[:, 0]) > 0).all()
    assert (points[0, 0], points[-1, 0]) == pytest.approx((0.0, 1.0), abs=1e-9)
    assert [cube.params(point)["p"] for point in points] == pytest.approx(values, rel=1e-12, abs=0)


def test_single_values_have_no_column():
    space = SearchSpace(
        {
            "z": CategoricalDistribution(["a", None, 1]),
            "one": IntDistribution(3, 3),
            "b": FloatDistribution(0, 1),
            "only": CategoricalDistribution(["x"]),
        }
    )
    cube, table, points = units_of(space, [{"z": None, "one": 3, "b": 0.5, "only": "x"}])
    assert [name for name, _ in cube.columns] == ["b", "z"]
    assert table.tolist() == points.tolist() == [[0.5, 1.0]]
    assert cube.n_choices.tolist() == [0, 3]
    assert cube.params(points[0]) == {"z": None, "one": 3, "b": 0.5, "only": "x"}
    assert list(cube.params(points[0])) == list(space)


def test_values_outside_the_range_do_not_fit():
    cube = UnitCube.of(SearchSpace({"a": FloatDistribution(0.0, 1.0), "b": IntDistribution(1, 9, log=True)}))
    rows = np.array([[0.0, 0.0], [1.0, np.log(9.0)], [1.1, 0.0], [-0.1, 0.0], [0.5, np.log(10.0)]])
    assert cube.fits(rows).tolist() == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("kept", "value", "expected"),
    [
        (FloatDistribution(1.0, 9.0, log=True), -2.0, None),
        (FloatDistribution(1.0, 9.0, log=True), np.e, 1.0),
        (FloatDistribution(-9.0, 9.0), -2.0, -2.0),
        (FloatDistribution(-9.0, 9.0), 10**400, None),
        (FloatDistribution(1.0, 9.0, log=True), 10**400, 400 * np.log(10)),
        (FloatDistribution(1.0, 9.0), "a", None),
        (CategoricalDistribution(["a", "b"]), "b", 1.0),
        (CategoricalDistribution(["a", "b"]), "c", None),
        (CategoricalDistribution([1, 2]), 1.0, None),
    ],
    ids=repr_of,
)
def test_old_values_have_a_number_if_the_scale_has_a_place_for_them(kept, value, expected):
    then = CategoricalDistribution([value]) if isinstance(value, str) else IntDistribution(1, 9)
    trial = FrozenTrial(0, TrialState.COMPLETE, (0.0,), {"p": value}, SearchSpace({"p": then}))  # enqueued, say
    numbers = column_values((("p", "log" if getattr(kept, "log", False) else "linear"),), trial)
    if isinstance(kept, CategoricalDistribution):
        numbers = column_values((("p", kept),), trial)
    assert numbers == (None if expected is None else [pytest.approx(expected)])
    assert column_values((("other", "linear"),), trial) is None


def test_equal_spaces_share_one_cube_that_depends_on_neither():
    """Cubes are cached by space, so equal spaces must give the same digits, whichever comes first."""
    plus, minus = FloatDistribution(0.0, 1.0, step=0.5), FloatDistribution(-0.0, 1.0, step=0.5)
    assert plus == minus
    assert repr(plus) == repr(minus)
    coded = [UnitCube.of(SearchSpace({"x": one})).params(np.array([0.0]))["x"] for one in (minus, plus)]
    assert [repr(value) for value in coded] == ["0.0", "0.0"]


def test_a_range_whose_logarithms_floats_cannot_tell_apart_has_no_column():
    assert UnitCube.of(SearchSpace({"p": IntDistribution(10**20, 10**20 + 5, log=True)})).columns == ()


BRANCHED = SearchSpace(
    {
        "c": CategoricalDistribution(["a", "b", "c"]),
        "depth": IntDistribution(1, 4),
        "x": FloatDistribution(0.0, 2.0),
    }
)


def test_a_parameter_that_a_trial_lacks_is_missing():
    cube = UnitCube.of(BRANCHED)
    half = create_trial(value=0.0, params={"x": 0.5}, distributions={"x": BRANCHED["x"]})
    assert column_values(cube.columns, half) is None
    row = column_values(cube.columns, half, missing=True)
    np.testing.assert_array_equal(row, [np.nan, np.nan, 0.5])
    assert cube.fits(np.array([row, [np.nan, 2.0, 3.0]])).tolist() == [True, False]
    np.testing.assert_array_equal(cube.units(np.array([row])), [[np.nan, np.nan, 0.25]])
    other = create_trial(value=0.0, params={"c": "z"}, distributions={"c": CategoricalDistribution(["z"])})
    assert column_values(cube.columns, other, missing=True) is None


@pytest.mark.parametrize(
    ("categories", "expected"),
    [
        ("index", [[2.0, 0.375, 0.25], [np.nan, 0.875, np.nan]]),
        ("ordinal", [[1.0, 0.375, 0.25], [np.nan, 0.875, np.nan]]),
        ("one-hot", [[0.0, 0.0, 1.0, 0.375, 0.25], [np.nan, np.nan, np.nan, 0.875, np.nan]]),
    ],
)
def test_features_write_choices_as_asked_and_keep_what_is_missing(categories, expected):
    cube = UnitCube.of(BRANCHED)
    points = np.array([[2.0, 0.375, 0.25], [np.nan, 0.875, np.nan]])
    features = cube.features(points, categories)
    np.testing.assert_array_equal(features, expected)
    np.testing.assert_array_equal(cube.points(features[:1], categories), points[:1])


def test_relaxed_features_lead_to_the_nearest_choice():
    cube = UnitCube.of(BRANCHED)
    assert cube.points(np.array([[0.2, 0.9, 0.3, 1.5, 0.5]]), "one-hot").tolist() == [[1.0, 1.0, 0.5]]
    assert cube.points(np.array([[0.7, -0.5, 0.5]]), "ordinal").tolist() == [[1.0, 0.0, 0.5]]
    assert cube.points(np.array([[7.2, 0.5, 0.5]]), "index").tolist() == [[2.0, 0.5, 0.5]]
    assert cube.params(cube.points(np.array([[0.7, -0.5, 0.5]]), "ordinal")[0].tolist()) == {
        "c": "b",
        "depth": 1,
        "x": 1.0,
    }


def test_a_space_without_columns_has_points_of_no_numbers():
    cube = UnitCube.of(SearchSpace({"one": IntDistribution(3, 3)}))
    points = np.empty((2, 0))
    for categories in ("index", "ordinal", "one-hot"):
        assert cube.points(cube.features(points, categories), categories).shape == (2, 0)
    assert cube.params([]) == {"one": 3}


MIXED = SearchSpace(
    {
        "x": FloatDistribution(-5.0, 5.0),
        "lr": FloatDistribution(1e-6, 1.0, log=True),
        "k": IntDistribution(1, 19, step=3),
        "units": IntDistribution(1, 1024, log=True),
        "p": FloatDistribution(0.0, 1.0, step=0.1),
        "c": CategoricalDistribution(["a", "b", None]),
    }
)


def test_the_point_of_one_trial_is_that_of_its_row():
    cube = UnitCube.of(MIXED)
    for seed in range(20):
        units = np.random.default_rng(seed).random(6).tolist()
        params = {name: dist.from_unit(unit) for (name, dist), unit in zip(MIXED.items(), units, strict=True)}
        trial = create_trial(value=0.0, params=params, distributions=MIXED)
        row = np.array([column_values(cube.columns, trial)])
        assert cube.point(trial) == pytest.approx(cube.units(row)[0].tolist(), abs=1e-12)
        assert cube.params(cube.point(trial)) == pytest.approx(params)


@pytest.mark.parametrize(
    ("name", "then", "value"),
    [
        ("x", FloatDistribution(-9.0, 9.0), 7.0),
        ("x", CategoricalDistribution([1.0, 2.0]), 1.0),
        ("c", CategoricalDistribution(["a", "z"]), "z"),
        ("c", None, None),
    ],
)
def test_an_old_trial_that_does_not_fit_has_no_point(name, then, value):
    params = {key: distribution.from_unit(0.4) for key, distribution in MIXED.items()}
    distributions = dict(MIXED)
    if then is None:
        del params[name], distributions[name]
    else:
        params[name], distributions[name] = value, then
    trial = create_trial(value=0.0, params=params, distributions=distributions)
    assert UnitCube.of(MIXED).point(trial) is None
