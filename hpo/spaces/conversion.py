"""`space_of`: which kind of space something is, and the space that is equal to it."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any

from hpo.core import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution, SearchSpace
from hpo.errors import HpoError, InvalidArgument, InvalidType

_OURS = (FloatDistribution, IntDistribution, CategoricalDistribution)
_READERS = {  # by the module in which a class is defined, without what follows after the first point
    "scipy": "scipy_space",
    "ConfigSpace": "config_space",
    "hyperopt": "hyperopt_space",
    "ray": "ray_space",
}
_TAKEN = (
    "a space is a dict of distributions by name, a dataclass or pydantic model with annotations, a ConfigurationSpace, or a "
    "dict of scipy's frozen distributions, of Hyperopt's or of Ray's, or of lists"
)


def space_of(source: Any) -> SearchSpace:
    """Return the search space that `source` describes, value for value.

    Args:
        source: A mapping from names to distributions of this library, to frozen distributions of scipy (uniform, loguniform,
            randint), to expressions of Hyperopt, to domains of Ray, or to lists of choices; a ``ConfigurationSpace``; or
            a dataclass or pydantic model. Its fields are ``Annotated`` with a distribution or with bounds, or are of the
            types ``bool``, ``Literal[...]`` or another such class, whose names then begin with the field's name and a
            point.

    Raises:
        InvalidArgument: a parameter has no equal in this library; the message names it.
        InvalidType: `source` is none of these.

    Example:
        >>> from dataclasses import make_dataclass
        >>> from typing import Annotated, Literal
        >>> lr = Annotated[float, FloatDistribution(1e-5, 1e-1, log=True)]
        >>> Training = make_dataclass("Training", [("lr", lr), ("optimizer", Literal["adam", "sgd"])])
        >>> for name, distribution in space_of(Training).items():
        ...     print(name, distribution)
        lr FloatDistribution(low=1e-05, high=0.1, log=True)
        optimizer CategoricalDistribution(choices=('adam', 'sgd'))
        >>> space_of({"kernel": ["rbf", "linear"]})
        SearchSpace({'kernel': CategoricalDistribution(choices=('rbf', 'linear'))})
    """
    if isinstance(source, type) and (dataclasses.is_dataclass(source) or hasattr(source, "model_fields")):
        return SearchSpace(_reader("annotations").distributions(source))
    if _library_of(source) == "ConfigSpace":
        return SearchSpace(_reader("config_space").distributions(source))
    if not isinstance(source, Mapping):
        raise InvalidType(f"{_TAKEN}; got {source!r}")
    return SearchSpace({name: _distribution(name, given) for name, given in source.items()})


def _distribution(name: Any, given: Any) -> Distribution:
    if isinstance(given, _OURS):
        return given
    if isinstance(given, Mapping) and [*given] == ["grid_search"]:  # of Ray
        given = given["grid_search"]
    try:
        if isinstance(given, list | tuple):
            return CategoricalDistribution(given)
        library = _library_of(given)
        if library in _READERS:
            found: Distribution = _reader(_READERS[library]).distribution(given)
            return found
    except HpoError as error:
        raise InvalidArgument(f"parameter {name!r}: {error}") from None
    raise InvalidType(f"parameter {name!r} is {given!r}, which is not a distribution: {_TAKEN}")


def _reader(name: str) -> Any:
    return importlib.import_module(f"hpo.spaces.{name}")


def _library_of(given: object) -> str:
    """Return the package in which the class of `given` is defined."""
    return type(given).__module__.partition(".")[0]
