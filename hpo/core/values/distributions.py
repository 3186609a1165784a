"""The three kinds of parameter: what values they allow, and how those are written and drawn.

Every distribution has two views of a value. The *external* one is what an objective sees: a builtin `float`,
`int`, or one of the choices. The *internal* one is what journals and columns keep: the same number, or the
index of the choice, so that ``True``, ``1`` and ``1.0`` stay three different choices.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

from hpo.core.values.categorical import CategoricalDistribution
from hpo.core.values.numeric import FloatDistribution, IntDistribution
from hpo.errors import InvalidDistribution, InvalidType

__all__ = [
    "CategoricalDistribution",
    "Distribution",
    "FloatDistribution",
    "IntDistribution",
    "check_distribution_compatibility",
    "distribution_from_document",
    "distribution_to_json",
    "json_to_distribution",
]

Distribution: TypeAlias = FloatDistribution | IntDistribution | CategoricalDistribution
"""Any of the three; the union is closed."""

_BY_NAME: Mapping[str, type[Distribution]] = {
    kind.__name__: kind for kind in (FloatDistribution, IntDistribution, CategoricalDistribution)
}


def distribution_to_json(distribution: Distribution) -> str:
    """`distribution` as JSON text: ``{"name": "IntDistribution", "attributes": {"low": 1, ...}}``.

    A choice that is not finite is written as Python's `json` does: ``NaN``, ``Infinity``.

    Raises:
        InvalidType: it is no distribution.

    Example:
        >>> distribution_to_json(CategoricalDistribution(["a", None]))
        '{"name": "CategoricalDistribution", "attributes": {"choices": ["a", null]}}'
    """
    if type(distribution).__name__ not in _BY_NAME:
        raise InvalidType(
            f"written are FloatDistribution, IntDistribution and CategoricalDistribution, got {distribution!r}"
        )
    attributes = {field: getattr(distribution, field) for field in distribution.__struct_fields__}
    return json.dumps({"name": type(distribution).__name__, "attributes": attributes})


def json_to_distribution(text: str) -> Distribution:
    """The distribution that `distribution_to_json` wrote.

    Raises:
        InvalidDistribution: the text is no JSON object of that form, or names an unknown distribution.

    Example:
        >>> json_to_distribution('{"name": "IntDistribution", "attributes": {"low": 1, "high": 8}}')
        IntDistribution(low=1, high=8)
    """
    try:
        document = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidDistribution(f"a distribution is written as JSON, got {text!r}: {error}") from None
    return distribution_from_document(document)


def distribution_from_document(document: object) -> Distribution:
    """The distribution that a decoded JSON document describes; see `json_to_distribution`."""
    match document:
        case {"name": str(name), "attributes": dict(attributes)} if name in _BY_NAME:
            kind = _BY_NAME[name]
            unknown = set(attributes) - set(kind.__struct_fields__)
            required = set(kind.__struct_fields__[: -len(kind.__struct_defaults__) or None])
            if unknown or not required <= set(attributes):
                raise InvalidDistribution(
                    f"{name} has the attributes {', '.join(kind.__struct_fields__)}; got {', '.join(attributes)}"
                )
            return kind(**attributes)
    raise InvalidDistribution(
        f'a distribution is written as {{"name": ..., "attributes": {{...}}}} with a name out of '
        f"{', '.join(_BY_NAME)}; got {document!r}"
    )


def check_distribution_compatibility(old: Distribution, new: Distribution) -> None:
    """Make sure that one parameter can have both distributions during a study.

    Numeric ranges may drift; the kind may not change, and neither may the choices.

    Raises:
        InvalidDistribution: the kinds differ, or the choices do.

    Example:
        >>> check_distribution_compatibility(IntDistribution(1, 8), IntDistribution(1, 99))
    """
    if type(old) is not type(new):
        raise InvalidDistribution(f"a parameter can't change its kind: it was {old!r}, now it is {new!r}")
    if isinstance(old, CategoricalDistribution) and old != new:
        raise InvalidDistribution(f"a parameter can't change its choices: they were {old!r}, now {new!r}")
