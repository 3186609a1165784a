"""Spaces from the annotations of dataclasses and pydantic models."""

from __future__ import annotations

import dataclasses
import enum
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hpo.core import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution
from hpo.errors import HpoError, InvalidArgument, InvalidType

_BOUNDS = ("ge", "le", "gt", "lt", "multiple_of")
"""Attributes of what `annotated_types` and pydantic put into annotations."""


def distributions(source: type) -> dict[str, Distribution]:
    """Return the distribution of each field of a class by name, and of nested classes by ``outer.inner``.

    Raises:
        InvalidArgument: a field has no range or choices, or bounds that have no equal here.
    """
    found: dict[str, Distribution] = {}
    for name, annotation, metadata in _fields(source):
        if isinstance(annotation, type) and (
            dataclasses.is_dataclass(annotation) or hasattr(annotation, "model_fields")
        ):
            found |= {f"{name}.{inner}": each for inner, each in distributions(annotation).items()}
            continue
        try:
            found[name] = _distribution(annotation, metadata)
        except HpoError as error:
            raise InvalidArgument(f"field {name!r} of {source.__name__}: {error}") from None
    return found


def _fields(source: type) -> Iterator[tuple[str, Any, list[Any]]]:
    """Yield the name, the type and the metadata of each field."""
    if hasattr(source, "model_fields"):  # pydantic takes the metadata out of the annotation
        for name, field in source.model_fields.items():
            yield name, field.annotation, list(field.metadata)
        return
    try:
        hints = typing.get_type_hints(source, include_extras=True)
    except NameError as error:  # annotations that are strings are looked up in the module
        raise InvalidType(
            f"the annotations of {source.__name__} can't be read, because {error}: define it in a module"
        ) from None
    for field in dataclasses.fields(source):
        hint = hints[field.name]
        yield (
            field.name,
            getattr(hint, "__origin__", hint) if _is_annotated(hint) else hint,
            [*getattr(hint, "__metadata__", ())],
        )


def _is_annotated(hint: Any) -> bool:
    return hasattr(hint, "__metadata__")


def _distribution(annotation: Any, metadata: Iterable[Any]) -> Distribution:
    for each in metadata:
        if isinstance(each, FloatDistribution | IntDistribution | CategoricalDistribution):
            return each
    if annotation is bool:
        return CategoricalDistribution([False, True])
    if typing.get_origin(annotation) is typing.Literal:
        return CategoricalDistribution(typing.get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum) and issubclass(annotation, str | int):
        return CategoricalDistribution([member.value for member in annotation])
    bounds = _bounds(metadata)
    if annotation is int:
        return _int(bounds)
    if annotation is float:
        return _float(bounds)
    raise InvalidArgument(
        f"{annotation!r} has no range: annotate it as Annotated[float, hpo.FloatDistribution(0, 1)], or as a bool or a Literal"
    )


def _bounds(metadata: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in metadata:
        found |= {name: value for name in _BOUNDS if (value := getattr(each, name, None)) is not None}
    return found


def _int(bounds: Mapping[str, Any]) -> IntDistribution:
    low: Any = bounds["gt"] + 1 if "gt" in bounds else bounds.get("ge")
    high: Any = bounds["lt"] - 1 if "lt" in bounds else bounds.get("le")
    _check(low, high, "Annotated[int, hpo.IntDistribution(1, 8)]")
    return IntDistribution(low, high, step=_step(low, bounds))


def _float(bounds: Mapping[str, Any]) -> FloatDistribution:
    if open_ends := [name for name in ("gt", "lt") if name in bounds]:
        raise InvalidArgument(
            f"{open_ends[0]}={bounds[open_ends[0]]} leaves out the end of a range of floats: use ge and le"
        )
    low, high = bounds.get("ge"), bounds.get("le")
    _check(low, high, "Annotated[float, hpo.FloatDistribution(0, 1)]")
    return FloatDistribution(low, high, step=_step(low, bounds) if "multiple_of" in bounds else None)  # type: ignore[arg-type]


def _check(low: Any, high: Any, example: str) -> None:
    if low is None or high is None:
        raise InvalidArgument(
            f"it has no {'lower' if low is None else 'upper'} bound: annotate it with both, or as {example}"
        )


def _step(low: Any, bounds: Mapping[str, Any]) -> Any:
    step = bounds.get("multiple_of", 1)
    if low % step:
        raise InvalidArgument(f"the lower bound {low} is not a multiple of {step}, from which values would be counted")
    return step
