"""What all commands share: options, the studies that they open, exit codes, and the one line that says what went wrong."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click
from click.shell_completion import CompletionItem

import hpo
from hpo.cli.completion_command import VARIABLE, complete_files, complete_studies
from hpo.cli.output import FORMATS, visible
from hpo.errors import DuplicatedStudyError, HpoError, InvalidArgument, StudyNotFound
from hpo.journal.storage import Storage, current_state

if TYPE_CHECKING:
    from hpo.core import Promoter, Pruner, Sampler, StudyState
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
        shell_complete=complete_files,
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
    return storage_option(study_name_option("The study; required if the storage has several.")(command))


def study_name_option(described: str, *, required: bool = False) -> Callable[[F], F]:
    """Give a command the option ``--study-name``, which is also called ``--study``, as it was in Optuna once."""
    return click.option(
        "--study-name",
        "--study",
        "study_name",
        metavar="NAME",
        required=required,
        help=described,
        shell_complete=complete_studies,
    )


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


def promoter_options(command: F) -> F:
    """Give `command` the options ``--promoter`` and ``--promoter-kwargs``, the arguments of `promoter_from`."""
    return _advisor_options("promoter", default="none", example='{"max_resource": 27}')(command)


def sampler_from(choice: str | None, kwargs: str | None) -> Sampler | None:
    """Return the sampler that ``--sampler`` and ``--sampler-kwargs`` describe, or None if neither is given."""
    return _advisor("sampler", choice, "TPESampler", kwargs)  # type: ignore[no-any-return]


def pruner_from(choice: str | None, kwargs: str | None) -> Pruner | None:
    """Return the pruner that ``--pruner`` and ``--pruner-kwargs`` describe, or None if neither is given."""
    return _advisor("pruner", choice, "MedianPruner", kwargs)  # type: ignore[no-any-return]


def promoter_from(choice: str | None, kwargs: str | None) -> Promoter | None:
    """Return the promoter that ``--promoter`` and ``--promoter-kwargs`` describe, or None if neither is given."""
    return _advisor("promoter", choice, "PromotionHalving", kwargs)  # type: ignore[no-any-return]


class _RegisteredOption(click.Option):
    """An option that takes a registered name; its help lists the names, which are looked up when help is asked for."""

    def get_help_record(self, context: click.Context) -> tuple[str, str] | None:
        """Return the option and its help, with the names of installed packages too."""
        record = super().get_help_record(context)
        if record is None or self.name is None:
            return record
        option, described = record
        return option, described.replace("NAMES", ", ".join(_registry(self.name).names()))

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin with what was typed, or let the shell complete a file."""
        names = [name for name in _registry(self.name or "").names() if name.startswith(incomplete)]
        return [CompletionItem(name) for name in names] or complete_files(context, self, incomplete)


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
    """Return the registered samplers, pruners or promoters."""
    from hpo.pruners.registry import PROMOTERS, PRUNERS
    from hpo.samplers.registry import SAMPLERS

    return {"sampler": SAMPLERS, "pruner": PRUNERS, "promoter": PROMOTERS}[kind]


def read_state(storage: Storage, name: str | None) -> StudyState:
    """Return the current state of a study, with which nothing can be changed."""
    return current_state(storage.open(only_name(storage, name)))


def open_study(storage: Storage, name: str | None) -> Study:
    """Return a study for commands that suggest nothing, with a sampler and a pruner that are quick to import.

    Args:
        storage: Where the study is kept.
        name: The name of the study; None for the only one.
    """
    study = hpo.Study(only_name(storage, name), storage, hpo.samplers.RandomSampler(), hpo.pruners.NopPruner())
    _log_opened(study)
    return study


def _log_opened(study: Study) -> None:
    hpo.logging.get_logger().debug(
        "Study %r in %s has %d trials", study.study_name, study.storage.location, study.state.n_trials
    )


def continued_study(
    storage: Storage,
    name: str | None,
    *,
    sampler: Sampler | None = None,
    pruner: Pruner | None = None,
    promoter: Promoter | None = None,
) -> Study:
    """Return a study to go on with, with the given sampler, pruner and promoter, or the ones recorded in its journal."""
    study = hpo.load_study(
        study_name=only_name(storage, name), storage=storage, sampler=sampler, pruner=pruner, promoter=promoter
    )
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
    return hpo.open_journal(location)


def only_name(storage: Storage, name: str | None) -> str:
    """Return `name`, or the name of the only study in a storage if it is None."""
    if name is not None:
        return name
    names = names_in(storage)
    if len(names) <= 1:
        with contextlib.suppress(StudyNotFound):
            storage.open(None)  # fails if there is a study beside it that can't be read, and so has no name here
    if len(names) != 1:
        has = f"has {len(names)} studies: choose one with --study-name" if names else "has no study"
        raise InvalidArgument(f"{storage.location} {has}")
    return names[0]


def names_in(storage: Storage) -> list[str]:
    """Return the names of the studies in a storage.

    Raises:
        StudyNotFound: there is nothing at all where it should be.
    """
    names = storage.names()
    if not names:
        try:
            storage.open(None)
        except StudyNotFound as error:
            if error.missing:
                raise
        except HpoError:  # a study that can't be read has no name here
            pass
    return names


_INTERRUPTED = 130
"""128 + SIGINT, as shells count."""
_BROKEN_PIPE = 141
"""128 + SIGPIPE."""


def exit_code(command: click.Command, args: Sequence[str] | None) -> int:
    """Run `command` with `args`, by default those of this process, and return the exit code that `hpo.cli.main` documents."""
    if VARIABLE in os.environ:  # a shell wants to complete a command line
        command.main(prog_name="hpo", obj=Settings())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 shows what it can
    settings = Settings()
    try:
        with (
            _warnings_in_one_line(),
            command.make_context("hpo", [*(sys.argv[1:] if args is None else args)], obj=settings) as context,
        ):
            command.invoke(context)
        if sys.stdout is not None:  # None in a process that was started without standard output
            sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (KeyboardInterrupt, click.Abort) as interrupt:
        return _failed(
            f"interrupted{interrupt if isinstance(interrupt, KeyboardInterrupt) else ''}",
            interrupt,
            settings,
            code=_INTERRUPTED,
        )
    except BrokenPipeError:
        return _reader_is_gone()
    except (HpoError, OSError) as error:
        return _failed(f"error: {error or type(error).__name__}", error, settings)
    except Exception as error:  # noqa: BLE001 - an unexpected error, perhaps a bug, is one line too
        problem = traceback.format_exception_only(error)[-1].strip()
        return _failed(f"error: {problem} (unexpected: --debug shows where)", error, settings)
    return 0


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Show warnings of the library without the file and line, which users of the command line do not need."""
    ours = Path(hpo.__file__).parent
    with warnings.catch_warnings():
        as_usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], filename: str, *place: Any, **more: Any) -> None:
            if Path(filename).is_relative_to(ours):
                click.echo(f"hpo: warning: {visible(str(message))}", err=True)
            else:
                as_usual(message, category, filename, *place, **more)

        warnings.showwarning = show
        yield


def _failed(message: str, error: BaseException, settings: Settings, *, code: int = 1) -> int:
    if settings.debug:
        traceback.print_exception(error)
    click.echo(f"hpo: {visible(message)}", err=True)
    return code


def _reader_is_gone() -> int:
    """Redirect standard output to the null device, so that the interpreter can flush it at exit without an error."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # not a file of the operating system
        return _BROKEN_PIPE
    null_device = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null_device, descriptor)
    os.close(null_device)
    return _BROKEN_PIPE
