"""Samplers and pruners with all kinds of options, drawn from the fields of their classes.

This module needs hypothesis: ``pip install 'purehpo[testing]'``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import attrs

from hpo.errors import InvalidArgument, MissingExtra
from hpo.testing._engine.isolation import hints_of, values_to_try

try:
    from hypothesis import reject, strategies as st
except ModuleNotFoundError as missing:
    raise MissingExtra("hpo.testing.options", "testing") from missing

T = TypeVar("T")


def configured(kind: type[T], **samples: Sequence[Any]) -> st.SearchStrategy[T]:
    """Return a strategy for instances of a frozen attrs class with all kinds of options; the simplest has the defaults.

    Each field is drawn from values of its annotated type (bools, numbers, None, and the strings of a ``Literal``) that
    the class accepts: its validators define the range. A field of another type keeps its default.

    Args:
        kind: The class.
        samples: Values by field that replace those that would be drawn: for functions, strings and other samplers.

    Raises:
        InvalidArgument: `kind` is not an attrs class, a name in `samples` is not one of its fields, or a field has
            neither samples nor a default.

    Example:
        >>> from hypothesis import find
        >>> from hpo.samplers import QMCSampler
        >>> find(configured(QMCSampler, qmc_type=["sobol", "halton"]), lambda sampler: sampler.qmc_type == "halton").qmc_type
        'halton'
    """
    make: Callable[..., T] = kind
    if not attrs.has(kind):
        raise InvalidArgument(f"configured draws the fields of an attrs class, got {kind!r}")
    fields: dict[str, attrs.Attribute[Any]] = {
        field.alias or field.name: field for field in attrs.fields(kind) if field.init
    }
    unknown = samples.keys() - fields.keys()
    if unknown:
        raise InvalidArgument(
            f"{kind.__name__} has the options {', '.join(fields)}, and no {', '.join(sorted(unknown))}"
        )
    lacking = [name for name, field in fields.items() if field.default is attrs.NOTHING and name not in samples]
    if lacking:
        raise InvalidArgument(f"{kind.__name__} needs {', '.join(lacking)}: give samples of it")
    required = {name: samples[name][0] for name, field in fields.items() if field.default is attrs.NOTHING}
    hints = hints_of(kind)
    options = {
        name: samples[name] if name in samples else _accepted(kind, required, name, hints.get(field.name))
        for name, field in fields.items()
    }
    return st.fixed_dictionaries(
        {name: st.sampled_from(options[name]) for name in required},
        optional={name: st.sampled_from(values) for name, values in options.items() if values and name not in required},
    ).map(partial(_made, make))


def _accepted(kind: type, required: Mapping[str, Any], name: str, hint: Any) -> list[Any]:
    """Return the values for a field that the class accepts while the other fields have their defaults."""
    accepted = []
    for value in values_to_try(hint):
        try:
            kind(**{**required, name: value})
        except (ValueError, TypeError):
            continue
        accepted.append(value)
    return accepted


def _made(make: Callable[..., T], drawn: Mapping[str, Any]) -> T:
    try:
        return make(**drawn)
    except (ValueError, TypeError):  # options that exclude each other
        return reject()
