"""Configuration spaces of the package ConfigSpace."""

from __future__ import annotations

from typing import Any

from hpo.core import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution
from hpo.errors import HpoError, InvalidArgument


def distributions(space: Any) -> dict[str, Distribution]:
    """Return the distribution of each hyperparameter of a ``ConfigurationSpace`` by name.

    Raises:
        InvalidArgument: one has no equal here, or the space has conditions or forbidden configurations.
    """
    for what, found in (("condition", space.conditions), ("forbidden clause", space.forbidden_clauses)):
        if found:
            raise InvalidArgument(
                f"the {what} '{found[0]}' can't be part of a space here: write it as a branch of the objective"
            )
    return {hyperparameter.name: _distribution(hyperparameter) for hyperparameter in space.values()}


def _distribution(given: Any) -> Distribution:
    kind = type(given).__name__
    try:
        match kind:
            case "UniformFloatHyperparameter":
                return FloatDistribution(float(given.lower), float(given.upper), log=bool(given.log))
            case "UniformIntegerHyperparameter":
                return IntDistribution(int(given.lower), int(given.upper), log=bool(given.log))
            case "CategoricalHyperparameter":
                if given.weights is not None and len(set(given.weights)) > 1:
                    raise InvalidArgument("choices with weights have no equal here")
                return CategoricalDistribution([*given.choices])
            case "Constant":
                return CategoricalDistribution([given.value])
    except HpoError as error:
        raise InvalidArgument(f"hyperparameter {given.name!r}: {error}") from None
    raise InvalidArgument(f"hyperparameter {given.name!r}: a {kind} has no equal here")
