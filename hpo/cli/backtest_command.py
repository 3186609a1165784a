"""The command that tries pruners and stopping rules on a study that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import click

from hpo.cli.options import format_option, open_study, storage_argument, study_options
from hpo.cli.output import Record, print_out, written
from hpo.errors import InvalidArgument

if TYPE_CHECKING:
    from hpo.journal.storage import Storage
    from hpo.registration import Registry

_COLUMNS = [
    "name",
    "saved",
    "saved_low",
    "saved_high",
    "steps",
    "stopped",
    "lost",
    "lost_low",
    "lost_high",
    "best_value",
]


@click.command("backtest")
@storage_argument
@study_options
@click.option(
    "--pruner",
    "pruners",
    multiple=True,
    metavar="NAME",
    help="A pruner, or one with options: 'MedianPruner {\"n_startup_trials\": 9}'. May be given several times. "
    "[default: all that need no options]",
)
@click.option(
    "--stop", "rules", multiple=True, metavar="NAME", help="A stopping rule: 'NoImprovement {\"patience\": 20}'."
)
@format_option("table")
def backtest(
    storage: Storage, study_name: str | None, pruners: tuple[str, ...], rules: tuple[str, ...], style: str
) -> None:
    """Try pruners and stopping rules on a finished study.

    Prints the share of steps that each would have saved, how many trials it would have stopped, how many of those were better
    than the best one that it would have left, and the best value left; intervals of 95 %.
    """
    from hpo.pruners.registry import PRUNERS
    from hpo.stopping.registry import STOPPING_RULES
    from hpo.study.replaying.backtest import backtest as backtested

    chosen = {text: _made(text, PRUNERS) for text in pruners}
    if not pruners and not rules:
        chosen = {entry.name: pruner for entry, pruner in PRUNERS.made_without_options()}
    found = backtested(open_study(storage, study_name), chosen, {text: _made(text, STOPPING_RULES) for text in rules})
    records: list[Record] = []
    for row in found.rows:
        record: dict[str, Any] = attrs.asdict(row)
        record["saved_low"], record["saved_high"] = record.pop("saved_interval")
        record["lost_low"], record["lost_high"] = record.pop("lost_interval")
        records.append({name: record[name] for name in _COLUMNS})
    print_out(written(records, columns=_COLUMNS, style=style))


def _made(text: str, registry: Registry) -> Any:
    """Return the pruner or rule of a name, which options as JSON may follow."""
    from hpo.cli.loading import created, json_object

    name, brace, options = text.partition("{")
    if not name.strip():
        raise InvalidArgument(f"a name comes before the options, got {text!r}")
    given = json_object(f"{{{options}", "the options", like='{"patience": 20}') if brace else None
    return created(name.strip(), given, registry)
