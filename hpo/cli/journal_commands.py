"""Commands about journal files: are they intact, and what can be saved of one that is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from hpo.cli.options import format_option
from hpo.cli.output import Record, print_out, visible, written
from hpo.errors import HpoError

if TYPE_CHECKING:
    from hpo.journal.inspection import Inspection, Repair

_COLUMNS = ("path", "study", "records", "events", "torn_bytes", "verdict", "line", "byte", "problem")


@attrs.define(eq=False)
class UnreadableJournalsError(HpoError, RuntimeError):
    """Journals that no study can be loaded from."""

    paths: Sequence[str]
    checked: int

    def __str__(self) -> str:
        return f"{len(self.paths)} of {self.checked} file(s) can't be read as a journal: {', '.join(self.paths)}"


@click.group("journal")
def journal() -> None:
    """Check and repair journal files."""


@journal.command("check")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@format_option("table")
def check(path: Path, style: str) -> None:
    """Say whether journal files are intact.

    PATH is a file, or a directory of them. Nothing is changed. The exit code is 1 where a file can't be read as a journal.
    """
    from hpo.journal.inspection import check_directory, check_journal

    in_directory = path.is_dir()
    found = check_directory(path) if in_directory else [check_journal(path)]
    print_out(written([_record(one) for one in found], columns=_COLUMNS, style=style))
    bad = [
        one.path for one in found if one.flaw is not None and not (in_directory and one.flaw.kind == "foreign")
    ]  # whatever else is in a directory of studies is left alone
    if bad:
        raise UnreadableJournalsError(bad, len(found))


@journal.command("repair")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output", metavar="NEW", type=click.Path(path_type=Path), help="The new file; NAME.repaired.jsonl if not given."
)
def repair(path: Path, output: Path | None) -> None:
    """Save what is intact of a damaged journal.

    It goes into a new file. The old file stays as it is, and a healthy one needs nothing. Stop the study's workers first.
    """
    from hpo.journal.inspection import repair_journal

    done = repair_journal(path, output)
    print_out("".join(f"{visible(line)}\n" for line in _told(done)))


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


def _told(done: Repair) -> list[str]:
    """What was done, line by line."""
    if done.flaw is None:
        return [f"{done.source} needs no repair: {done.events} events"]
    lines = [f"{done.source} is {done.flaw}"]
    if done.output is None:
        lines.append("no new journal: the study's creation is lost")
    else:
        running = f", {done.n_running} of them without an end" if done.n_running else ""
        lines.append(f"{done.output}: {done.events} events, {done.n_trials} trials{running}")
    if done.salvaged is not None:
        lines.append(f"{done.salvaged}: {done.salvaged_events} later events, which can't be replayed")
    lines += [f"unreadable: {size} bytes from byte {offset} on" for offset, size in done.unreadable]
    lines += [f"lost: event {a}" if a == b else f"lost: events {a} to {b}" for a, b in done.lost]
    return lines if done.lost or done.unreadable else [*lines, "nothing was lost"]
