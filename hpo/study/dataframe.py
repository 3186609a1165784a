"""Trials as a pandas data frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hpo.core import FrozenTrial, StudyState
from hpo.errors import InvalidArgument, InvalidType, MissingExtra

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_FIELDS = (
    "number",
    "value",
    "datetime_start",
    "datetime_complete",
    "duration",
    "params",
    "user_attrs",
    "system_attrs",
    "state",
)
_FIELDS = (
    *DEFAULT_FIELDS,
    "values",
    "distributions",
    "constraints",
    "intermediate_values",
    "reason",
    "last_step",
    "worker",
    "sem",
    "cost",
    "checkpoint",
    "parent",
)


def trials_dataframe(state: StudyState, attrs: Sequence[str] | None, *, multi_index: bool) -> pd.DataFrame:
    """Return the trials of `state` as a pandas data frame, as `Study.trials_dataframe` describes."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtra("trials_dataframe", "pandas") from error
    if isinstance(attrs, str):
        raise InvalidType(f"attrs is a sequence of fields, got {attrs!r}: use [{attrs!r}]")
    fields = DEFAULT_FIELDS if attrs is None else tuple(attrs)
    unknown = [field for field in fields if field not in _FIELDS]
    if unknown:
        raise InvalidArgument(f"a trial has no field {unknown[0]!r}: there are {', '.join(_FIELDS)}")
    values = "value" if len(state.directions) == 1 else "values"
    fields = tuple(dict.fromkeys(values if field in ("value", "values") else field for field in fields))
    rows = [dict(_cells(state, trial, fields)) for trial in state.trials]
    seen = dict.fromkeys(column for row in rows for column in row)
    columns = sorted(
        seen, key=lambda column: fields.index(column[0])
    )  # by field; the columns of one field in the order in which they were met
    if not columns:
        return pd.DataFrame()
    table = {column: [row.get(column) for row in rows] for column in columns}
    frame = pd.DataFrame({_flat(column): cells for column, cells in table.items()})
    if multi_index:
        frame.columns = pd.MultiIndex.from_tuples(columns)
    return frame


def _cells(state: StudyState, trial: FrozenTrial, fields: Sequence[str]) -> Iterator[tuple[tuple[str, Any], Any]]:
    for field in fields:
        if field in ("value", "values"):
            columns: list[tuple[str, Any]] = _value_columns(state, field)
            yield from zip(columns, trial.values or [None] * len(columns), strict=True)
            continue
        content = getattr(trial, field)
        if field == "state":
            yield (field, ""), content.name
        elif field in ("params", "user_attrs", "system_attrs", "distributions", "constraints", "intermediate_values"):
            yield from (((field, str(key)), value) for key, value in content.items())
        else:
            yield (field, ""), content


def _value_columns(state: StudyState, field: str) -> list[tuple[str, Any]]:
    n = len(state.directions)
    return [(field, name) for name in state.metric_names or (("",) if n == 1 else range(n))]


def _flat(column: tuple[str, Any]) -> str:
    return "_".join(str(part) for part in column if part != "")
