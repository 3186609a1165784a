"""Studies and trials as Optuna's files describe them, before they are translated."""

from __future__ import annotations

import json
from typing import Any

import attrs

from hpo.errors import InvalidArgument


@attrs.define
class OptunaTrial:
    """A trial as Optuna stores it.

    Attributes:
        state: ``"RUNNING"``, ``"COMPLETE"``, ``"PRUNED"``, ``"FAIL"`` or ``"WAITING"``.
        values: One number per objective, or None.
        params: By name: the number that stands for the value, and the distribution as a JSON string.
        user_attrs: What users attached.
        system_attrs: What Optuna itself attached, such as constraints, enqueued values and notes of samplers.
        intermediate_values: Numbers by step, in the order reported.
        started_at: Seconds since 1970, or None.
        finished_at: Seconds since 1970, or None.
    """

    state: str
    values: list[float] | None = None
    params: dict[str, tuple[float, str]] = attrs.Factory(dict)
    user_attrs: dict[str, Any] = attrs.Factory(dict)
    system_attrs: dict[str, Any] = attrs.Factory(dict)
    intermediate_values: dict[int, float] = attrs.Factory(dict)
    started_at: float | None = None
    finished_at: float | None = None


@attrs.define
class OptunaStudy:
    """A study as Optuna stores it.

    Attributes:
        name: Its name.
        directions: ``"NOT_SET"``, ``"MINIMIZE"`` or ``"MAXIMIZE"`` per objective.
        user_attrs: What users attached.
        system_attrs: What Optuna itself attached, such as metric names and states of samplers.
        trials: Trials by number; None if there is no trial of a number.
    """

    name: str
    directions: list[str]
    user_attrs: dict[str, Any] = attrs.Factory(dict)
    system_attrs: dict[str, Any] = attrs.Factory(dict)
    trials: list[OptunaTrial | None] = attrs.Factory(list)


def json_value(text: str, what: str) -> Any:
    """Return the value of a JSON string, which may contain NaN and Infinity as Python writes them.

    Raises:
        InvalidArgument: it is not JSON; the message names it as `what`.
    """
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArgument(f"{what} is not JSON: {error}") from None
