"""The command that says where a trial's parameters came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hpo.cli.options import open_study, study_options
from hpo.cli.output import Record, print_out, visible, written_alone

if TYPE_CHECKING:
    from hpo.journal.storage import Storage
    from hpo.study.replaying.explanation import Explanation


@click.command("explain")
@study_options
@click.option("--number", type=click.IntRange(min=0), required=True, help="The trial.")
@click.option(
    "-f",
    "--format",
    "style",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="How to write the result.",
)
def explain(storage: Storage, study_name: str | None, number: int, style: str) -> None:
    """Say where a trial's parameters came from.

    Who suggested them, by which rule, and how good they looked, as it was recorded then.
    """
    from hpo.study.replaying.explanation import explain as explained

    explanation = explained(open_study(storage, study_name), number)
    if style == "text":
        print_out("".join(f"{visible(line)}\n" for line in str(explanation).split("\n")))
    else:
        print_out(written_alone(_record(explanation), columns=(), style=style))


def _record(explanation: Explanation) -> Record:
    trial = explanation.trial
    return {
        "number": trial.number,
        "state": trial.state.name,
        "values": None if trial.values is None else list(trial.values),
        "enqueued": dict(explanation.enqueued),
        "added": explanation.added,
        "suggestions": [
            {
                "params": dict(each.params),
                "alone": each.lone,
                "sampler": None if each.sampler is None else each.sampler.name,
                "rule": each.rule,
                "acquisition": each.acquisition,
                "note": dict(each.note),
            }
            for each in explanation.suggestions
        ],
    }
