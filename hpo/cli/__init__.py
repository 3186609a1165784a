"""The command ``hpo``: studies from the shell.

Results go to standard output, the log and errors to standard error. Until it is known which command runs, the modules
here import little more than click, so that ``hpo --help`` is quick.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import click

import hpo
from hpo.cli.completion_command import completion
from hpo.cli.importance_command import importance
from hpo.cli.journal_commands import export, import_study, journal
from hpo.cli.optimize_command import optimize
from hpo.cli.options import Settings, exit_code
from hpo.cli.optuna_commands import advice_for, refuse_storage_class, storage_group, study_optimize
from hpo.cli.pareto_command import pareto
from hpo.cli.replay_commands import backtest, diff, explain, fork, verify
from hpo.cli.run_command import run
from hpo.cli.study_commands import (
    ask,
    best_trial,
    best_trials,
    create_study,
    delete_study,
    pause,
    resume,
    studies,
    study,
    study_names,
    tell,
    trials,
)
from hpo.errors import BrokenPlugin
from hpo.registration import entry_point, entry_points, load_entry_point, package_of


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        args: The arguments after ``hpo``; by default those of this process.

    Returns:
        The exit code: 0 on success, 1 after an error, which is one line on standard error, 2 if the command line itself
        is wrong, 130 after Ctrl-C, and 141 if standard output was closed by its reader.

    Example:
        >>> main(["--version"])
        hpo 0.1.0
        0
    """
    return exit_code(command_line, args)


class _CommandLine(click.Group):
    """Our commands, then those of installed packages: entry points of the group ``hpo.commands``.

    A package's command is a `click.Command`, loaded when its name or the list of commands is asked for. One that can't be
    loaded is listed as broken, and an error when it is called; the others work.
    """

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands."""
        ours = super().list_commands(context)
        return [*ours, *sorted({point.name for point in entry_points("hpo.commands")} - {*ours})]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command of ours or of a package, or None if there is no such command."""
        return super().get_command(context, name) or _plugin_command(name)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` begin with.

        Raises:
            click.UsageError: there is no such command; the message says which one may be meant.
        """
        if self.get_command(context, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(f"there is no command {args[0]!r}{advice_for(args[0], self.list_commands(context))}")
        return super().resolve_command(context, args)


def _plugin_command(name: str) -> click.Command | None:
    """Return the command of a package, one that raises `BrokenPlugin` if it can't be loaded, or None without a package."""
    try:
        point = entry_point("hpo.commands", name)
        if point is None:
            return None
        found = load_entry_point(point)
        if isinstance(found, click.Command):
            return found
        problem = f"{point.value} is not a click command but {found!r}"
        broken = BrokenPlugin(package_of(point), point.group, name, problem)
    except BrokenPlugin as error:
        broken = error

    def fail(error: BrokenPlugin = broken) -> None:
        raise error

    return click.Command(
        name,
        callback=fail,
        help=f"Broken: {broken.package} can't be used.",
        # whatever stands after the name, the error to show is that the package is broken
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


@click.group(
    name="hpo", cls=_CommandLine, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(hpo.__version__, prog_name="hpo", message="%(prog)s %(version)s")
@click.option(
    "--storage", envvar="HPO_STORAGE", metavar="STORAGE", help="Where studies are kept; also allowed after the command."
)
@click.option("--storage-class", expose_value=False, callback=refuse_storage_class, help="Not needed; see --storage.")
@click.option("-v", "--verbose", count=True, help="Log more.")
@click.option("-q", "--quiet", is_flag=True, help="Log warnings and errors only.")
@click.option("--log-file", type=click.Path(dir_okay=False, path_type=Path), help="Also append the log to this file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def command_line(
    context: click.Context, storage: str | None, verbose: int, quiet: bool, log_file: Path | None, debug: bool
) -> None:
    """Optimize hyperparameters: create studies, run trials, inspect and export results.

    STORAGE is a file study.jsonl, a directory runs/ or a URL. The environment variable HPO_STORAGE can be set
    instead of --storage.
    """
    settings = context.ensure_object(Settings)
    settings.storage, settings.debug = storage, debug
    if verbose and quiet:
        raise click.UsageError("give either --verbose or --quiet")
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    context.call_on_close(_log_at(level, log_file))


def _log_at(level: int, file: Path | None) -> Callable[[], None]:
    """Set up the library's logger, and return a function that undoes it."""
    logger = hpo.logging.get_logger()
    before = logger.level
    handler = None
    if file is not None:
        handler = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
        handler.setFormatter(logging.Formatter("[%(levelname).1s %(asctime)s] %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(level)

    def undo() -> None:
        logger.setLevel(before)
        if handler is not None:
            logger.removeHandler(handler)
            handler.close()

    return undo


for _command in (
    create_study,
    optimize,
    run,
    ask,
    tell,
    pause,
    resume,
    studies,
    study_names,
    trials,
    best_trial,
    best_trials,
    pareto,
    study,
    importance,
    explain,
    verify,
    diff,
    backtest,
    fork,
    delete_study,
    journal,
    export,
    import_study,
    completion,
    storage_group,
):
    command_line.add_command(_command)
study.add_command(study_optimize)
