"""The command that tunes any program."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

import hpo
from hpo.cli.creating import created_study, creation_options
from hpo.cli.options import (
    continued_study,
    only_name,
    pruner_from,
    pruner_options,
    sampler_from,
    sampler_options,
    storage_argument,
    study_options,
)
from hpo.cli.runs import run_options, run_trials
from hpo.core import FrozenTrial, SearchSpace, joint_space
from hpo.errors import HpoError, InvalidArgument

if TYPE_CHECKING:
    from hpo.journal.storage import Storage
    from hpo.study.study import Study

_WORDS = "hpo.cli.words"


class _ProgramCommand(click.Command):
    """A command after whose ``--`` another command line follows."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before ``--``, and keep the rest."""
        at = args.index("--") if "--" in args else len(args)
        context.meta[_WORDS] = args[at + 1 :]
        return super().parse_args(context, args[:at])

    def collect_usage_pieces(self, context: click.Context) -> list[str]:
        """Return what the usage line shows."""
        return [*super().collect_usage_pieces(context), "-- PROGRAM..."]


@click.command("run", cls=_ProgramCommand)
@storage_argument
@study_options
@creation_options
@run_options("programs that run at a time")
@click.option(
    "--timeout-per-trial",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End a program that runs longer.",
)
@click.option("--result-file", metavar="FILE", help="Where the program leaves its result; may have placeholders.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where each trial gets a folder with its log.  [default: hpo-run/STUDY]",
)
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="From SIGTERM to SIGKILL, for a program that is ended.",
)
@click.option(
    "--max-failures",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="End the run after so many failures in a row.",
)
@sampler_options
@pruner_options
@click.pass_context
def run(
    context: click.Context,
    /,
    storage: Storage,
    study_name: str | None,
    timeout_per_trial: float | None,
    result_file: str | None,
    folder: Path | None,
    grace: float,
    max_failures: int,
    sampler: str | None,
    sampler_kwargs: str | None,
    pruner: str | None,
    pruner_kwargs: str | None,
    **given: Any,
) -> None:
    """Tune any program.

    Runs the PROGRAM once per trial. It gets its parameters by placeholders such as {lr}, as environment variables, or as
    a JSON file {params}. The last line of JSON that it prints is its result: 0.25 or {"value": 0.25}. Lines such as
    {"step": 3, "value": 0.5} are reports, and a trial that does not look good is ended. The study is created if it does
    not exist.
    """
    from hpo.cli.programs.objective import ProgramObjective, Template, check_program

    words = context.meta[_WORDS]
    if not words:
        raise click.UsageError("no program was given: put it after --, as in: hpo run STORAGE ... -- python train.py")
    facts = {name: value for name, value in given.items() if name not in _LIMITS}
    limits = {name: given[name] for name in _LIMITS}
    advisors = {"sampler": sampler_from(sampler, sampler_kwargs), "pruner": pruner_from(pruner, pruner_kwargs)}
    # what can be wrong with the command line is found out before a study is created
    check_program(words, facts["space"] or ())
    template = None if facts["space"] is None else Template(words, [*facts["space"]])
    study, space = _study_and_space(storage, study_name, facts, advisors)
    if (
        limits["n_jobs"] != 1
        and result_file is not None
        and not any("{" + name + "}" in result_file for name in _DIFFERENT)
    ):
        raise InvalidArgument(
            f"programs that run at a time need a --result-file each: put {{number}} into the name, got {result_file!r}"
        )
    objective = ProgramObjective(
        command=template or Template(words, [*space]),
        space=space,
        study_name=study.study_name,
        metric_names=tuple(study.state.metric_names or ()),
        folder=folder or Path("hpo-run") / re.sub(r"[^\w.-]", "_", study.study_name),
        result_file=None if result_file is None else Template([result_file], [*space]),
        timeout=timeout_per_trial,
        grace=grace,
    )
    failures = _FailuresInARow(max_failures)
    with _ended_by_signals():
        try:
            run_trials(study, objective, callbacks=[failures], **limits)
        finally:
            objective.end_all()
    if failures.in_a_row >= max_failures:
        raise ProgramFailedError(failures.in_a_row, failures.last_reason)


_LIMITS = ("n_trials", "total_trials", "timeout", "n_jobs", "progress")
_DIFFERENT = ("number", "job", "folder", "result")
"""Placeholders that differ between programs that run at a time."""


@attrs.define(eq=False)
class ProgramFailedError(HpoError, RuntimeError):
    """So many trials in a row have failed that the run has ended."""

    n: int
    reason: str | None

    def __str__(self) -> str:
        failures = "1 trial" if self.n == 1 else f"{self.n} trials in a row"
        return f"{failures} failed, which ends the run (--max-failures): {self.reason}"


@attrs.define
class _FailuresInARow:
    """Ends a run after several failures in a row."""

    most: int
    in_a_row: int = 0
    last_reason: str | None = None

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        if trial.state is not hpo.TrialState.FAIL:
            self.in_a_row = 0
            return
        self.in_a_row, self.last_reason = self.in_a_row + 1, trial.reason
        if self.in_a_row >= self.most:
            study.stop()


def _study_and_space(
    storage: Storage, name: str | None, facts: dict[str, Any], advisors: dict[str, Any]
) -> tuple[Study, SearchSpace]:
    """Return the study, which is created if it does not exist, and the space of its parameters."""
    given = facts["space"]
    name = name if name is not None or (given is not None and not storage.names()) else only_name(storage, name)
    exists = name is not None and name in storage.names()
    if exists:
        known = continued_study(storage, name, **advisors)
        if known.state.space is None:  # it can't be declared any more: its trials ask for one parameter after the other
            facts = {**facts, "space": None}
    elif given is None:
        raise InvalidArgument(f"there is no study {name!r} in {storage.location}: give --space to create it")
    study = created_study(storage, name, facts, load_if_exists=True, **advisors)
    space = given if given is not None else joint_space(study.state)
    if not space:
        raise InvalidArgument(
            f"study {study.study_name!r} has no search space and no trials to infer one from: give --space"
        )
    return study, space


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM, with which clusters end jobs, and the end of the terminal do what Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
