"""The columns that the TPE models: cells tile the unit interval, and points lead back to values."""

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
from hpo.samplers.tpe.coding import UnitCoding, column_values


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
    coding = UnitCoding.of(space)
    rows = [
        column_values(coding.columns, create_trial(value=0.0, params=params, distributions=space))
        for params in values_by_name
    ]
    table = np.array(rows)
    return coding, table, coding.units(table)


@pytest.mark.parametrize("name", GRIDS)
def test_the_cells_of_a_grid_tile_the_unit_interval_and_hold_their_values(name):
    distribution, grid = GRIDS[name]
    coding, table, points = units_of(SearchSpace({"p": distribution}), [{"p": value} for value in grid])
    assert coding.fits(table).all()
    assert [coding.params(point)["p"] for point in points] == list(grid)
    lower, upper = coding.cells(points)[0]
    assert lower[0] == pytest.approx(0.0, abs=1e-12)
    assert upper[-1] == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(lower[1:], upper[:-1], rtol=0, atol=1e-12)
    assert (lower < points[:, 0]).all()
    assert (points[:, 0] < upper).all()
    for edges in (lower + 1e-9, upper - 1e-9):
        assert [coding.params(np.array([edge]))["p"] for edge in edges] == list(grid)


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
    coding, table, points = units_of(SearchSpace({"p": distribution}), [{"p": value} for value in values])
    assert coding.fits(table).all()
    assert coding.cells(points) == {}
    assert (np.diff(points[:, 0]) > 0).all()
    assert (points[0, 0], points[-1, 0]) == pytest.approx((0.0, 1.0), abs=1e-9)
    assert [coding.params(point)["p"] for point in points] == pytest.approx(values, rel=1e-12, abs=0)


def test_parameters_with_one_value_have_no_column_and_choices_have_their_index():
    space = SearchSpace(
        {
            "z": CategoricalDistribution(["a", None, 1]),
            "one": IntDistribution(3, 3),
            "b": FloatDistribution(0, 1),
            "only": CategoricalDistribution(["x"]),
        }
    )
    coding, table, points = units_of(space, [{"z": None, "one": 3, "b": 0.5, "only": "x"}])
    assert [name for name, _ in coding.columns] == ["b", "z"]
    assert table.tolist() == points.tolist() == [[0.5, 1.0]]
    assert coding.n_choices.tolist() == [0, 3]
    assert coding.params(points[0]) == {"z": None, "one": 3, "b": 0.5, "only": "x"}
    assert list(coding.params(points[0])) == list(space)


def test_values_outside_the_range_do_not_fit():
    coding = UnitCoding.of(SearchSpace({"a": FloatDistribution(0.0, 1.0), "b": IntDistribution(1, 9, log=True)}))
    rows = np.array([[0.0, 0.0], [1.0, np.log(9.0)], [1.1, 0.0], [-0.1, 0.0], [0.5, np.log(10.0)]])
    assert coding.fits(rows).tolist() == [True, True, False, False, False]


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
def test_a_value_of_another_time_has_a_number_where_the_scale_has_a_place_for_it(kept, value, expected):
    then = CategoricalDistribution([value]) if isinstance(value, str) else IntDistribution(1, 9)
    trial = FrozenTrial(0, TrialState.COMPLETE, (0.0,), {"p": value}, SearchSpace({"p": then}))  # enqueued, say
    numbers = column_values((("p", "log" if getattr(kept, "log", False) else "linear"),), trial)
    if isinstance(kept, CategoricalDistribution):
        numbers = column_values((("p", kept),), trial)
    assert numbers == (None if expected is None else [pytest.approx(expected)])
    assert column_values((("other", "linear"),), trial) is None


def test_equal_spaces_have_one_coding_that_depends_on_neither():
    """A coding is remembered by the space; what is equal must lead to the same digits, whichever came first."""
    plus, minus = FloatDistribution(0.0, 1.0, step=0.5), FloatDistribution(-0.0, 1.0, step=0.5)
    assert plus == minus
    assert repr(plus) == repr(minus)
    coded = [UnitCoding.of(SearchSpace({"x": one})).params(np.array([0.0]))["x"] for one in (minus, plus)]
    assert [repr(value) for value in coded] == ["0.0", "0.0"]
