"""Trials and studies as records, and records as text: tables for people, other formats for programs."""

from __future__ import annotations

import datetime
import errno
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from hpo.cli.tables import Look, look_of_output, table
from hpo.core import FrozenTrial, StudyState, best_or_none, to_number

Record: TypeAlias = Mapping[str, Any]
"""Fields by name: None, bool, int, float, str, datetime, and lists and dicts of them."""


ASKED_COLUMNS = ("number", "params_")
STUDY_COLUMNS = ("name", "directions", "n_trials", "best_value", "datetime_start", "user_attrs_")


def asked_record(trial: FrozenTrial) -> Record:
    """Return what is needed to evaluate a trial: its number and parameters."""
    return {"number": trial.number, "params": dict(trial.params)}


def trial_record(state: StudyState, trial: FrozenTrial) -> Record:
    """Return a trial of `state` as a record."""
    return {
        "number": trial.number,
        "state": trial.state.name,
        **_result(state, trial),
        "params": dict(trial.params),
        "constraints": dict(trial.constraints),
        "user_attrs": dict(trial.user_attrs),
        "intermediate_values": dict(trial.intermediate_values),
        "reason": trial.reason,
        **({} if trial.sem is None else {"sem": list(trial.sem)}),
        **({} if trial.cost is None else {"cost": trial.cost}),
        **({} if not trial.metrics else {"metrics": {step: dict(by_name) for step, by_name in trial.metrics.items()}}),
        "checkpoint": trial.checkpoint,
        "parent": trial.parent,
        "datetime_start": _local_time(trial.started_at),
        "datetime_complete": _local_time(trial.finished_at),
        "duration": None if trial.duration is None else round(trial.duration.total_seconds(), 3),
    }


def trial_columns(state: StudyState, style: str) -> tuple[str, ...]:
    """Return the columns of the trials of `state`. Intermediate values are too many for a row."""
    columns = (
        "number",
        "state",
        "value" if len(state.directions) == 1 else "values_",
        "params_",
        "constraints_",
        "user_attrs_",
        "reason",
        "datetime_start",
        "datetime_complete",
        "duration",
    )
    # people see from the duration when a trial ended
    return tuple(name for name in columns if name != "datetime_complete" or style != "table")


def study_record(state: StudyState) -> Record:
    """Return a summary of a study as a record."""
    starts = [trial.started_at for trial in state if trial.started_at is not None]
    best = best_or_none(state) if len(state.directions) == 1 else None
    return {
        "name": state.name,
        "directions": list(state.directions),
        "metric_names": None if state.metric_names is None else list(state.metric_names),
        "n_trials": state.n_trials,
        "n_trials_by_state": _counts(state),
        "best_value": None if best is None else best.value,
        "datetime_start": _local_time(min(starts, default=None)),
        "user_attrs": dict(state.user_attrs),
    }


def _counts(state: StudyState) -> dict[str, int]:
    """Return the number of trials in each state that some trial is in."""
    counts: dict[str, int] = {}
    for trial in state:
        counts[trial.state.name] = counts.get(trial.state.name, 0) + 1
    return counts


def _result(state: StudyState, trial: FrozenTrial) -> dict[str, Any]:
    """Return the value of a trial, or the values by name or in order if the study has several objectives."""
    if len(state.directions) == 1:
        return {"value": trial.value}
    if trial.values is None or state.metric_names is None:
        return {"values": None if trial.values is None else list(trial.values)}
    return {"values": dict(zip(state.metric_names, trial.values, strict=True))}


def _local_time(seconds: float | None) -> datetime.datetime | None:
    """Return a time in the local time zone."""
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).astimezone()


@attrs.frozen
class Style:
    """Details of the styles.

    Attributes:
        look: The width and colours of tables; by default those of standard output.
        quote: What CSV quotes: all, minimal, none or nonnumeric.
        one_line: Whether a list in JSON is one line.
    """

    look: Look | None = None
    quote: str = "minimal"
    one_line: bool = False


def written(records: Sequence[Record], *, columns: Sequence[str], style: str, details: Style = Style()) -> str:
    r"""Return `records` as text, with a newline at the end unless there is nothing to write.

    Args:
        records: What to write. JSON and YAML show all fields.
        columns: The fields that the other styles show, in order. Each entry of the field ``params`` has a column of its
            own, such as ``params_x``, if the name ``params_`` is given.
        style: One of `FORMATS`.
        details: How a table looks, what CSV quotes, and whether JSON is one line.

    Example:
        >>> written([{"number": 0, "params": {"x": 0.5}}], columns=["number", "params_"], style="csv")
        'number,params_x\n0,0.5\n'
    """
    return _WRITERS[style](records, columns, details)


def written_alone(record: Record, *, columns: Sequence[str], style: str) -> str:
    """Return one record as text: an object in JSON and YAML, not a list of one, and one row in the styles of `written`."""
    match style:
        case "json":
            return _json(record) + "\n"
        case "yaml":
            return "".join(f"{line}\n" for line in _yaml(record))
    return written([record], columns=columns, style=style)


def print_out(text: str) -> None:
    """Write `text` to standard output unchanged, while `click.echo` would remove escape sequences from it.

    Raises:
        OSError: the system refused it, or the process was started without standard output.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, "standard output is closed")
    sys.stdout.write(text)


def visible(text: str) -> str:
    r"""Return `text` in one line, with everything that a terminal would obey or hide as an escape sequence.

    Example:
        >>> visible("a\x1b[2Jb")
        'a\\x1b[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _table(records: Sequence[Record], columns: Sequence[str], details: Style) -> str:
    headers, rows = _grid(records, columns)
    return table(headers, rows, look=details.look or look_of_output(), as_text=lambda cell: visible(_plain(cell)))


def _csv(records: Sequence[Record], columns: Sequence[str], details: Style) -> str:
    headers, rows = _grid(records, columns)
    return "".join(_csv_line(row, details.quote) for row in [headers, *rows])


def _csv_line(cells: Iterable[Any], quote: str) -> str:
    """Return a line as in RFC 4180. The csv module would not quote a lone carriage return if lines end in a newline."""
    line = ",".join(_csv_cell(cell, quote) for cell in cells)
    return f"{line or _EMPTY_CELL}\n"


def _csv_cell(cell: Any, quote: str) -> str:
    text = _plain(cell)
    needs = quote == "all" or (quote == "nonnumeric" and not isinstance(cell, int | float))
    if quote != "none" and (needs or _CSV_SPECIAL.search(text)):
        return '"{}"'.format(text.replace('"', '""'))
    return text


_CSV_SPECIAL = re.compile('[,"\r\n]')
_EMPTY_CELL = '""'  # an empty line would not count as a row


def _values(records: Sequence[Record], columns: Sequence[str], details: Style) -> str:
    _, rows = _grid(records, columns)
    return "".join("\t".join(visible(_plain(cell)) for cell in row) + "\n" for row in rows)


def _json_list(records: Sequence[Record], columns: Sequence[str], details: Style) -> str:
    if details.one_line or not records:
        return _json(list(records)) + "\n"
    lines = ",\n".join(f"  {_json(record)}" for record in records)
    return f"[\n{lines}\n]\n"


def _yaml_list(records: Sequence[Record], columns: Sequence[str], details: Style) -> str:
    return "".join(f"{line}\n" for line in _yaml(records)) if records else "[]\n"


_WRITERS: Mapping[str, Callable[[Sequence[Record], Sequence[str], Style], str]] = {
    "table": _table,
    "json": _json_list,
    "csv": _csv,
    "value": _values,
    "yaml": _yaml_list,
}
FORMATS = tuple(_WRITERS)


def _grid(records: Sequence[Record], columns: Sequence[str]) -> tuple[list[str], list[list[Any]]]:
    """Return the headers, and one row of cells for each record, with None for a field that a record does not have."""
    flat = [{header: cell for column in columns for header, cell in _cells(record, column)} for record in records]
    headers: dict[str, None] = {}
    for column in columns:
        if not column.endswith("_"):
            headers[column] = None
            continue
        for record in records:
            headers |= dict.fromkeys(header for header, _ in _cells(record, column))
    return [*headers], [[record.get(header) for header in headers] for record in flat]


def _cells(record: Record, column: str) -> Iterator[tuple[str, Any]]:
    if not column.endswith("_"):
        yield column, record.get(column)
        return
    content = record.get(column[:-1]) or {}
    for name, cell in content.items() if isinstance(content, Mapping) else enumerate(content):
        yield f"{column}{name}", cell


def _plain(cell: Any) -> str:
    """Return a cell as text: strings unchanged, lists of strings joined with commas, anything else as JSON."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, list | tuple) and cell and all(isinstance(item, str) for item in cell):
        return ", ".join(cell)
    return _json(cell).strip('"') if isinstance(cell, float | datetime.datetime) else _json(cell)


def _json(value: Any) -> str:
    text = json.dumps(_json_tree(value), ensure_ascii=False, allow_nan=False)
    return _NOT_PRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_NOT_PRINTABLE = re.compile(
    "[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""Characters that JSON allows in strings, but that YAML forbids or terminals obey."""


def _json_tree(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _json_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_tree(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, float) and not math.isfinite(value):
        return to_number(value)
    return value


def _yaml(value: Any) -> list[str]:
    """Return the lines of a value in block style, with scalars that YAML 1.1 and 1.2 read alike."""
    if isinstance(value, Mapping) and value:
        return [line for key, item in value.items() for line in _yaml_entry(_yaml_key(str(key)), item)]
    if isinstance(value, list | tuple) and value:
        return [line for item in value for line in _indented("- ", _yaml(item))]
    return [_yaml_scalar(value)]


def _yaml_entry(key: str, item: Any) -> list[str]:
    if len(key) > _LONGEST_SIMPLE_KEY:
        return [f"? {key}", *_indented(": ", _yaml(item))]
    if isinstance(item, Mapping | list | tuple) and item:
        return [f"{key}:", *(f"  {line}" for line in _yaml(item))]
    return [f"{key}: {_yaml_scalar(item)}"]


def _indented(mark: str, lines: Sequence[str]) -> list[str]:
    return [f"{mark}{lines[0]}", *(f"  {line}" for line in lines[1:])]


def _yaml_key(key: str) -> str:
    return key if _YAML_WORD.fullmatch(key) and key.lower() not in _YAML_CONSTANTS else _json(key)


def _yaml_scalar(value: Any) -> str:
    if isinstance(value, float):
        if not math.isfinite(value):
            return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}[str(value)]
        mantissa, mark, exponent = repr(value).partition("e")
        return (
            mantissa + (".0" if mark and "." not in mantissa else "") + mark + exponent
        )  # 1e-05 is a string in YAML 1.1, 1.0e-05 is a number
    return _json(value)


_LONGEST_SIMPLE_KEY = 1000  # YAML: 1024 characters, with the colon
_YAML_WORD = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_YAML_CONSTANTS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
