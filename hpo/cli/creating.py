"""Creating a study from the command line, and options that take several words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

import hpo
from hpo.cli.spaces import space_option

if TYPE_CHECKING:
    from hpo.journal.storage import Storage
    from hpo.study.study import Study

F = TypeVar("F", bound=Callable[..., Any])

_DIRECTIONS = click.Choice(["minimize", "maximize"])
_OPTIONS = (
    click.option("--direction", type=_DIRECTIONS, help="Direction of the objective; minimize by default."),
    click.option(
        "--directions",
        type=_DIRECTIONS,
        multiple=True,
        help="Direction of an objective, once for each, instead of --direction.",
    ),
    click.option(
        "--metric-name", "metric_names", metavar="NAME", multiple=True, help="Name of an objective, once for each."
    ),
    click.option("--seed", type=int, help="Root of all random numbers; drawn and recorded by default."),
    space_option,
)


def creation_options(command: F) -> F:
    """Give `command` the options for the facts of a new study, the keyword arguments of `created_study`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def created_study(storage: Storage, study_name: str | None, facts: Mapping[str, Any], **more: Any) -> Study:
    """Return a new study.

    Args:
        storage: Where it is kept.
        study_name: Its name; None for a unique one.
        facts: The arguments of `creation_options`.
        more: Further arguments of `hpo.create_study`.
    """
    if facts["direction"] is not None and facts["directions"]:
        raise click.UsageError("give either --direction or --directions")
    given: dict[str, Any] = {
        name: value or None if isinstance(value, tuple) else value for name, value in facts.items()
    }
    return hpo.create_study(storage=storage, study_name=study_name, **given, **more)


class CommandWithLists(click.Command):
    """A command whose options for several values also take them one after the other: ``--directions minimize maximize``."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse `args`, in which each further value gets an option of its own before."""
        several = {
            spelling: option.type
            for option in self.params
            if isinstance(option, click.Option) and option.multiple
            for spelling in option.opts
        }
        return super().parse_args(context, [*_one_by_one(args, several)])


def _one_by_one(args: Sequence[str], several: Mapping[str, click.ParamType[Any]]) -> Iterator[str]:
    option, first = None, False
    for word in args:
        if word in several:
            option, first = word, True
        elif option is not None and not first and _is_valid(word, several[option]):
            yield option
        else:
            option = option if first else None
            first = False
        yield word


def _is_valid(word: str, kind: click.ParamType[Any]) -> bool:
    """Return whether `word` can only be another value: one of a few, or a number."""
    if isinstance(kind, click.Choice):
        return word in kind.choices
    if kind is click.FLOAT:
        try:
            float(word)
        except ValueError:
            return False
        return True
    return False
