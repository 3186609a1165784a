"""Commands as they are called in Optuna, and advice where hpo has another name or needs no command."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import click

from hpo.cli.completion_command import complete_files
from hpo.cli.optimize_command import optimize
from hpo.cli.options import storage_option
from hpo.cli.output import print_out

_OTHER_NAMES = {
    "ls": "studies",
    "list": "studies",
    "list-studies": "studies",
    "list-trials": "trials",
    "show": "best-trial",
    "best": "best-trial",
    "delete": "delete-study",
    "create": "create-study",
    "check": "journal check",
    "repair": "journal repair",
    "tune": "run",
}
"""What people type for our commands."""


def advice_for(name: str, known: Sequence[str]) -> str:
    """Return the end of the message about a command that does not exist: what was meant, perhaps.

    Example:
        >>> advice_for("list", ["studies", "trials"]), advice_for("trails", ["studies", "trials"])
        (": did you mean 'hpo studies'?", ": did you mean 'hpo trials'?")
    """
    close = difflib.get_close_matches(name, known, n=1)
    meant = _OTHER_NAMES.get(name) or (close[0] if close else None)
    return f": did you mean 'hpo {meant}'?" if meant else ": hpo --help lists the commands"


@click.command("optimize")
@click.argument("file", shell_complete=complete_files)
@click.argument("method")
@click.pass_context
def study_optimize(context: click.Context, /, file: str, method: str, **given: Any) -> None:
    """Run trials, as in Optuna: FILE METHOD.

    The same as: hpo optimize FILE:METHOD, with the same options.
    """
    context.invoke(optimize, location=f"{file}:{method}", **given)


study_optimize.params += [parameter for parameter in optimize.params if isinstance(parameter, click.Option)]


@click.group("storage")
def storage_group() -> None:
    """Look after a storage, as in Optuna."""


@storage_group.command("upgrade")
@storage_option
def upgrade(**given: Any) -> None:
    """Say that there is nothing to upgrade.

    Journals of all earlier versions are read and continued as they are.
    """
    print_out(f"nothing to upgrade in {given['storage'].location}: journals of all versions are read as they are\n")


def refuse_storage_class(context: click.Context, parameter: click.Parameter, given: str | None) -> None:
    """Raise if ``--storage-class`` is given: hpo finds the class by the path or URL."""
    if given is not None:
        raise click.UsageError(
            "hpo has no --storage-class: --storage study.jsonl, runs/, sqlite:///runs.db or a server's URL says what it is"
        )
