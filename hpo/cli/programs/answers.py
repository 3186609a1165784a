"""What a program says: reports and its result, as lines of JSON or as a file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|nan)", re.IGNORECASE)

Value: TypeAlias = Any
"""A number, a list of numbers, or numbers by metric name."""


@attrs.frozen
class Report:
    """An intermediate value, or several by metric name, at a step."""

    step: Any
    value: Value


@attrs.frozen
class Result:
    """The result of a trial, with its constraints and user attributes by name."""

    value: Value
    constraints: Mapping[str, Any] = attrs.field(factory=dict)
    user_attrs: Mapping[str, Any] = attrs.field(factory=dict)


def answer_in(text: str, metric_names: Sequence[str] = ()) -> Report | Result | None:
    """Return the report or the result in a line or file of JSON; None if it is neither.

    A number is a result, and so is a list of numbers. An object is one if it has ``"value"``, ``"values"`` or all of the
    `metric_names`; with a ``"step"`` it is a report. A result may have ``"constraints"`` and ``"user_attrs"``.

    Example:
        >>> answer_in('{"step": 3, "value": 0.5, "lr": 0.1}')
        Report(step=3, value=0.5)
        >>> answer_in('{"loss": 0.25, "epochs": 9}', ["loss"])
        Result(value={'loss': 0.25}, constraints={}, user_attrs={})
        >>> answer_in("0.25"), answer_in("epoch 3 of 10")
        (Result(value=0.25, constraints={}, user_attrs={}), None)
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return Result(float(text))
    if text[:1] not in {"{", "["}:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list):
        return Result(found) if found and all(isinstance(item, int | float) for item in found) else None
    if "value" in found or "values" in found:
        value = found["value"] if "value" in found else found["values"]
    elif metric_names and all(name in found for name in metric_names):
        value = {name: found[name] for name in metric_names}
    else:
        return None
    if "step" in found:
        return Report(found["step"], value)
    return Result(value, _object(found.get("constraints")), _object(found.get("user_attrs")))


def result_in(text: str, metric_names: Sequence[str] = ()) -> Result | None:
    r"""Return the result in a file: the whole of it, or its last line that is one; None if there is none.

    Example:
        >>> result_in('{\n  "value": 0.5\n}').value, result_in("x,y\n0.75\n").value, result_in("")
        (0.5, 0.75, None)
    """
    for part in (text, *reversed(text.splitlines())):
        answer = answer_in(part, metric_names)
        if isinstance(answer, Result):
            return answer
    return None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
