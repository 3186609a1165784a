"""Commands about whole studies: create, list, annotate, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hpo.cli.options import format_option, open_study, read_state, storage_option, study_options
from hpo.cli.output import print_out, written
from hpo.errors import DuplicatedStudyError, InvalidArgument

if TYPE_CHECKING:
    from hpo.journal.storage import Storage

_DIRECTIONS = click.Choice(["minimize", "maximize"])


@click.command("create-study")
@storage_option
@click.option("--study-name", metavar="NAME", help="Its name; a unique one is made up if not given.")
@click.option("--direction", type=_DIRECTIONS, help="Whether less or more is better; minimize if not given.")
@click.option("--directions", type=_DIRECTIONS, multiple=True, help="Once per objective, instead of --direction.")
@click.option("--metric-name", "metric_names", metavar="NAME", multiple=True, help="Once per objective.")
@click.option("--seed", type=int, help="Root of all random numbers; drawn and recorded if not given.")
@click.option("--space", metavar="FILE", help="The search space: a JSON file, - for standard input, or JSON text.")
@click.option("--skip-if-exists", is_flag=True, help="Leave a study of this name as it is, instead of an error.")
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
    """Begin a study and print its name."""
    from hpo.cli.spaces import read_space
    from hpo.pruners.nop import NopPruner
    from hpo.samplers.random import RandomSampler
    from hpo.study.studies import create_study as create

    if direction is not None and directions:
        raise click.UsageError("give either --direction or --directions")
    try:
        study = create(
            storage=storage,
            sampler=RandomSampler(),  # which nobody asks here, and which loads in no time
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
    """Remove a study with its trials, unasked."""
    storage.delete(study_name)


@click.command("studies")
@storage_option
@format_option("table")
def studies(storage: Storage, style: str) -> None:
    """List the studies of a storage."""
    from hpo.cli.records import STUDY_COLUMNS, study_record

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
@click.option("-k", "--key", required=True, help="The attribute's name.")
@click.option("-v", "--value", required=True, help="Its value, kept as the text that it is.")
def set_user_attr(storage: Storage, study_name: str | None, key: str, value: str) -> None:
    """Attach a text to a study."""
    open_study(storage, study_name).set_user_attr(key, value)
