"""Commands for stored studies as a whole: check and repair journals, export to other programs, import from Optuna."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

import hpo
from hpo.cli.options import format_option, name_taken, read_state, storage_option, study_options
from hpo.cli.output import Record, print_out, visible, written
from hpo.errors import DuplicatedStudyError, HpoError, InvalidArgument

if TYPE_CHECKING:
    from hpo.journal.repair import Inspection, Repair
    from hpo.journal.storage import Storage

_COLUMNS = ("path", "study", "records", "events", "torn_bytes", "verdict", "line", "byte", "problem")


@attrs.define(eq=False)
class UnreadableJournalsError(HpoError, RuntimeError):
    """Journals that no study can be loaded from."""

    paths: Sequence[str]
    checked: int

    def __str__(self) -> str:
        return f"{len(self.paths)} of {self.checked} file(s) can't be read as a journal: {', '.join(self.paths)}"


@attrs.define(eq=False)
class NothingSavedError(HpoError, RuntimeError):
    """Nothing of a damaged journal could be saved."""

    path: str

    def __str__(self) -> str:
        return f"nothing of {self.path} could be saved: no new journal was written"


class JournalPath(click.Path):
    """A path, which may be given as the URL of an SQLite database."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Return the path, without ``sqlite:///`` in front."""
        given = value.removeprefix("sqlite:///") if isinstance(value, str) else value
        return super().convert(given, parameter, context)


@click.group("journal")
def journal() -> None:
    """Check and repair journals."""


@journal.command("check")
@click.argument("path", type=JournalPath(exists=True, path_type=Path))
@format_option("table")
def check(path: Path, style: str) -> None:
    """Check whether journals are intact.

    PATH is a file, an SQLite database, or a directory of them. Nothing is changed. The exit code is 1 if a study can't
    be read.
    """
    from hpo.journal.repair import check_directory, check_file

    in_directory = path.is_dir()
    found = check_directory(path) if in_directory else check_file(path)
    print_out(written([_record(one) for one in found], columns=_COLUMNS, style=style))
    bad = [
        one.path for one in found if one.flaw is not None and not (in_directory and one.flaw.kind == "foreign")
    ]  # other files in a directory of studies are not an error
    if bad:
        raise UnreadableJournalsError([*dict.fromkeys(bad)], len({one.path for one in found}))


@journal.command("repair")
@click.argument("path", type=JournalPath(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output",
    metavar="NEW",
    type=JournalPath(path_type=Path),
    help="The new file; NAME.repaired.jsonl or NAME.repaired.db by default.",
)
def repair(path: Path, output: Path | None) -> None:
    """Save what is intact in a damaged journal or database.

    The intact part is written to a new file, and the old file is not changed. An intact journal needs no repair. Stop
    the workers of the study first.
    """
    from hpo.journal.repair import repair_file

    done = repair_file(path, output)
    print_out("".join(f"{visible(line)}\n" for one in done for line in _report_lines(one)))
    if any(one.flaw for one in done) and not any(one.output for one in done):
        raise NothingSavedError(str(path))


def _record(found: Inspection) -> Record:
    flaw = found.flaw
    return {
        "path": found.path,
        "study": found.study,
        "records": found.records,
        "events": found.events,
        "torn_bytes": found.torn or None,
        "verdict": flaw.kind if flaw else "torn" if found.torn else "intact",
        "line": flaw.line if flaw else None,
        "byte": flaw.offset if flaw else None,
        "problem": flaw.problem if flaw else None,
    }


def _report_lines(done: Repair) -> list[str]:
    """Return the lines that report a repair."""
    journal = done.source if done.study is None else f"study {done.study!r} in {done.source}"
    if done.flaw is None:
        return [f"{journal} {'needs no repair' if done.output is None else 'is whole'}: {done.events} events"]
    in_file = done.flaw.line is not None
    lines = [f"{journal} is {done.flaw}"]
    if done.output is not None:
        running = f", {done.n_running} of them without an end" if done.n_running else ""
        lines.append(f"{done.output}: {done.events} events, {done.n_trials} trials{running}")
    elif in_file or done.study is not None:
        lines.append("no new journal: the study's creation is lost")
    if done.salvaged is not None:
        lines.append(f"{done.salvaged}: {done.salvaged_events} later events, which can't be replayed")
    unreadable = "unreadable: {1} bytes from byte {0} on" if in_file else "unreadable: the {1} bytes of record {0}"
    lines += [unreadable.format(*place) for place in done.unreadable]
    lines += [f"lost: event {a}" if a == b else f"lost: events {a} to {b}" for a, b in done.lost]
    return lines if done.lost or done.unreadable or not in_file else [*lines, "nothing was lost"]


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
    chosen = style or _BY_SUFFIX.get(file.suffix.lower())
    if chosen is None:
        raise InvalidArgument(
            f"the suffix of {file} does not name a format: give --format, or one of the suffixes {', '.join(_BY_SUFFIX)}"
        )
    write = {"csv": hpo.transfer.export_csv, "jsonl": hpo.transfer.export_jsonl, "sqlite": hpo.transfer.export_sqlite}[
        chosen
    ]
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
    from hpo.transfer import import_optuna

    try:
        imported = import_optuna(source, study_name, storage, to_study_name)
    except DuplicatedStudyError as error:
        raise name_taken(error, "--to-study-name") from error
    hpo.logging.get_logger().info("Imported %s into %s", _counted(imported.n_trials), storage.location)
    if imported.n_interrupted:
        hpo.logging.get_logger().warning(
            "Imported as failed, because it still ran in Optuna: %s", _counted(imported.n_interrupted)
        )
    print_out(f"{imported.study_name}\n")


def _counted(n: int) -> str:
    return "1 trial" if n == 1 else f"{n} trials"
