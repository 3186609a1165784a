"""Completion in shells: the command that sets it up, and what the names of studies and files are completed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

from hpo.cli.output import print_out

if TYPE_CHECKING:
    from hpo.journal.storage import Storage

VARIABLE = "_HPO_COMPLETE"
"""The environment variable by which a shell asks for completions."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Print what sets up completion in a shell.

    Put it into the shell's startup file: eval "$(hpo completion bash)", eval "$(hpo completion zsh)", or for fish: hpo
    completion fish | source. Commands, options, studies, samplers, pruners and files are completed.
    """
    found = get_completion_class(shell)
    assert found is not None, "click has these three"
    print_out(found(context.find_root().command, {}, "hpo", VARIABLE).source() + "\n")


def complete_studies(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of studies in the storage of the command line that begin with what was typed."""
    from hpo.cli.options import opened_storage

    storage: Storage | None = context.params.get("storage")
    if storage is None:
        location = context.find_root().params.get("storage")
        if not location:
            return []
        storage = opened_storage(location)
    return [CompletionItem(name) for name in storage.names() if name.startswith(incomplete)]


def complete_files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return what lets the shell complete the name of a file."""
    return [CompletionItem(incomplete, type="file")]
