"""The command ``hpo pareto``: the front of a study, how good it is, and which trial to take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

import hpo
from hpo.cli.objectives import checked_place, numbers_by_name
from hpo.cli.options import format_option, read_state, storage_argument, study_options
from hpo.cli.output import Record, print_out, trial_record, visible, written, written_alone

if TYPE_CHECKING:
    from hpo.journal.storage import Storage

_COLUMNS = ("number", "values_", "contribution", "crowding", "chosen", "params_")


@click.command("pareto")
@storage_argument
@study_options
@click.option(
    "--reference",
    metavar="OBJECTIVE=VALUE",
    multiple=True,
    help="Reference point of the hypervolume, once for each objective.  [default: a tenth beyond the front]",
)
@click.option("--weight", "weights", metavar="OBJECTIVE=VALUE", multiple=True, help="How much an objective counts.")
@click.option(
    "--bound", "bounds", metavar="OBJECTIVE=VALUE", multiple=True, help="Worst value of an objective that is allowed."
)
@format_option("table")
def pareto(
    storage: Storage,
    study_name: str | None,
    reference: tuple[str, ...],
    weights: tuple[str, ...],
    bounds: tuple[str, ...],
    style: str,
) -> None:
    """Show the front, its hypervolume and a choice.

    The front has the feasible trials that no other trial dominates. The choice is its knee, or the best by weights and within bounds,
    with the reason. Objectives go by name, or by number from 0. STORAGE can be given instead of --storage.
    """
    state = read_state(storage, study_name)
    point = _by_objective(state, reference, "--reference") or None
    volume = hpo.pareto.hypervolume(state, point)
    choice = _choice(state, _by_objective(state, weights, "--weight"), _by_objective(state, bounds, "--bound"))
    front = _records(state, volume, choice)
    if style in {"json", "yaml"}:
        print_out(written_alone(_summary(volume, choice, front), columns=(), style=style))
        return
    print_out(written([_short(record) for record in front], columns=_COLUMNS, style=style))
    if style == "table":
        print_out(visible(_said(volume)) + "\n")
        if choice is not None:
            print_out(visible(choice.reason) + "\n")


def _by_objective(state: hpo.StudyState, pairs: Sequence[str], option: str) -> dict[str, float]:
    """Return the numbers in ``objective=number`` strings by the names that `hpo.pareto` uses."""
    names = hpo.pareto.objective_names(state)
    found: dict[str, float] = {}
    for given, number in numbers_by_name(pairs, option).items():
        name = names[checked_place(state, given, option)]
        if name in found:
            raise click.BadParameter(f"{name!r} was given before, by its name or its number", param_hint=option)
        found[name] = number
    return found


def _choice(state: hpo.StudyState, weights: dict[str, float], bounds: dict[str, float]) -> hpo.pareto.Choice | None:
    if not hpo.pareto.front(state):
        return None
    if weights or bounds:
        return hpo.pareto.choose(state, weights=weights or None, bounds=bounds or None)
    return hpo.pareto.knee(state)


def _records(state: hpo.StudyState, volume: hpo.pareto.Hypervolume, choice: hpo.pareto.Choice | None) -> list[Record]:
    """Return the trials of the front as records, with what each is worth."""
    crowding = hpo.pareto.crowding(state)
    shares = hpo.pareto.contributions(state, volume.reference_point) if crowding and volume.exact else {}
    chosen = None if choice is None else choice.number
    return [
        {
            **trial_record(state, trial),
            "contribution": shares.get(trial.number),
            "crowding": crowding[trial.number],
            "chosen": trial.number == chosen,
        }
        for trial in hpo.pareto.front(state)
    ]


def _summary(volume: hpo.pareto.Hypervolume, choice: hpo.pareto.Choice | None, front: list[Record]) -> Record:
    return {
        "hypervolume": volume.value,
        "hypervolume_low": volume.low,
        "hypervolume_high": volume.high,
        "reference_point": volume.reference_point,
        "choice": None if choice is None else choice.number,
        "reason": None if choice is None else choice.reason,
        "weights": None if choice is None else choice.weights,
        "front": front,
    }


def _short(record: Record) -> Record:
    """Return a record with few digits in the numbers that were computed."""
    computed = {name: record[name] for name in ("contribution", "crowding") if record[name] is not None}
    return {**record, **{name: float(f"{number:.4g}") for name, number in computed.items()}}


def _said(volume: hpo.pareto.Hypervolume) -> str:
    if not volume.reference_point:
        return "No trial is complete and feasible."
    point = ", ".join(f"{name} {value:.6g}" for name, value in volume.reference_point.items())
    interval = "" if volume.exact else f" (95 %: {volume.low:.6g} to {volume.high:.6g})"
    return f"Hypervolume {volume.value:.6g}{interval}, up to {point}."
