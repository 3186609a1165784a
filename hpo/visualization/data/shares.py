"""The empirical distribution of values: which share of the trials is at least as good as each value."""

from __future__ import annotations

from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from hpo.visualization.data.parts import (
    N_SERIES,
    Axis,
    Layer,
    Panel,
    Plot,
    Select,
    Studies,
    TargetFunction,
    TrialColumns,
    finite,
    label,
    notes_of,
    nothing,
    numeric,
    sentence_of,
    several,
    states_not_drawn,
    targets_of,
)

_KIND, _TITLE = "edf", "Empirical distribution"
_MOST_STEPS = 500


def edf(
    study: Studies,
    *,
    target: TargetFunction | None = None,
    target_name: str = "Objective Value",
    log: bool = False,
    **select: Unpack[Select],
) -> Plot:
    """Return the share of complete and feasible trials with at most each value, as a line of steps for each study.

    Where there are infeasible trials, a dotted line has them too. Pruned and failed trials are counted in a note. A study
    with several objectives has a panel for each.

    Args:
        study: A study or its state, or several of them: a sequence, or a mapping by name.
        target: Returns the value of a complete trial; None for the objectives.
        target_name: Its name.
        log: Whether to draw the values on a log axis.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> study.add_trials([hpo.create_trial(value=value) for value in (3.0, 1.0)])
        >>> (layer,) = edf(study).panels[0].layers
        >>> layer.x.tolist(), layer.y.tolist()
        ([1.0, 3.0], [0.5, 1.0])
    """
    studies = several(study, select)
    if sentence := sentence_of(studies):
        return nothing(_KIND, _TITLE, sentence)
    by_study = [targets_of(columns, target, target_name) for columns in studies]
    panels = []
    for place in range(min(map(len, by_study))):
        values = [
            np.where(columns.is_status("complete", "infeasible"), targets[place].values, np.nan)
            for columns, targets in zip(studies, by_study, strict=True)
        ]
        together = np.concatenate(values)
        x = numeric(by_study[0][place].name, together[~np.isnan(together)], log=log).axis
        layers = []
        for row, (columns, of_study) in enumerate(zip(studies, values, strict=True)):
            layers += _lines(columns, of_study, row, len(studies), log)
        if layers:
            panels.append(Panel(x, Axis("Share of trials", range=(0.0, 1.05)), layers))
    notes = [
        *states_not_drawn(studies, "complete", "infeasible"),
        *notes_of(studies, [t for ts in by_study for t in ts]),
    ]
    if not panels:
        return nothing(_KIND, _TITLE, "There is nothing to draw: no complete trial has a finite value.", notes)
    return Plot(_KIND, _TITLE, panels, notes=notes)


def _lines(columns: TrialColumns, values: NDArray[np.float64], row: int, n_studies: int, log: bool) -> list[Layer]:
    drawable = finite(values) & ((values > 0) | (not log))
    feasible, infeasible = columns.is_status("complete"), columns.is_status("infeasible")
    name = label(columns.name) if n_studies > 1 else "complete"
    layers = []
    if (drawable & infeasible).any():
        x, y = _steps(values[drawable & (feasible | infeasible)], int((feasible | infeasible).sum()))
        layers.append(Layer("steps", "with infeasible trials", "infeasible", x=x, y=y))
    if (drawable & feasible).any():
        x, y = _steps(values[drawable & feasible], int(feasible.sum()))
        layers.append(Layer("steps", name, f"series {row % N_SERIES}", x=x, y=y))
    return layers


def _steps(values: NDArray[np.float64], n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of the line, of many those at even shares, the first and the last always among them."""
    values = np.sort(values)
    places = np.unique(np.linspace(0, len(values) - 1, min(len(values), _MOST_STEPS)).round().astype(np.int64))
    return values[places], (places + 1.0) / n
