"""Commands for studies and their trials: create, list and delete studies; ask, tell, list trials, find the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

import hpo
from hpo.cli.creating import CommandWithLists, created_study, creation_options
from hpo.cli.listing import Listing, flat, flatten_option, listing_options
from hpo.cli.objectives import numbers_by_name
from hpo.cli.options import (
    continued_study,
    format_option,
    names_in,
    open_study,
    read_state,
    sampler_from,
    sampler_options,
    storage_option,
    study_name_option,
    study_options,
)
from hpo.cli.output import (
    ASKED_COLUMNS,
    STUDY_COLUMNS,
    asked_record,
    print_out,
    study_record,
    trial_columns,
    trial_record,
    written_alone,
)
from hpo.cli.spaces import space_option
from hpo.core import FrozenTrial, SearchSpace, StudyState, joint_space
from hpo.errors import DuplicatedStudyError, InvalidArgument

if TYPE_CHECKING:
    from hpo.journal.storage import Storage


@click.command("create-study", cls=CommandWithLists)
@storage_option
@study_name_option("Name of the study; a unique name by default.")
@creation_options
@click.option("--skip-if-exists", is_flag=True, help="Leave an existing study of this name as it is, without an error.")
def create_study(storage: Storage, study_name: str | None, skip_if_exists: bool, **facts: Any) -> None:
    """Create a study and print its name."""
    try:
        study = created_study(
            storage,
            study_name,
            facts,
            sampler=hpo.samplers.RandomSampler(),  # it is not used here, and is quick to import
            pruner=hpo.pruners.NopPruner(),
            load_if_exists=skip_if_exists,
        )
    except DuplicatedStudyError as error:
        raise InvalidArgument(
            f"a study named {error.study_name!r} exists in {error.storage}: "
            "choose another name, or leave it as it is with --skip-if-exists"
        ) from error
    print_out(f"{study.study_name}\n")


@click.command("delete-study")
@storage_option
@study_name_option("The study.", required=True)
def delete_study(storage: Storage, study_name: str) -> None:
    """Delete a study, without confirmation."""
    storage.delete(study_name)


@click.command("studies")
@storage_option
@listing_options("table")
def studies(storage: Storage, listing: Listing) -> None:
    """List the studies in a storage."""
    listing.show([study_record(read_state(storage, name)) for name in names_in(storage)], STUDY_COLUMNS)


@click.command("study-names")
@storage_option
@listing_options("value")
def study_names(storage: Storage, listing: Listing) -> None:
    """List the names of the studies."""
    listing.show([{"name": name} for name in names_in(storage)], ["name"])


@click.group("study")
def study() -> None:
    """Change a study."""


@study.command("set-user-attr")
@study_options
@click.option("-k", "--key", required=True, help="Name of the attribute.")
@click.option("-v", "--value", required=True, help="Value of the attribute, stored as a string.")
def set_user_attr(storage: Storage, study_name: str | None, key: str, value: str) -> None:
    """Set a user attribute of a study to a string."""
    open_study(storage, study_name).set_user_attr(key, value)


@click.command("ask")
@study_options
@space_option
@sampler_options
@flatten_option
@format_option("json")
def ask(
    storage: Storage,
    study_name: str | None,
    space: SearchSpace | None,
    sampler: str | None,
    sampler_kwargs: str | None,
    flatten: bool,
    style: str,
) -> None:
    """Start a trial and print its parameters.

    Without --space, the space is the one that the study was created with, or else that of its previous trials. If there
    is none, the trial has no parameters.
    """
    study = continued_study(storage, study_name, sampler=sampler_from(sampler, sampler_kwargs), pruner=None)
    wanted = joint_space(study.state) if space is None else space
    if not wanted:
        hpo.logging.get_logger().info("Study %r has no search space yet: give --space for parameters", study.study_name)
    number = study.ask(wanted).number
    asked = asked_record(study.state.trial(number))
    if flatten:
        asked = flat(asked)
    print_out(written_alone(asked, columns=ASKED_COLUMNS, style=style))


@click.command("tell", cls=CommandWithLists)
@study_options
@click.option(
    "--number",
    "--trial-number",
    "number",
    type=click.IntRange(min=0),
    required=True,
    help="Number of the trial, as printed by ask.",
)
@click.option(
    "--value", "--values", "values", type=float, multiple=True, help="Value of an objective, once for each, in order."
)
@click.option(
    "--values-by-name",
    "named",
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of a named objective, once for each, instead of --value.",
)
@click.option(
    "--state",
    "outcome",
    type=click.Choice(["complete", "pruned", "fail"], case_sensitive=False),
    help="How the trial ended; complete by default. A pruned trial without a value takes the last reported one.",
)
@click.option("--sem", type=float, multiple=True, help="Standard error of a value, once for each, in order.")
@click.option("--cost", type=float, help="What the evaluation cost, in a unit of your choice.")
@click.option("--reason", metavar="TEXT", help="Why it failed.")
@click.option("--skip-if-finished", is_flag=True, help="Leave a finished trial as it is, without an error.")
def tell(
    storage: Storage,
    study_name: str | None,
    number: int,
    values: tuple[float, ...],
    named: tuple[str, ...],
    outcome: str | None,
    sem: tuple[float, ...],
    cost: float | None,
    reason: str | None,
    skip_if_finished: bool,
) -> None:
    """Finish a trial.

    If a value is nan, the trial fails.
    """
    from hpo.study.running.messages import log_trial_end

    if values and named:
        raise click.UsageError("give either --value or --values-by-name")
    if not (values or named or outcome):
        raise click.UsageError("no result was given: use --value, --values-by-name or --state")
    study = open_study(storage, study_name)
    before = study.state
    was_open = number in before.running or number in before.paused or number in before.waiting
    trial = study.tell(
        number,
        numbers_by_name(named, "--values-by-name") if named else values or None,
        None if outcome is None else outcome.lower(),
        reason=reason,
        skip_if_finished=skip_if_finished,
        sem=sem or None,
        cost=cost,
    )
    if was_open:
        log_trial_end(study.state, trial)
    else:
        hpo.logging.get_logger().info("Trial %d was already %s: nothing has changed", number, trial.state.name)


@click.command("pause")
@study_options
@click.option("--number", type=click.IntRange(min=0), required=True, help="Number of the running trial.")
@click.option("--checkpoint", metavar="TEXT", help="Where its objective can continue, for example a path.")
def pause(storage: Storage, study_name: str | None, number: int, checkpoint: str | None) -> None:
    """Pause a trial.

    It waits, with its parameters and reports, until it is resumed here or elsewhere. What its objective returns is
    ignored.
    """
    open_study(storage, study_name).pause(number, checkpoint)


@click.command("resume")
@study_options
@click.option("--number", type=click.IntRange(min=0), required=True, help="Number of the paused trial.")
@format_option("json")
def resume(storage: Storage, study_name: str | None, number: int, style: str) -> None:
    """Resume a paused trial and print it.

    It has its parameters and its checkpoint. Its result is told with tell, as that of a trial from ask.
    """
    study = open_study(storage, study_name)
    study.resume(number)
    record = {**asked_record(study.state.trial(number)), "checkpoint": study.state.trial(number).checkpoint}
    print_out(written_alone(record, columns=(*ASKED_COLUMNS, "checkpoint"), style=style))


@click.command("trials")
@study_options
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in hpo.TrialState], case_sensitive=False),
    multiple=True,
    help="Show trials in this state only; also several times.",
)
@listing_options("table")
def trials(storage: Storage, study_name: str | None, states: tuple[str, ...], listing: Listing) -> None:
    """List the trials of a study by number."""
    state = read_state(storage, study_name)
    chosen = {given.lower() for given in states}
    listed = state.trials if not chosen else [trial for trial in state.trials if trial.state.value in chosen]
    _print_trials(state, listed, listing)


@click.command("best-trial")
@study_options
@flatten_option
@format_option("table")
def best_trial(storage: Storage, study_name: str | None, flatten: bool, style: str) -> None:
    """Print the trial with the best value."""
    state = read_state(storage, study_name)
    if len(state.directions) != 1:
        raise InvalidArgument(f"study {state.name!r} has {len(state.directions)} objectives: use best-trials")
    record = trial_record(state, hpo.best_trial(state))
    print_out(
        written_alone(
            flat(record) if flatten and style in {"json", "yaml"} else record,
            columns=trial_columns(state, style),
            style=style,
        )
    )


@click.command("best-trials")
@study_options
@listing_options("table")
def best_trials(storage: Storage, study_name: str | None, listing: Listing) -> None:
    """List the trials on the Pareto front.

    These are the complete trials that no other trial dominates.
    """
    state = read_state(storage, study_name)
    _print_trials(state, hpo.best_trials(state), listing)


def _print_trials(state: StudyState, chosen: Sequence[FrozenTrial], listing: Listing) -> None:
    listing.show([trial_record(state, trial) for trial in chosen], trial_columns(state, listing.style))
