"""The command ``hpo importance``: which parameters mattered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import hpo
from hpo.cli.objectives import place_of, shown_objectives
from hpo.cli.options import format_option, read_state, storage_argument, study_options
from hpo.cli.output import print_out, visible, written
from hpo.errors import InvalidArgument

if TYPE_CHECKING:
    from hpo.core import StudyState
    from hpo.importance import ImportanceEvaluator, Target
    from hpo.journal.storage import Storage

_COLUMNS = ["name", "share", "share_low", "share_high", "clear", "direction", "where"]
_TARGETS = ("cost", "duration", "failure", "infeasibility")


@click.command("importance")
@storage_argument
@study_options
@click.option(
    "--param", "params", metavar="NAME", multiple=True, help="Assess this parameter, once for each; all by default."
)
@click.option(
    "--target",
    metavar="WHAT",
    help="What matters: an objective by name or number, cost, duration, failure or infeasibility.  [default: all objectives]",
)
@click.option(
    "--measure",
    type=click.Choice(["ped-anova", "fanova", "shapley", "impurity", "permutation"]),
    default="ped-anova",
    show_default=True,
    help="What importance is.",
)
@click.option(
    "--near",
    type=click.FloatRange(0.1, 1.0, min_open=True),
    help="Only among this share of the trials, the best ones; for ped-anova.",
)
@format_option("table")
def importance(
    storage: Storage,
    study_name: str | None,
    params: tuple[str, ...],
    target: str | None,
    measure: str,
    near: float | None,
    style: str,
) -> None:
    """Show which parameters matter most.

    By default these are the ones that decide whether a trial is among the best tenth; --measure fanova shows which move the
    result most. STORAGE can be given instead of --storage. Shares sum to 1; low and high are the ends of intervals of
    95 %. What is not clear is no more than chance gives. Direction is from -1 (the best trials have small values) to 1
    (large ones), and where is the range or the choice that the best trials have more often than others.
    """
    if near is not None and measure != "ped-anova":
        raise click.UsageError("--near is an option of --measure ped-anova")
    state = read_state(storage, study_name)
    found = hpo.importance.importances(
        state,
        evaluator=_evaluator(measure, near),
        params=list(params) or None,
        target=None if target is None else _target(state, target),
    )
    for doubt in found.doubts:
        click.echo(visible(doubt), err=True)
    records = found.records()
    if style in {"table", "csv", "value"}:  # for people; the others have all digits
        records = [{key: _short(value) for key, value in record.items()} for record in records]
    print_out(written(records, columns=_COLUMNS, style=style))


def _evaluator(measure: str, near: float | None) -> ImportanceEvaluator:
    if measure == "ped-anova":
        return hpo.importance.PedAnovaImportanceEvaluator(region_quantile=1.0 if near is None else near)
    names = {
        "fanova": "FanovaImportanceEvaluator",
        "shapley": "ShapleyImportanceEvaluator",
        "impurity": "MeanDecreaseImpurityImportanceEvaluator",
        "permutation": "PermutationImportanceEvaluator",
    }
    evaluator: ImportanceEvaluator = getattr(hpo.importance, names[measure])()
    return evaluator


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return " to ".join(f"{end:.4g}" for end in value)
    return round(value, 4) if isinstance(value, float) else value


def _target(state: StudyState, given: str) -> Target:
    """Return a target from its name, or from the name or number of an objective; less is better."""
    place = place_of(state, given)
    if place is None:
        if given in _TARGETS:
            return given  # type: ignore[return-value]
        objectives = shown_objectives(state)
        raise InvalidArgument(f"--target is an objective ({objectives}) or {', '.join(_TARGETS)}; got {given!r}")
    sign = -1.0 if state.directions[place] == "maximize" else 1.0
    return lambda trial: None if trial.values is None else sign * trial.values[place]
