"""Trials and tables for people: one line of text, or a small piece of HTML for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_LONGEST = 60  # characters of a value or a reason
_MOST_PARAMS = 12  # parameters in a line
_LINE = "1px solid rgba(128,128,128,.35)"  # visible on light and on dark ground
_COLOURS = {
    "complete": "#1f9d57",
    "pruned": "#b7791f",
    "fail": "#d64545",
    "running": "#2b86c5",
    "paused": "#9a5fc9",
    "waiting": "#808080",
}
"""Colours of states, with enough contrast on white and on black. Everything else has the notebook's own colours."""


def shortened(value: Any) -> str:
    """Return a value in a few characters: floats with six digits, and the beginning of a long text.

    Example:
        >>> shortened(2 / 3), shortened("adam"), shortened(None), len(shortened("x" * 1000))
        ('0.666667', "'adam'", 'None', 60)
    """
    text = f"{value:.6g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def rounded(value: Any) -> Any:
    """Return a value for a log line: floats with six digits, also inside of dicts, lists and tuples.

    Example:
        >>> rounded({"lr": 0.0012345678, "layers": 3, "sizes": [1 / 3]})
        {'lr': 0.00123457, 'layers': 3, 'sizes': [0.333333]}
    """
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([rounded(item) for item in value])
    return value


def result_in_words(values: Sequence[float] | None) -> str:
    """Return the values of a trial, or an empty string if it has none.

    Example:
        >>> result_in_words([2 / 3]), result_in_words([1.0, 2.0]), result_in_words(None)
        ('0.666667', '(1, 2)', '')
    """
    if values is None:
        return ""
    shown = ", ".join(map(shortened, values))
    return shown if len(values) == 1 else f"({shown})"


def params_in_words(params: Mapping[str, Any]) -> str:
    """Return parameters as they would be written in a call.

    Example:
        >>> params_in_words({"lr": 0.001, "opt": "adam"})
        "lr=0.001, opt='adam'"
    """
    shown = [f"{name}={shortened(value)}" for name, value in [*params.items()][:_MOST_PARAMS]]
    return ", ".join([*shown, "..."] if len(params) > _MOST_PARAMS else shown)


def as_html(title: str, facts: Iterable[str], rows: Sequence[Mapping[str, Any]] = (), more: str = "") -> str:
    """Return a title, a line of facts and a table as HTML, which has no style but lines and the colours of states.

    All texts are escaped.

    Args:
        title: What it is.
        facts: Short texts, which stand in one line.
        rows: The cells of each row by column, where None is an empty one; ``state`` is coloured, and a row with a true ``best`` is bold.
        more: What stands below the table, such as how many rows are not shown.
    """
    columns = dict.fromkeys(name for row in rows for name in row if name != "best" and row[name] is not None)
    line = " · ".join(map(html.escape, facts))
    text = f'<div style="font-size:90%;line-height:1.4"><b>{html.escape(title)}</b><br>{line}'
    if rows:
        head = "".join(
            f'<th style="text-align:left;padding:1px 10px 1px 0">{html.escape(name)}</th>' for name in columns
        )
        body = "".join(f"<tr>{''.join(_cell(row, name) for name in columns)}</tr>" for row in rows)
        style = "border-collapse:collapse;margin:4px 0;color:inherit;background:none"
        text += f'<table style="{style}"><thead><tr style="border-bottom:{_LINE}">{head}</tr></thead><tbody>{body}</tbody></table>'
    return f"{text}{html.escape(more)}</div>"


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    text = (
        "" if value is None else value if isinstance(value, str) and name in {"state", "reason"} else shortened(value)
    )
    style = "text-align:left;padding:1px 10px 1px 0;background:none"
    if name == "state":
        style += f";color:{_COLOURS.get(text, 'inherit')}"
    if row.get("best"):
        style += ";font-weight:bold"
    return f'<td style="{style}">{html.escape(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")}</td>'
