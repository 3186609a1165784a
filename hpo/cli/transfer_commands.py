"""Commands that export studies to other programs, and import them from Optuna."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpo.cli.options import name_taken, read_state, storage_option, study_options
from hpo.cli.output import print_out
from hpo.errors import DuplicatedStudyError, InvalidArgument

if TYPE_CHECKING:
    from hpo.journal.storage import Storage

_BY_SUFFIX = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}


@click.command("export")
@study_options
@click.option("--to", "file", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The new file.")
@click.option(
    "-f",
    "--format",
    "style",
    type=click.Choice(["csv", "jsonl", "sqlite"]),
    help="File format; by default from the suffix of FILE: .csv, .jsonl or .db.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def export(storage: Storage, study_name: str | None, file: Path, style: str | None, overwrite: bool) -> None:
    """Export a study for other programs.

    The file is CSV, JSON Lines or SQLite.
    """
    from hpo import transfer

    chosen = style or _BY_SUFFIX.get(file.suffix.lower())
    if chosen is None:
        raise InvalidArgument(
            f"the suffix of {file} does not name a format: give --format, or one of the suffixes {', '.join(_BY_SUFFIX)}"
        )
    write = {"csv": transfer.export_csv, "jsonl": transfer.export_jsonl, "sqlite": transfer.export_sqlite}[chosen]
    write(read_state(storage, study_name), file, overwrite=overwrite)


@click.command("import")
@click.argument("source")
@storage_option
@click.option("--study-name", metavar="NAME", help="The study in Optuna; required if SOURCE has several.")
@click.option("--to-study-name", metavar="NAME", help="Name of the study in the storage; by default the same.")
def import_study(source: str, storage: Storage, study_name: str | None, to_study_name: str | None) -> None:
    """Import a study from Optuna.

    SOURCE is an SQLite file of Optuna, as a path or URL, or a journal file. Optuna does not have to be installed. Prints the
    name of the study.
    """
    from hpo.logging import get_logger
    from hpo.transfer import import_optuna

    try:
        imported = import_optuna(source, study_name, storage, to_study_name)
    except DuplicatedStudyError as error:
        raise name_taken(error, "--to-study-name") from error
    get_logger().info("Imported %s into %s", _counted(imported.n_trials), storage.location)
    if imported.n_interrupted:
        get_logger().warning("Imported as failed, because it still ran in Optuna: %s", _counted(imported.n_interrupted))
    print_out(f"{imported.study_name}\n")


def _counted(n: int) -> str:
    return "1 trial" if n == 1 else f"{n} trials"
