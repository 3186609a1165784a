"""How much a study may still improve, as the evaluators of terminators see it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol, Unpack

import numpy as np
from numpy.typing import NDArray

from hpo.core import FrozenTrial, HasState, StudyDirection, StudyState, TrialState, as_int
from hpo.errors import InvalidArgument, InvalidType
from hpo.visualization.data.history import best_so_far
from hpo.visualization.data.parts import (
    MOST_MARKS,
    Layer,
    Panel,
    Placed,
    Plot,
    Select,
    Target,
    TrialColumns,
    columns_of,
    finite,
    notes_of,
    nothing,
    numeric,
    sentence_of,
    targets_of,
    trial_layers,
)

_MOST_POINTS = 100


class Evaluator(Protocol):
    """An evaluator of a terminator: of `hpo.terminator`, or of Optuna's form."""

    def evaluate(self, trials: list[FrozenTrial], study_direction: StudyDirection) -> float:
        """Return a number in the unit of the objective."""
        ...


def terminator_improvement(
    study: StudyState | HasState,
    plot_error: bool = False,
    improvement_evaluator: Evaluator | None = None,
    error_evaluator: Evaluator | None = None,
    min_n_trials: int = 20,
    **select: Unpack[Select],
) -> Plot:
    """Return the room for improvement after each trial, and the error that it is compared with.

    Args:
        study: A study with one objective, or its state.
        plot_error: Whether to draw the error too.
        improvement_evaluator: Estimates the room for improvement from the trials up to each. None measures what the last
            `min_n_trials` finished trials have gained, which needs no model.
        error_evaluator: Estimates the error. None takes the standard error that was told with the best trial, where it was.
        min_n_trials: The number of finished trials from which on it is drawn darker: a terminator would not ask before.
        **select: Which trials to look at: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> study.add_trials([hpo.create_trial(value=value) for value in (5.0, 3.0, 3.0, 3.0)])
        >>> layer = terminator_improvement(study, min_n_trials=2).panels[0].layers[0]
        >>> layer.x.tolist(), layer.y.tolist()
        ([1.0, 2.0, 3.0], [2.0, 2.0, 0.0])
    """
    kind, title = "terminator_improvement", "Room for improvement"
    least = _checked(min_n_trials, improvement_evaluator, error_evaluator)
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]) or _unfit(columns):
        return nothing(kind, title, sentence, notes_of([columns]) if len(columns) else ())
    target = targets_of(columns, None, "Objective Value")[0]
    complete = np.flatnonzero(columns.is_status("complete", "infeasible"))
    at = complete[
        np.unique(np.linspace(0, len(complete) - 1, min(len(complete), _MOST_POINTS)).round().astype(np.int64))
    ]
    notes = []
    if improvement_evaluator is None:
        numbers, room = _gains(columns, target, complete, at, least)
        notes.append(f"Improvement: what the last {least} complete trials gained.")
    else:
        numbers, room = columns.number[at], _evaluated(columns, improvement_evaluator, at)
    lines = [("room for improvement", "best so far", numbers, room)]
    if plot_error:
        errors = _evaluated(columns, error_evaluator or _ToldError(), at)
        lines.append(("error", "reference", columns.number[at], errors))
        if not finite(errors).any():
            notes.append("No error is known: tell results with sem, or give an error_evaluator.")
    if len(at) < len(complete):
        notes.append(f"Evaluated at {len(at)} of {len(complete):,} complete trials, at even distances.")
    if len(complete) < least:
        notes.append(f"A terminator would not ask before {least} trials are complete.")
    panel, more = _panel(columns, target, lines)
    return Plot(kind, title, [panel], notes=[*notes, *more, *notes_of([columns])])


def _checked(min_n_trials: object, *evaluators: object) -> int:
    least = as_int(min_n_trials)
    if least is None:
        raise InvalidType(f"min_n_trials is a number of trials, got {min_n_trials!r}")
    if least < 1:
        raise InvalidArgument(f"min_n_trials is a number of trials of at least 1, got {least}")
    for evaluator in evaluators:
        if evaluator is not None and not callable(getattr(evaluator, "evaluate", None)):
            raise InvalidType(f"an evaluator has a method evaluate(trials, study_direction), got {evaluator!r}")
    return least


def _unfit(columns: TrialColumns) -> str | None:
    """Return why there is nothing to draw, or None."""
    if len(columns.state.directions) != 1:
        return "There is nothing to draw: this is for studies with one objective."
    if not columns.is_status("complete").any():
        return "There is nothing to draw: no trial is complete and feasible."
    return None


def _gains(
    columns: TrialColumns, target: Target, complete: NDArray[np.int64], at: NDArray[np.int64], least: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return numbers of trials, and by how much the best value was better there than `least` complete trials before."""
    best_numbers, best = best_so_far(columns, target)
    numbers = columns.number[at]
    rank = np.searchsorted(columns.number[complete], numbers)
    before = columns.number[complete][np.maximum(rank - least, 0)]
    now, then = (np.searchsorted(best_numbers, where, side="right") - 1 for where in (numbers, before))
    with np.errstate(invalid="ignore"):
        gains = np.abs(best[now] - best[np.maximum(then, 0)])
    keep = (rank > 0) & (now >= 0) & (then >= 0)
    return numbers[keep], gains[keep]


def _evaluated(columns: TrialColumns, evaluator: Evaluator, at: NDArray[np.int64]) -> NDArray[np.float64]:
    direction = StudyDirection(columns.state.directions[0])
    return np.array([_number(evaluator.evaluate(columns.trials[: place + 1], direction)) for place in at.tolist()])


def _panel(
    columns: TrialColumns, target: Target, lines: Sequence[tuple[str, str, NDArray[np.float64], NDArray[np.float64]]]
) -> tuple[Panel, list[str]]:
    """Return the panel, in which trials that are not complete or not feasible stand in a lane below, and its notes."""
    extent = np.concatenate([heights for *_, heights in lines])
    others = ~columns.is_status("complete")
    lane = [math.nan] if others.any() else []
    y = numeric("Improvement", np.append(extent[finite(extent)], lane), also=[0.0], lane="not complete")
    x = numeric("Trial", columns.number)
    layers = [
        Layer("line", name, role, x=numbers, y=np.where(finite(heights), heights, np.nan))
        for name, role, numbers, heights in lines
    ]
    if not others.any():
        return Panel(x.axis, y.axis, layers), []
    below = Placed(y.axis, np.full(len(columns), y.positions[-1]), ~others)
    points, drawn = trial_layers(columns, target, x, below, most=MOST_MARKS, of=others)
    more = [f"{drawn:,} of {int(others.sum()):,} other trials drawn."] if drawn < others.sum() else []
    return Panel(x.axis, y.axis, [*layers, *points]), more


class _ToldError:
    """The standard error that was told with the best trial, or NaN."""

    def evaluate(self, trials: list[FrozenTrial], study_direction: StudyDirection) -> float:
        sign = -1.0 if study_direction is StudyDirection.MAXIMIZE else 1.0
        told = [t for t in trials if t.state is TrialState.COMPLETE and t.values is not None and t.feasible]
        best = min(told, key=lambda trial: sign * (trial.values or (math.inf,))[0], default=None)
        return math.nan if best is None or best.sem is None else best.sem[0]


def _number(given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        raise InvalidType(f"an evaluator returns a number, got {given!r}") from None
