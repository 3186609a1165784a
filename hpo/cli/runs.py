"""What commands that run trials have in common: their limits, the progress bar, and the summary at the end."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import hpo
from hpo.cli.output import visible
from hpo.cli.tables import duration_in_words
from hpo.core import FrozenTrial, best_or_none

if TYPE_CHECKING:
    from hpo.study.study import Study

F = TypeVar("F", bound=Callable[..., Any])

_MOST_PARAMS = 8  # that the summary shows
_WORDS = {"complete": "complete", "pruned": "pruned", "fail": "failed", "paused": "paused", "running": "running"}


def run_options(what: str) -> Callable[[F], F]:
    """Give a command the options that limit a run and show its progress.

    Args:
        what: What runs at a time, for the help of ``--n-jobs``.
    """

    def add(command: F) -> F:
        for option in reversed(_options(what)):
            command = option(command)
        return command

    return add


def _options(what: str) -> list[Callable[[F], F]]:
    return [
        click.option(
            "-n", "--n-trials", type=click.IntRange(min=0), help="Number of trials to run; no limit by default."
        ),
        click.option(
            "--total-trials", type=click.IntRange(min=0), help="Number of complete trials of the study, over all runs."
        ),
        click.option(
            "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Start no trial after this time."
        ),
        click.option("--n-jobs", type=int, default=1, show_default=True, help=f"Number of {what}; -1 for all CPUs."),
        click.option(
            "--progress/--no-progress", "progress", default=None, help="Show a progress bar.  [default: on a terminal]"
        ),
    ]


def run_trials(study: Study, objective: Callable[[Any], Any], *, progress: bool | None, **limits: Any) -> None:
    """Run trials of `objective`, and say at the end what came of it.

    Args:
        study: The study.
        objective: Its objective.
        progress: Whether to show a progress bar; None for on a terminal if tqdm is installed, unless the log is quiet.
        limits: Further arguments of `Study.optimize`.

    Raises:
        KeyboardInterrupt: Ctrl-C. Its message says how to go on.
    """
    says = hpo.logging.get_logger().isEnabledFor(hpo.logging.INFO)
    if progress is None:
        progress = says and sys.stderr is not None and sys.stderr.isatty() and find_spec("tqdm") is not None
    if says and all(limits.get(name) is None for name in ("n_trials", "total_trials", "timeout")):
        click.echo("Runs until Ctrl-C, because neither --n-trials nor --timeout is given.", err=True)
    with _summarized(study, says=says):
        study.optimize(objective, show_progress_bar=progress, **limits)


@contextlib.contextmanager
def _summarized(study: Study, *, says: bool) -> Iterator[None]:
    known, began = study.state.version, time.monotonic()
    known_trials = {trial.number for trial in study.state if trial.state.is_finished()}
    try:
        yield
    except KeyboardInterrupt as interrupt:
        n = sum(trial.number not in known_trials and trial.state.value == "complete" for trial in study.state)
        done = "" if study.state.version == known else f" after {n} complete trial{'' if n == 1 else 's'}"
        raise KeyboardInterrupt(f"{done}: the same command goes on with study {study.study_name!r}") from interrupt
    if says:
        ended = [trial for trial in study.state if trial.state.is_finished() and trial.number not in known_trials]
        for line in _summary(study, ended, time.monotonic() - began):
            click.echo(visible(line), err=True)


def _summary(study: Study, ended: list[FrozenTrial], seconds: float) -> Iterator[str]:
    counts: dict[str, int] = {}
    for trial in ended:
        counts[trial.state.value] = counts.get(trial.state.value, 0) + 1
    states = ", ".join(f"{n} {_WORDS.get(state, state)}" for state, n in sorted(counts.items()))
    trials = "1 trial" if len(ended) == 1 else f"{len(ended)} trials"
    yield f"{trials} in {duration_in_words(seconds)}{f': {states}' if states else ''}."
    place = f"--storage {shlex.quote(_shortened(study.storage.location))} --study-name {shlex.quote(study.study_name)}"
    if len(study.directions) > 1:
        n = len(study.best_trials)
        yield f"{n} trial{'' if n == 1 else 's'} on the Pareto front: hpo best-trials {place}"
        return
    best = best_or_none(study.state)
    if best is not None:
        shown = [f"{name}={_number(value)}" for name, value in list(best.params.items())[:_MOST_PARAMS]]
        more = ", ..." if len(best.params) > _MOST_PARAMS else ""
        yield f"Best is trial {best.number} with value {_number(best.value)}: {', '.join(shown)}{more}"
    failed = " --state fail" if counts.get("fail") and best is None else ""
    yield f"Look at {'what failed' if failed else 'them'} with: hpo trials {place}{failed}"


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _shortened(location: str) -> str:
    """Return a path relative to the current directory, if it is below it."""
    path = Path(location)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return f"{path.relative_to(Path.cwd())}{'/' if path.is_dir() else ''}"
    return location
