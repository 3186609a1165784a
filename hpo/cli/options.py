"""Options that several commands share, and the storages and studies that they open."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from hpo.cli.output import FORMATS
from hpo.errors import DuplicatedStudyError, InvalidArgument, StudyNotFound

if TYPE_CHECKING:
    from hpo.core import Pruner, Sampler, StudyState
    from hpo.journal.storage import Storage
    from hpo.registration import Registry
    from hpo.study.study import Study

F = TypeVar("F", bound=Callable[..., Any])


@attrs.define
class Settings:
    """The options given before the command's name.

    Attributes:
        storage: Where studies are kept, from ``--storage`` or ``HPO_STORAGE``.
        argument: Where studies are kept, if it is the command's first argument.
        debug: Whether errors are shown with their tracebacks.
    """

    storage: str | None = None
    argument: str | None = None
    debug: bool = False


def storage_option(command: F) -> F:
    """Give `command` the option ``--storage``, and with it the argument ``storage``, an open `Storage`."""
    return click.option(
        "--storage",
        metavar="STORAGE",
        callback=_open_storage,
        help="Where studies are kept: study.jsonl, runs/ or a URL.  [env: HPO_STORAGE]",
    )(command)


def storage_argument(command: F) -> F:
    """Give `command` the optional argument STORAGE, an alternative to the option ``--storage``."""

    def keep(context: click.Context, parameter: click.Parameter, given: str | None) -> None:
        context.find_object(Settings).argument = given  # type: ignore[union-attr]

    return click.argument(
        "place", metavar="[STORAGE]", required=False, is_eager=True, expose_value=False, callback=keep
    )(command)


def study_options(command: F) -> F:
    """Give `command` the options ``--storage`` and ``--study-name``."""
    named = click.option("--study-name", metavar="NAME", help="The study; required if the storage has several.")
    return storage_option(named(command))


def format_option(default: str) -> Callable[[F], F]:
    """Give a command the option ``--format``, and with it the argument ``style``."""
    return click.option(
        "-f",
        "--format",
        "style",
        type=click.Choice(FORMATS),
        default=default,
        show_default=True,
        help="Output format.",
    )


def sampler_options(command: F) -> F:
    """Give `command` the options ``--sampler`` and ``--sampler-kwargs``, the arguments of `sampler_from`."""
    return _advisor_options("sampler", default="TPESampler", example='{"seed": 1}')(command)


def pruner_options(command: F) -> F:
    """Give `command` the options ``--pruner`` and ``--pruner-kwargs``, the arguments of `pruner_from`."""
    return _advisor_options("pruner", default="MedianPruner", example='{"n_startup_trials": 9}')(command)


def sampler_from(choice: str | None, kwargs: str | None) -> Sampler | None:
    """Return the sampler that ``--sampler`` and ``--sampler-kwargs`` describe, or None if neither is given."""
    return _advisor("sampler", choice, "TPESampler", kwargs)  # type: ignore[no-any-return]


def pruner_from(choice: str | None, kwargs: str | None) -> Pruner | None:
    """Return the pruner that ``--pruner`` and ``--pruner-kwargs`` describe, or None if neither is given."""
    return _advisor("pruner", choice, "MedianPruner", kwargs)  # type: ignore[no-any-return]


class _RegisteredOption(click.Option):
    """An option that takes a registered name; its help lists the names, which are looked up when help is asked for."""

    def get_help_record(self, context: click.Context) -> tuple[str, str] | None:
        """Return the option and its help, with the names of installed packages too."""
        record = super().get_help_record(context)
        if record is None or self.name is None:
            return record
        option, described = record
        return option, described.replace("NAMES", ", ".join(_registry(self.name).names()))


def _advisor_options(kind: str, *, default: str, example: str) -> Callable[[F], F]:
    def add(command: F) -> F:
        named = click.option(
            f"--{kind}",
            cls=_RegisteredOption,
            metavar="NAME",
            help=f"{kind.capitalize()}: NAMES, or FILE.py:NAME.  [default: as recorded, else {default}]",
        )
        options = click.option(f"--{kind}-kwargs", metavar="JSON", help=f"Options of the {kind}, such as {example}.")
        return named(options(command))

    return add


def _advisor(kind: str, choice: str | None, default: str, kwargs: str | None) -> Any:
    if choice is None and kwargs is None:
        return None
    from hpo.cli.loading import created, json_object

    options = None if kwargs is None else json_object(kwargs, f"--{kind}-kwargs", like='{"seed": 1}')
    return created(choice or default, options, _registry(kind))


def _registry(kind: str) -> Registry:
    """Return the registered samplers or pruners."""
    from hpo.pruners.registry import PRUNERS
    from hpo.samplers.registry import SAMPLERS

    return SAMPLERS if kind == "sampler" else PRUNERS


def read_state(storage: Storage, name: str | None) -> StudyState:
    """Return the current state of a study, with which nothing can be changed."""
    from hpo.journal.storage import replay_from

    journal = storage.open(_only_name(storage, name))
    return replay_from(journal, journal.read(0))


def open_study(storage: Storage, name: str | None) -> Study:
    """Return a study for commands that suggest nothing, with a sampler and a pruner that are quick to import.

    Args:
        storage: Where the study is kept.
        name: The name of the study; None for the only one.
    """
    from hpo.pruners.nop import NopPruner
    from hpo.samplers.random import RandomSampler
    from hpo.study.study import Study

    study = Study(storage, _only_name(storage, name), RandomSampler(), NopPruner())
    _log_opened(study)
    return study


def _log_opened(study: Study) -> None:
    from hpo.logging import get_logger

    get_logger().debug("Study %r in %s has %d trials", study.study_name, study.storage.location, study.state.n_trials)


def continued_study(storage: Storage, name: str | None, *, sampler: Sampler | None, pruner: Pruner | None) -> Study:
    """Return a study to go on with, with the given sampler and pruner, or the ones recorded in its journal."""
    from hpo.study.studies import load_study

    study = load_study(study_name=_only_name(storage, name), storage=storage, sampler=sampler, pruner=pruner)
    _log_opened(study)
    return study


def _open_storage(context: click.Context, parameter: click.Parameter, given: str | None) -> Storage:
    settings = context.find_object(Settings)
    assert settings is not None
    if given and settings.argument:
        raise click.UsageError(f"two storages were given, {settings.argument} and {given}: give one", context)
    location = given or settings.argument or settings.storage
    if not location:
        raise click.UsageError("no storage was given: use --storage, or set HPO_STORAGE", context)
    return opened_storage(location)


def name_taken(error: DuplicatedStudyError, option: str) -> InvalidArgument:
    """Return the error for a study that exists already, if the command's `option` can give it another name."""
    return InvalidArgument(
        f"a study named {error.study_name!r} exists in {error.storage}: choose another name with {option}"
    )


def opened_storage(location: str) -> Storage:
    """Return the storage at a path or URL."""
    from hpo.journal import open_journal

    return open_journal(location)


def _only_name(storage: Storage, name: str | None) -> str:
    if name is not None:
        return name
    names = storage.names()
    if len(names) <= 1:
        with contextlib.suppress(StudyNotFound):
            storage.open(None)  # fails if there is a study beside it that can't be read, and so has no name here
    if len(names) != 1:
        has = f"has {len(names)} studies: choose one with --study-name" if names else "has no study"
        raise InvalidArgument(f"{storage.location} {has}")
    return names[0]
