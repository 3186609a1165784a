"""Commands for whole studies: create, list, annotate, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hpo.cli.options import format_option, open_study, read_state, storage_option, study_options
from hpo.cli.output import STUDY_COLUMNS, print_out, study_record, written
from hpo.errors import DuplicatedStudyError, InvalidArgument

if TYPE_CHECKING:
    from hpo.journal.storage import Storage

_DIRECTIONS = click.Choice(["minimize", "maximize"])


@click.command("create-study")
@storage_option
@click.option("--study-name", metavar="NAME", help="Name of the study; a unique name by default.")
@click.option("--direction", type=_DIRECTIONS, help="Direction of the objective; minimize by default.")
@click.option(
    "--directions",
    type=_DIRECTIONS,
    multiple=True,
    help="Direction of an objective, once for each, instead of --direction.",
)
@click.option(
    "--metric-name", "metric_names", metavar="NAME", multiple=True, help="Name of an objective, once for each."
)
@click.option("--seed", type=int, help="Root of all random numbers; drawn and recorded by default.")
@click.option("--space", metavar="FILE", help="Search space: a JSON file, - for standard input, or JSON.")
@click.option("--skip-if-exists", is_flag=True, help="Leave an existing study of this name as it is, without an error.")
def create_study(
    storage: Storage,
    study_name: str | None,
    direction: str | None,
    directions: tuple[str, ...],
    metric_names: tuple[str, ...],
    seed: int | None,
    space: str | None,
    skip_if_exists: bool,
) -> None:
    """Create a study and print its name."""
    from hpo.cli.loading import read_space
    from hpo.pruners.nop import NopPruner
    from hpo.samplers.random import RandomSampler
    from hpo.study.studies import create_study as create

    if direction is not None and directions:
        raise click.UsageError("give either --direction or --directions")
    try:
        study = create(
            storage=storage,
            sampler=RandomSampler(),  # it is not used here, and is quick to import
            pruner=NopPruner(),
            study_name=study_name,
            direction=direction,
            directions=directions or None,
            metric_names=metric_names or None,
            seed=seed,
            space=None if space is None else read_space(space),
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
@click.option("--study-name", metavar="NAME", required=True, help="The study.")
def delete_study(storage: Storage, study_name: str) -> None:
    """Delete a study, without confirmation."""
    storage.delete(study_name)


@click.command("studies")
@storage_option
@format_option("table")
def studies(storage: Storage, style: str) -> None:
    """List the studies in a storage."""
    records = [study_record(read_state(storage, name)) for name in storage.names()]
    print_out(written(records, columns=STUDY_COLUMNS, style=style))


@click.command("study-names")
@storage_option
@format_option("value")
def study_names(storage: Storage, style: str) -> None:
    """List the names of the studies."""
    records = [{"name": name} for name in storage.names()]
    print_out(written(records, columns=["name"], style=style))


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
