"""What commands that list something have in common: which records, which columns, in what order, in what style."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import click

from hpo.cli.output import FORMATS, Record, Style, print_out, visible, written
from hpo.cli.tables import look_of_output
from hpo.errors import InvalidArgument

F = TypeVar("F", bound=Callable[..., Any])


@attrs.frozen
class Listing:
    """How a list is shown; the attributes are the options of `listing_options`."""

    style: str
    columns: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    limit: int | None = None
    max_width: int | None = None
    fit_width: bool = False
    print_empty: bool = False
    noindent: bool = False
    quote: str = "minimal"
    flatten: bool = False

    def show(self, records: Sequence[Record], columns: Sequence[str]) -> None:
        """Print `records`, with `columns` where the style has some and none were chosen.

        Raises:
            InvalidArgument: there is no column of a chosen name.
        """
        entries = [flat(record) for record in records]
        order = [*range(len(records))]
        for name in reversed(self.sort):
            order = _sorted(order, entries, name)
        if self.limit is not None:
            order = order[: self.limit] if self.limit >= 0 else order[self.limit :]
        chosen = [name for given in self.columns for name in given.split(",") if name]
        if chosen:
            names = _named(chosen, entries)
            shown: list[Record] = [{name: entries[i].get(name) for name in names} for i in order]
            columns = names
        else:
            nested = not self.flatten or self.style not in {"json", "yaml"}
            shown = [records[i] if nested else entries[i] for i in order]
        style = Style(look_of_output(self.max_width, fit=self.fit_width), self.quote, self.noindent)
        print_out(written(shown, columns=columns, style=self.style, details=style))


def listing_options(default: str) -> Callable[[F], F]:
    """Give a command the options of `Listing`, and with them the argument ``listing``."""

    def add(command: F) -> F:
        @functools.wraps(command)
        def gathered(*args: Any, **given: Any) -> Any:
            taken = {name: given.pop(name) for name in _NAMES}
            return command(*args, listing=Listing(**taken), **given)

        for option in reversed(_options(default)):
            gathered = option(gathered)
        return gathered  # type: ignore[return-value]

    return add


_NAMES = tuple(field.name for field in attrs.fields(Listing))


def _options(default: str) -> list[Callable[[Any], Any]]:
    return [
        click.option(
            "-f",
            "--format",
            "style",
            type=click.Choice(FORMATS),
            default=default,
            show_default=True,
            help="Output format.",
        ),
        click.option(
            "-c",
            "--columns",
            "--column",
            "columns",
            metavar="NAMES",
            multiple=True,
            help="Columns to show, such as number,value,params.",
        ),
        click.option(
            "--sort",
            "--sort-column",
            "sort",
            metavar="NAME",
            multiple=True,
            help="Sort by this column; -NAME for the largest first.",
        ),
        click.option("--limit", type=int, metavar="N", help="Show the first N only; the last ones if N is negative."),
        click.option(
            "--max-width", type=int, metavar="N", help="Width of a table; 0 for any.  [default: the terminal's]"
        ),
        click.option("--fit-width", is_flag=True, help="Fit the terminal although the output goes elsewhere."),
        click.option("--print-empty", is_flag=True, help="Show the header of an empty table, which is always done."),
        click.option("--noindent", is_flag=True, help="Write JSON in one line."),
        click.option(
            "--quote",
            type=click.Choice(["all", "minimal", "none", "nonnumeric"]),
            default="minimal",
            show_default=True,
            help="What to quote in CSV.",
        ),
        flatten_option,
    ]


def flatten_option(command: F) -> F:
    """Give `command` the option ``--flatten``, and with it the argument ``flatten``."""
    return click.option("--flatten", is_flag=True, help="In JSON and YAML, write params_x instead of params with x.")(
        command
    )


def flat(record: Record) -> dict[str, Any]:
    """Return a record in which each entry of a dict or list has a name of its own: ``params_x``, ``values_0``."""
    flat: dict[str, Any] = {}
    for name, cell in record.items():
        if isinstance(cell, Mapping):
            flat |= {f"{name}_{key}": item for key, item in cell.items()}
        elif isinstance(cell, list | tuple) and name == "values":
            flat |= {f"{name}_{i}": item for i, item in enumerate(cell)}
        else:
            flat[name] = cell
    return flat


def _named(chosen: Sequence[str], entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns that were chosen; ``params`` stands for all parameters."""
    known = list(dict.fromkeys(name for record in entries for name in record))
    found: dict[str, None] = {}
    for name in chosen:
        group = [each for each in known if each.startswith(f"{name}_")]
        if entries and name not in known and not group and name not in _GROUPS:
            raise InvalidArgument(f"there is no column {name!r}: there are {', '.join(map(visible, known))}")
        found |= dict.fromkeys([name] if name in known or not entries else group)
    return [*found]


_GROUPS = ("params", "values", "user_attrs", "constraints", "intermediate_values", "metrics")
"""Columns that may have no entry in any record."""


def _sorted(order: Sequence[int], entries: Sequence[Mapping[str, Any]], name: str) -> list[int]:
    """Return `order` sorted by one column, where a record without a value is last."""
    descending = name.startswith("-") and not any(name in record for record in entries)
    column = name[1:] if descending else name
    if entries and not any(column in record for record in entries):
        click.echo(f"hpo: warning: there is no column {visible(column)!r} to sort by", err=True)
    there = [i for i in order if entries[i].get(column) is not None]
    rest = [i for i in order if entries[i].get(column) is None]
    return sorted(there, key=lambda i: _key(entries[i][column]), reverse=descending) + rest


def _key(cell: Any) -> tuple[int, Any]:
    if isinstance(cell, bool | int | float):
        return (0, cell) if cell == cell else (1, 0)  # NaN has no order, and comes after the numbers
    return (2, str(cell))
