"""The command that runs trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import click

from hpo.cli.completion_command import complete_files
from hpo.cli.options import (
    continued_study,
    promoter_from,
    promoter_options,
    pruner_from,
    pruner_options,
    sampler_from,
    sampler_options,
    study_options,
)
from hpo.cli.runs import run_options, run_trials
from hpo.errors import HpoError, TrialPruned

if TYPE_CHECKING:
    from hpo.journal.storage import Storage


@click.command("optimize")
@click.argument("location", metavar="FILE.py:OBJECTIVE", shell_complete=complete_files)
@study_options
@run_options("parallel trials, in threads")
@sampler_options
@pruner_options
@promoter_options
def optimize(
    location: str,
    storage: Storage,
    study_name: str | None,
    sampler: str | None,
    sampler_kwargs: str | None,
    pruner: str | None,
    pruner_kwargs: str | None,
    promoter: str | None,
    promoter_kwargs: str | None,
    **limits: Any,
) -> None:
    """Run trials of an objective.

    OBJECTIVE is a function that takes a trial and returns a value, or one per direction. FILE.py does not have to import
    hpo; its directory is put on the module path. package.module:OBJECTIVE works, too. The study has to exist. Without
    --n-trials, --total-trials and --timeout, trials are run until Ctrl-C. With --promoter and without --pruner, trials are paused by the
    pruner that belongs to the promoter.
    """
    from hpo.cli.loading import described, objective_at

    chosen, promotes = pruner_from(pruner, pruner_kwargs), promoter_from(promoter, promoter_kwargs)
    study = continued_study(
        storage,
        study_name,
        sampler=sampler_from(sampler, sampler_kwargs),
        pruner=getattr(promotes, "pruner", None) if chosen is None else chosen,
        promoter=promotes,
    )
    observed = _ObservedObjective(objective_at(location))
    try:
        run_trials(study, observed, **limits)
    except (Exception, SystemExit) as error:
        if observed.first_error is None or observed.first_error[1] is not error:
            raise
        raise ObjectiveError(observed.first_error[0], described(error)) from error


@attrs.define(eq=False)
class ObjectiveError(HpoError, RuntimeError):
    """The objective raised: its trial has failed, and the run has ended."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f"trial {self.number} failed, which ends the run: {self.reason}"


@attrs.define
class _ObservedObjective:
    """An objective that keeps the first error it raised, with the number of the trial."""

    objective: Callable[[Any], Any]
    first_error: tuple[int, BaseException] | None = None

    def __call__(self, trial: Any) -> Any:
        try:
            return self.objective(trial)
        except TrialPruned:
            raise
        except (Exception, SystemExit) as error:
            self.first_error = self.first_error or (trial.number, error)
            raise
