"""Tables for people: numbers with six digits, durations in words, colours, and no more columns than the terminal has room for."""

from __future__ import annotations

import datetime
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

_DIGITS = ".6g"
_SHORTEST_TEXT = 12
"""Characters that a column of text keeps, however narrow the terminal is."""
_GAP = 2  # spaces between two columns
_HEADER = 2  # spaces that a column has room for beside its header
_COLOURS = {"COMPLETE": "32", "PRUNED": "33", "FAIL": "31", "RUNNING": "36", "PAUSED": "35", "WAITING": "2"}
"""Colours of states, as parameters of the escape sequence of a terminal."""


@attrs.frozen
class Look:
    """How a table is shown.

    Attributes:
        width: How many characters a line may have; None for any number.
        colour: Whether states have colours.
    """

    width: int | None = None
    colour: bool = False


def look_of_output(max_width: int | None = None, *, fit: bool = False) -> Look:
    """Return how tables look on standard output: fitted and coloured on a terminal, and neither in a file or a pipe.

    The environment variable NO_COLOR, with any value, turns colours off.

    Args:
        max_width: The width to fit; less than 1 for any width. By default ``CLIFF_MAX_TERM_WIDTH``, as in Optuna.
        fit: Fit the width of the terminal although the output goes elsewhere.
    """
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    if max_width is None and (from_environment := os.environ.get("CLIFF_MAX_TERM_WIDTH", "")).isdecimal():
        max_width = int(from_environment)
    if max_width is not None:
        width = max_width if max_width > 0 else None
    else:
        fit = fit or is_terminal or os.environ.get("CLIFF_FIT_WIDTH") == "1"
        width = shutil.get_terminal_size().columns if fit else None
    return Look(width, is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    look: Look,
    as_text: Callable[[Any], str],
) -> str:
    """Return a table, without columns that are empty.

    If it has no room, long texts are cut first, and then the last columns are left out, which a last line names.

    Args:
        headers: The name of each column.
        rows: One cell for each column; None for an empty one.
        look: Its width and colours.
        as_text: Returns what is neither a float nor a time as text in one line.

    Example:
        >>> def _or_empty(cell):
        ...     return "" if cell is None else str(cell)
        >>> print(table(["n", "value"], [[0, 2 / 3], [10, None]], look=Look(), as_text=_or_empty), end="")
          n     value
        ---  --------
          0  0.666667
         10
    """
    shown = [i for i in range(len(headers)) if not rows or any(row[i] is not None for row in rows)]
    cells = {i: [_for_people(headers[i], row[i], as_text) for row in rows] for i in shown}
    names = {i: as_text(headers[i]) for i in shown}
    hidden: list[int] = []
    if look.width is not None:
        hidden = _fit(names, cells, look.width)
        shown = [i for i in shown if i not in hidden]
    if look.colour:
        for i in shown:
            if headers[i] == "state":
                cells[i] = [f"\x1b[{_COLOURS[cell]}m{cell}\x1b[0m" if cell in _COLOURS else cell for cell in cells[i]]
    from tabulate import tabulate

    text = tabulate(
        [[cells[i][k] for i in shown] for k in range(len(rows))],
        headers=[names[i] for i in shown],
        disable_numparse=True,
        colalign=["right" if _is_numeric([row[i] for row in rows]) else "left" for i in shown] if rows else None,
    )
    lines = [line.rstrip() for line in text.splitlines()]
    if hidden:
        lines.append(f"(no room for {', '.join(names[i] for i in hidden)}: choose with --columns, or use -f csv)")
    return "".join(f"{line}\n" for line in lines)


def duration_in_words(seconds: float) -> str:
    """Return a duration with the units that matter.

    Example:
        >>> [duration_in_words(seconds) for seconds in (0.0123, 1.25, 75.4, 3725, 90000)]
        ['12 ms', '1.25 s', '1 min 15 s', '1 h 2 min', '1 d 1 h']
    """
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.995:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for unit, size, part, small in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // small} {part}"
    return f"{whole} s"


def _fit(names: Mapping[int, str], cells: Mapping[int, list[str]], width: int) -> list[int]:
    """Shorten `cells` in place until they fit into `width`, and return the columns that have no room even so."""
    widths = {i: max(len(names[i]) + _HEADER, *map(len, cells[i])) for i in cells}
    longest = {i: max(map(len, cells[i]), default=0) for i in cells}
    for i in sorted(cells, key=lambda i: -longest[i]):
        over = sum(widths.values()) + _GAP * (len(widths) - 1) - width
        room = max(widths[i] - over, _SHORTEST_TEXT, len(names[i]) + _HEADER)
        if over > 0 and longest[i] > room and any(not _looks_numeric(cell) for cell in cells[i]):
            cells[i][:] = [cell if len(cell) <= room else f"{cell[: room - 1]}…" for cell in cells[i]]
            widths[i] = max(len(names[i]) + _HEADER, *map(len, cells[i]))
    hidden: list[int] = []
    while len(widths) > 1 and sum(widths.values()) + _GAP * (len(widths) - 1) > width:
        last = max(widths)
        del widths[last]
        hidden.insert(0, last)
    return hidden


def _for_people(header: str, cell: Any, as_text: Callable[[Any], str]) -> str:
    if isinstance(cell, datetime.datetime):
        return f"{cell:%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, float):
        return duration_in_words(cell) if header == "duration" else f"{cell:{_DIGITS}}"
    return as_text(cell)


def _is_numeric(cells: Sequence[Any]) -> bool:
    return all(cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)) for cell in cells)


def _looks_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not text
    return True
