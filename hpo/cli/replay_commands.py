"""Commands that replay journals: explain a trial, verify a study, and fork it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hpo.cli.options import (
    format_option,
    name_taken,
    open_study,
    opened_storage,
    pruner_from,
    pruner_options,
    sampler_from,
    sampler_options,
    storage_argument,
    study_options,
)
from hpo.cli.output import Record, print_out, visible, written, written_alone
from hpo.errors import DuplicatedStudyError

if TYPE_CHECKING:
    from hpo.journal.storage import Storage
    from hpo.study.replaying.explanation import Explanation
    from hpo.study.replaying.verification import Verification

_COLUMNS = ["what", "computed_again", "equal"]


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
    help="Output format.",
)
def explain(storage: Storage, study_name: str | None, number: int, style: str) -> None:
    """Explain where a trial's parameters came from.

    Prints the sampler that suggested them, the rule that it applied, and how good it expected them to be, as
    recorded at that time; then the decisions to stop, pause, resume or fork the trial, with their reasons.
    """
    from hpo.study.replaying.explanation import explain as explained

    explanation = explained(open_study(storage, study_name), number)
    if style == "text":
        print_out("".join(f"{visible(line)}\n" for line in str(explanation).split("\n")))
    else:
        print_out(written_alone(_explanation_record(explanation), columns=(), style=style))


def _explanation_record(explanation: Explanation) -> Record:
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
        "decisions": [
            {
                "decision": each.decision,
                "advisor": None if each.advisor is None else each.advisor.name,
                "reason": each.reason,
            }
            for each in explanation.decisions
        ],
    }


@click.command("verify")
@storage_argument
@study_options
@sampler_options
@pruner_options
@format_option("table")
@click.pass_context
def verify(
    context: click.Context,
    storage: Storage,
    study_name: str | None,
    sampler: str | None,
    sampler_kwargs: str | None,
    pruner: str | None,
    pruner_kwargs: str | None,
    style: str,
) -> None:
    """Recompute suggestions and compare them.

    Every suggestion, pruning decision and promotion is computed again and compared with the journal. STORAGE can be given
    instead of --storage. Without --sampler and --pruner, the ones recorded in the journal are used. The exit code is 1
    if anything differs.
    """
    from hpo.study.replaying.verification import verify as verified

    study = open_study(storage, study_name)
    result = verified(study, sampler_from(sampler, sampler_kwargs), pruner_from(pruner, pruner_kwargs))
    print_out(written(_records(result), columns=_COLUMNS, style=style))
    if result.n_skipped:
        click.echo(f"hpo: {result.n_skipped} were skipped: {visible('; '.join(result.skipped_because))}", err=True)
    difference = result.first_difference
    if difference is not None:
        what = f"its {difference.kind}" if difference.parameter is None else f"parameter {difference.parameter!r}"
        click.echo(
            f"hpo: the first difference is in trial {difference.trial}, {what}: the journal has "
            f"{difference.recorded!r}, computed again it is {difference.computed!r}. Likely cause: {difference.cause}",
            err=True,
        )
        context.exit(1)


def _records(result: Verification) -> list[dict[str, object]]:
    records: list[dict[str, object]] = [
        {"what": "suggestions", "computed_again": result.n_suggestions, "equal": result.n_suggestions_equal},
        {"what": "pruning decisions", "computed_again": result.n_decisions, "equal": result.n_decisions_equal},
    ]
    if result.n_promotions:
        records.append(
            {"what": "promotions", "computed_again": result.n_promotions, "equal": result.n_promotions_equal}
        )
    return records


@click.command("fork")
@study_options
@click.option("--to", "new_name", metavar="NAME", required=True, help="The name of the fork.")
@click.option("--at", type=int, metavar="VERSION", help="Number of events to copy; all by default.")
@click.option(
    "--before-trial", type=int, metavar="NUMBER", help="Copy the events before this trial started, instead of --at."
)
@click.option("--to-storage", metavar="PLACE", help="Storage of the fork; by default that of the study.")
def fork(
    storage: Storage,
    study_name: str | None,
    new_name: str,
    at: int | None,
    before_trial: int | None,
    to_storage: str | None,
) -> None:
    """Create a study from another's events.

    Prints the name of the fork. It continues exactly as the original did or would have, unless it is run with another
    sampler or pruner.
    """
    if at is not None and before_trial is not None:
        raise click.UsageError("give either --at or --before-trial")
    study = open_study(storage, study_name)
    target = None if to_storage is None else opened_storage(to_storage)
    try:
        forked = study.fork(new_name, at=at, before_trial=before_trial, storage=target)
    except DuplicatedStudyError as error:
        raise name_taken(error, "--to") from error
    print_out(f"{forked.study_name}\n")
