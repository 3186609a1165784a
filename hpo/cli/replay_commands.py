"""Commands that replay journals: prove a study, and fork it."""

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
from hpo.cli.output import print_out, visible, written
from hpo.errors import DuplicatedStudyError

if TYPE_CHECKING:
    from hpo.journal.storage import Storage
    from hpo.study.replaying.verification import Verification

_COLUMNS = ["what", "computed_again", "equal"]


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
    """Compute a study's suggestions again.

    STORAGE is where the study is, instead of --storage. Every suggestion and every pruning decision is compared with the journal. Without --sampler and --pruner, those that the journal names are asked. Ends with 1 if anything came out otherwise.
    """
    from hpo.study.replaying.verification import verify as verified

    study = open_study(storage, study_name)
    result = verified(study, sampler_from(sampler, sampler_kwargs), pruner_from(pruner, pruner_kwargs))
    print_out(written(_records(result), columns=_COLUMNS, style=style))
    if result.n_skipped:
        click.echo(f"hpo: {result.n_skipped} were left out: {visible('; '.join(result.skipped_because))}", err=True)
    difference = result.first_difference
    if difference is not None:
        what = "its pruning decision" if difference.parameter is None else f"parameter {difference.parameter!r}"
        click.echo(
            f"hpo: the first difference is in trial {difference.trial}, {what}: the journal has "
            f"{difference.recorded!r}, computed again it is {difference.computed!r}. Likely cause: {difference.cause}",
            err=True,
        )
        context.exit(1)


def _records(result: Verification) -> list[dict[str, object]]:
    return [
        {"what": "suggestions", "computed_again": result.n_suggestions, "equal": result.n_suggestions_equal},
        {"what": "pruning decisions", "computed_again": result.n_decisions, "equal": result.n_decisions_equal},
    ]


@click.command("fork")
@study_options
@click.option("--to", "new_name", metavar="NAME", required=True, help="The name of the fork.")
@click.option("--at", type=int, metavar="VERSION", help="How many events to take over; all if not given.")
@click.option("--before-trial", type=int, metavar="NUMBER", help="Take over everything before this trial, instead.")
@click.option("--to-storage", metavar="PLACE", help="Where the fork goes; beside the study if not given.")
def fork(
    storage: Storage,
    study_name: str | None,
    new_name: str,
    at: int | None,
    before_trial: int | None,
    to_storage: str | None,
) -> None:
    """Begin a study with another's events.

    Prints the name of the new one. It goes on as the other did or would have, unless it is run with another sampler or pruner.
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
