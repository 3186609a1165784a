"""What the laws are tried on: the strategies of `hpo.testing`, in the numbers that the profile asks for."""

from __future__ import annotations

from hypothesis import settings

from hpo.testing.strategies import (
    attributes,
    categoricals,
    choices,
    decimal_grids,
    distributions,
    float_distributions,
    int_distributions,
    int_ranges,
    members,
    names,
    objective_values,
    odd_grids,
    search_spaces,
    states,
    stepped_floats,
    texts,
    units,
)

__all__ = [
    "attributes",
    "categoricals",
    "choices",
    "decimal_grids",
    "distributions",
    "examples",
    "float_distributions",
    "int_distributions",
    "int_ranges",
    "members",
    "names",
    "objective_values",
    "odd_grids",
    "spaces",
    "states",
    "stepped_floats",
    "texts",
    "units",
]

spaces = search_spaces()


def examples(share: float) -> settings:
    """The profile's number of examples times `share`, at least 5."""
    return settings(max_examples=max(5, round(settings().max_examples * share)))
