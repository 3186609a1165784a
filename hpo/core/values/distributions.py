"""Categorical parameters, and the three kinds of distribution as one type with a JSON form.

Every distribution has two views of a value. The *external* one is what an objective sees: a builtin `float`, an
`int`, or one of the choices. The *internal* one is what journals and columns of numbers keep: the same number, or the
index of the choice, so that ``True``, ``1`` and ``1.0`` stay three different choices.
"""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Callable, Iterable, KeysView, Mapping, Sequence, ValuesView
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import force_setattr

from hpo.core.values.checks import as_int, checked_text
from hpo.core.values.grid import grid_value, nearest_cell
from hpo.core.values.kinds import KindOfDistribution
from hpo.core.values.numeric import FloatDistribution, IntDistribution
from hpo.errors import InvalidDistribution, InvalidType, ValueOutsideDistribution

Choice: TypeAlias = bool | int | float | str | None
"""A value that a categorical parameter may have."""


def builtin_choice(choice: object) -> Choice:
    """Return `choice` as a builtin value.

    Raises:
        InvalidType: it is not None, a bool, an int, a float or a string, nor a numpy scalar of one of these.
    """
    # Journals hold builtins, and a choice that comes back from one must be the same choice.
    if hasattr(choice, "dtype") and hasattr(choice, "item") and getattr(choice, "ndim", 0) == 0:
        choice = choice.item()  # a numpy scalar stands for its builtin twin
    if isinstance(choice, str):
        return checked_text(choice, "a choice")
    if choice is None or isinstance(choice, bool):  # before int, because a bool is one
        return choice
    if isinstance(choice, float):  # perhaps a subclass; every NaN becomes one object, as in `from_number`
        return float(choice) if choice == choice else math.nan
    if isinstance(choice, int) and (whole := as_int(choice)) is not None:
        return whole
    raise InvalidType(
        f"a choice is None, a bool, an int, a float or a str; got {choice!r} of type {type(choice).__name__}: "
        "choose between names and look the object up in the objective"
    )


def as_given(value: Any, choices: Iterable[Any]) -> Any:
    """Return the member of an enumeration among `choices` that `value` stands for, or `value` itself.

    Example:
        >>> import enum
        >>> class Color(enum.StrEnum):
        ...     RED = "red"
        >>> as_given("red", [Color.RED])
        <Color.RED: 'red'>
    """
    for choice in choices:
        if isinstance(choice, enum.Enum) and choice == value:
            return choice
    return value


def identity_of_choice(choice: Choice) -> tuple[str, object]:
    """Return what two choices share if and only if they are the same choice: their type, and a float's digits."""
    # By `==`, True, 1 and 1.0 would be one choice, and so would 0.0 and -0.0, while NaN would not equal itself. The
    # digits of a float settle the last two.
    return type(choice).__name__, (repr(choice) if isinstance(choice, float) else choice)


class CategoricalDistribution(Struct, frozen=True, eq=False, metaclass=KindOfDistribution):
    """A parameter with a finite set of values that have no order.

    Args:
        choices: One or more different values, each None, a `bool`, an `int`, a `float` or a `str`: a sequence, an array of
            numpy, or the keys or values of a dict. Types count: ``True``, ``1`` and ``1.0`` are three choices. They are
            kept as a tuple.

    Raises:
        InvalidDistribution: there is no choice, or the same choice is given twice.
        InvalidType: a choice has another type.

    Example:
        >>> CategoricalDistribution(["adam", "sgd"]).from_unit(0.7)
        'sgd'
    """

    choices: Sequence[Choice]

    def __post_init__(self) -> None:
        # A set has no order, so the index of a choice, which journals keep, would differ from process to process.
        # A string is a sequence, but its letters are never meant as choices.
        if isinstance(self.choices, str | bytes) or not (
            isinstance(self.choices, Sequence | KeysView | ValuesView) or getattr(self.choices, "ndim", 0) == 1
        ):
            raise InvalidType(f"CategoricalDistribution needs a sequence of choices, got {self.choices!r}")
        choices = tuple(builtin_choice(choice) for choice in self.choices)
        if not choices:
            raise InvalidDistribution("CategoricalDistribution needs at least one choice, got none")
        identities = [identity_of_choice(choice) for choice in choices]
        if len(set(identities)) < len(identities):
            twice = next(c for c, key in zip(choices, identities, strict=True) if identities.count(key) > 1)
            raise InvalidDistribution(
                f"CategoricalDistribution needs different choices, got {twice!r} twice in {choices!r}"
            )
        force_setattr(self, "choices", choices)

    def single(self) -> bool:
        """Return whether there is only one choice."""
        return len(self.choices) == 1

    def n_values(self) -> int:
        """Return the number of choices."""
        return len(self.choices)

    def member(self, value: object) -> int | None:
        """Return the index of `value` in the choices, or None if it is not one of them; types count."""
        for index, choice in enumerate(self.choices):
            if choice is value:  # the usual case: the very object that was suggested
                return index
        try:
            key = identity_of_choice(builtin_choice(value))
        except InvalidType:
            return None
        return next((i for i, choice in enumerate(self.choices) if identity_of_choice(choice) == key), None)

    def contains(self, value: object) -> bool:
        """Return whether `value` is one of the choices; types count."""
        return self.member(value) is not None

    def to_internal(self, value: object) -> int:
        """Return the index of `value` in the choices.

        Raises:
            ValueOutsideDistribution: it is not one of the choices.
        """
        index = self.member(value)
        if index is None:
            raise ValueOutsideDistribution(value, self)
        return index

    def to_external(self, internal: float) -> Choice:
        """Return the choice at index `internal`."""
        return self.choices[int(internal)]

    def to_external_repr(self, param_value_in_internal_repr: float) -> Choice:
        """Return what `to_external` does; Optuna's name."""
        return self.to_external(param_value_in_internal_repr)

    def to_internal_repr(self, param_value_in_external_repr: object) -> float:
        """Return what `to_internal` does, as a float; Optuna's name."""
        return float(self.to_internal(param_value_in_external_repr))

    def from_unit(self, u: float) -> Choice:
        """Return the choice whose share of [0, 1] contains `u`; all shares are equal."""
        # u = 1.0 belongs to the last share
        return self.choices[min(int(u * len(self.choices)), len(self.choices) - 1)]

    def to_unit(self, value: Choice) -> float:
        """Return the middle of the share of [0, 1] that gives `value`.

        Raises:
            ValueOutsideDistribution: it is not one of the choices.
        """
        return (self.to_internal(value) + 0.5) / len(self.choices)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CategoricalDistribution):
            return NotImplemented
        # The tuples themselves would be equal for the choices (1, 0) and (True, False).
        return self is other or [*map(identity_of_choice, self.choices)] == [*map(identity_of_choice, other.choices)]

    def __ne__(self, other: object) -> bool:
        # msgspec's Struct has a `__ne__` of its own, which Python would prefer to the negation of `__eq__`
        return not self == other

    def __hash__(self) -> int:
        return hash(tuple(map(identity_of_choice, self.choices)))


__all__ = [
    "CategoricalDistribution",
    "Distribution",
    "FloatDistribution",
    "IntDistribution",
    "as_given",
    "check_distribution_compatibility",
    "distribution_from_document",
    "distribution_of",
    "distribution_to_json",
    "index_of",
    "json_to_distribution",
    "rarest_index",
    "value_of",
]

Distribution: TypeAlias = FloatDistribution | IntDistribution | CategoricalDistribution
"""Any of the three. The union is closed: journals name the kind, and every version must be able to read it."""

_KIND_BY_NAME: Mapping[str, type[Distribution]] = {
    kind.__name__: kind for kind in (FloatDistribution, IntDistribution, CategoricalDistribution)
}


_KIND_BY_TYPE: Mapping[str, str] = {
    "float": "FloatDistribution",
    "int": "IntDistribution",
    "categorical": "CategoricalDistribution",
}
_OLD: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "UniformDistribution": ("FloatDistribution", {}),
    "LogUniformDistribution": ("FloatDistribution", {"log": True}),
    "DiscreteUniformDistribution": ("FloatDistribution", {}),
    "IntUniformDistribution": ("IntDistribution", {}),
    "IntLogUniformDistribution": ("IntDistribution", {"log": True}),
}


def distribution_of(name: str, kind: Callable[..., Distribution], *args: Any, **kwargs: Any) -> Distribution:
    """Return the distribution ``kind(*args, **kwargs)`` of parameter `name`, which its errors name.

    Raises:
        InvalidDistribution, InvalidType: as `kind` does.
    """
    try:
        return kind(*args, **kwargs)
    except (InvalidDistribution, InvalidType) as error:
        raise type(error)(f"parameter {name!r}: {error}") from None


def distribution_to_json(dist: Distribution) -> str:
    """Return `dist` as a JSON string: ``{"name": "IntDistribution", "attributes": {"low": 1, ...}}``.

    A choice that is not a finite number is written as Python's `json` module does: ``NaN``, ``Infinity``.

    Raises:
        InvalidType: it is not a distribution.

    Example:
        >>> distribution_to_json(CategoricalDistribution(["a", None]))
        '{"name": "CategoricalDistribution", "attributes": {"choices": ["a", null]}}'
    """
    if type(dist).__name__ not in _KIND_BY_NAME:
        raise InvalidType(
            "only a FloatDistribution, an IntDistribution or a CategoricalDistribution can be written as JSON, "
            f"got {dist!r}"
        )
    attributes = {field: getattr(dist, field) for field in dist.__struct_fields__}
    return json.dumps({"name": type(dist).__name__, "attributes": attributes})


def json_to_distribution(json_str: str) -> Distribution:
    """Return the distribution that `distribution_to_json` wrote.

    Raises:
        InvalidDistribution: the string is not a JSON object of that form, or it names an unknown distribution.

    Example:
        >>> json_to_distribution('{"name": "IntDistribution", "attributes": {"low": 1, "high": 8}}')
        IntDistribution(low=1, high=8)
    """
    try:
        document = json.loads(json_str)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidDistribution(f"a distribution is written as JSON, got {json_str!r}: {error}") from None
    return distribution_from_document(document)


def distribution_from_document(document: object) -> Distribution:
    """Return the distribution that a JSON object describes, once it has been decoded to a dict.

    It may also have the short form ``{"type": "float", "low": 0, "high": 1}``, or name one of Optuna 2's distributions.

    Raises:
        InvalidDistribution: the dict has another form.
    """
    match document:
        case {"type": str(short), **fields} if short in _KIND_BY_TYPE and "name" not in fields:
            document = {"name": _KIND_BY_TYPE[short], "attributes": fields}
        case {"name": str(old), "attributes": dict(given)} if old in _OLD:
            name, options = _OLD[old]
            renamed = {("step" if field == "q" else field): value for field, value in given.items()}
            document = {"name": name, "attributes": {**renamed, **options}}
    match document:
        case {"name": str(name), "attributes": dict(attributes)} if name in _KIND_BY_NAME:
            # The names decide before the constructor is called: its own TypeError would speak of Python's arguments,
            # and not of the document.
            kind = _KIND_BY_NAME[name]
            unknown = set(attributes) - set(kind.__struct_fields__)
            required = set(kind.__struct_fields__[: -len(kind.__struct_defaults__) or None])
            if unknown or not required <= set(attributes):
                raise InvalidDistribution(
                    f"{name} has the attributes {', '.join(kind.__struct_fields__)}; got {', '.join(attributes)}"
                )
            return kind(**attributes)
    raise InvalidDistribution(
        f'a distribution is written as {{"name": ..., "attributes": {{...}}}} with one of the names '
        f"{', '.join(_KIND_BY_NAME)}; got {document!r}"
    )


def check_distribution_compatibility(dist_old: Distribution, dist_new: Distribution) -> None:
    """Check that a parameter may have both distributions in the same study.

    A numeric range may change from trial to trial. The kind may not, and neither may the choices.

    Raises:
        InvalidDistribution: the kinds or the choices differ.

    Example:
        >>> check_distribution_compatibility(IntDistribution(1, 8), IntDistribution(1, 99))
    """
    if type(dist_old) is not type(dist_new):
        raise InvalidDistribution(f"a parameter can't change its kind: it was {dist_old!r}, now it is {dist_new!r}")
    # A range that changes still measures the same quantity. Choices are kept by their index, which would mean something
    # else in another list of choices.
    if isinstance(dist_old, CategoricalDistribution) and dist_old != dist_new:
        raise InvalidDistribution(f"a parameter can't change its choices: they were {dist_old!r}, now {dist_new!r}")


def index_of(distribution: Distribution, value: Any) -> int | None:
    """Return the index of `value` among the values of `distribution`; None if it is not one, or they are not countable."""
    member = distribution.member(value)  # with the type of the distribution, so that 2.0 is found among ints
    if member is None or distribution.n_values() is None:
        return None
    if isinstance(distribution, CategoricalDistribution):
        return int(member)
    if isinstance(distribution, IntDistribution):
        return int(member - distribution.low) // distribution.step
    if distribution.step is None:
        return 0  # a range of one value
    return nearest_cell(distribution.low, distribution.high, distribution.step, member)


def value_of(distribution: Distribution, index: int) -> Any:
    """Return the value with this index; the inverse of `index_of`.

    Example:
        >>> steps = FloatDistribution(0.0, 1.0, step=0.1)
        >>> index_of(steps, 0.3), value_of(steps, 3)
        (3, 0.3)
    """
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[index]
    if isinstance(distribution, IntDistribution):
        return distribution.low + index * distribution.step
    if distribution.step is None:
        return distribution.low
    return grid_value(distribution.low, distribution.high, distribution.step, index)


def rarest_index(counts: Mapping[int, int], n_values: int, unit: float) -> int:
    """Return one of the indices that were counted least often; those that are not in `counts` come first.

    Args:
        counts: How often each index was seen, at least once; indices that were not seen are left out.
        n_values: The number of indices, which may be huge.
        unit: A number in [0, 1) that chooses among them.

    Example:
        >>> rarest_index({0: 1, 2: 1}, 4, 0.0), rarest_index({0: 1, 2: 1}, 4, 0.5), rarest_index({0: 2, 1: 1}, 2, 0.5)
        (1, 3, 1)
    """
    if len(counts) == n_values:
        fewest = min(counts.values())
        rarest = sorted(index for index, count in counts.items() if count == fewest)
        return rarest[int(unit * len(rarest))]
    n_unseen = n_values - len(counts)
    place = min(int(unit * n_unseen), n_unseen - 1)
    for seen in sorted(counts):  # the unseen ones are not listed, because a range may have any number of values
        place += seen <= place
    return place
