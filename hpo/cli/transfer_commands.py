"""Commands that carry studies to other programs, and from Optuna."""

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
    help="What to write; if not given, the end of FILE says it: .csv, .jsonl or .db.",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there, instead of an error.")
def export(storage: Storage, study_name: str | None, file: Path, style: str | None, overwrite: bool) -> None:
    """Write a study to a file for other programs.

    The file is CSV, JSON Lines or SQLite.
    """
    from hpo import transfer

    chosen = style or _BY_SUFFIX.get(file.suffix.lower())
    if chosen is None:
        raise InvalidArgument(f"the end of {file} says nothing: give --format, or one of {', '.join(_BY_SUFFIX)}")
    write = {"csv": transfer.export_csv, "jsonl": transfer.export_jsonl, "sqlite": transfer.export_sqlite}[chosen]
    write(read_state(storage, study_name), file, overwrite=overwrite)


@click.command("import")
@click.argument("source")
@storage_option
@click.option("--study-name", metavar="NAME", help="Optuna's study; needed where SOURCE has several.")
@click.option("--to-study-name", metavar="NAME", help="Its name in the storage; the same if not given.")
def import_study(source: str, storage: Storage, study_name: str | None, to_study_name: str | None) -> None:
    """Copy a study from Optuna and print its name.

    SOURCE is Optuna's SQLite file, also as a URL, or its journal file. Optuna need not be installed.
    """
    from hpo.logging import get_logger
    from hpo.transfer import import_optuna

    try:
        imported = import_optuna(source, study_name, storage, to_study_name)
    except DuplicatedStudyError as error:
        raise name_taken(error, "--to-study-name") from error
    get_logger().info("Imported %d trials into %s", imported.n_trials, storage.location)
    if imported.n_interrupted:
        get_logger().warning("%d trials still ran in Optuna, and have failed here", imported.n_interrupted)
    print_out(f"{imported.study_name}\n")
