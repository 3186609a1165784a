"""Running a command, its exit code, and the one line that says what went wrong."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

import hpo
from hpo.cli.options import Settings
from hpo.cli.output import visible
from hpo.errors import HpoError

_INTERRUPTED = 130
"""128 + SIGINT, as shells count."""
_BROKEN_PIPE = 141
"""128 + SIGPIPE."""


def exit_code(command: click.Command, args: Sequence[str] | None) -> int:
    """Run `command` with `args`, by default those of this process, and return the exit code that `hpo.cli.main` documents."""
    if "_HPO_COMPLETE" in os.environ:  # a shell wants to complete a command line
        command.main(prog_name="hpo")
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
        return _failed("interrupted", interrupt, settings, code=_INTERRUPTED)
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
