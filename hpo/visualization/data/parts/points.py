"""Trials as points: a layer for each state, what is shown on hover, and the sentences that plots share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from hpo.core import FrozenTrial
from hpo.visualization.data.parts.axes import Placed, label
from hpo.visualization.data.parts.styles import STATUS_ROLES
from hpo.visualization.data.parts.thinning import MOST_MARKS, MOST_TEXTS, rule_of, thinned
from hpo.visualization.data.parts.trials import STATUS, Target, TrialColumns, best_of, finite
from hpo.visualization.data.parts.values import Layer, Plot

_FEW = 200  # points of a panel that always have texts
_DRAWN_FIRST = ("waiting", "paused", "running", "failed", "infeasible", "pruned", "complete")


def trial_layers(
    columns: TrialColumns,
    target: Target,
    x: Placed,
    y: Placed,
    *,
    most: int,
    color: NDArray[np.float64] | None = None,
    of: NDArray[np.bool_] | None = None,
    best: int | None = None,
) -> tuple[list[Layer], int]:
    """Return the layers of points of a panel, one for each state that there is, and how many trials they show.

    Args:
        columns: The trials.
        target: Their values, which decide among trials in one place.
        x: Where each of them is drawn, from left to right.
        y: The same from bottom to top.
        most: How many points there may be.
        color: A number for the colour scale for each trial, ``(n,)``; complete trials have it, the others the colour
            of their state.
        of: Which trials are drawn, ``(n,)``; all if None.
        best: The place of the trial that is marked as the best one.
    """
    places = np.arange(len(columns)) if of is None else np.flatnonzero(of)
    status = columns.status[places]
    keep = thinned(
        x.positions[places], y.positions[places], target.losses[places], (x.axis, y.axis), most, groups=status
    )
    places, status = places[keep], status[keep]
    with_text = len(places) <= max(MOST_TEXTS * most // MOST_MARKS, _FEW)
    layers = []
    for role in _DRAWN_FIRST:
        own = places[status == STATUS[role]]
        has_color = np.zeros(len(own), dtype=np.bool_)
        if color is not None and role == "complete":
            has_color = ~np.isnan(color[own])
        for part, numbers in ((own[has_color], color), (own[~has_color], None)):
            if len(part):
                layers.append(_points(columns, target, x, y, part, role, numbers, with_text))
    if best is not None and (of is None or of[best]):
        layers.append(_points(columns, target, x, y, np.array([best]), "best", None, with_text=True))
    return layers, len(places)


def _points(
    columns: TrialColumns,
    target: Target,
    x: Placed,
    y: Placed,
    places: NDArray[np.intp],
    role: str,
    color: NDArray[np.float64] | None,
    with_text: bool,
) -> Layer:
    return Layer(
        "points",
        role,
        role,
        x=x.positions[places],
        y=y.positions[places],
        color=None if color is None else color[places],
        number=columns.number[places],
        text=hover_texts(columns, [target], places) if with_text else (),
    )


def hover_texts(columns: TrialColumns, targets: Sequence[Target], places: Iterable[int]) -> tuple[str, ...]:
    """Return what is shown on hover for some trials: number, state, values, parameters; lines separated by newlines."""
    names = [label(target.name) for target in targets]
    texts = []
    for place in places:
        trial = columns.trials[place]
        lines = [f"trial {trial.number} ({STATUS_ROLES[columns.status[place]]})"]
        lines += [f"{name} {number(target.values[place])}" for name, target in zip(names, targets, strict=True)]
        texts.append("\n".join(lines + _parameters(trial)))
    return tuple(texts)


def _parameters(trial: FrozenTrial, most: int = 12) -> list[str]:
    lines = [f"{label(name)} {number(value)}" for name, value in [*trial.params.items()][:most]]
    if len(trial.params) > most:
        lines.append(f"and {len(trial.params) - most} more parameters")
    if trial.reason:
        lines.append(label(trial.reason, 60))
    return lines


def number(value: object) -> str:
    """Return a number, or a choice, as a short text.

    Example:
        >>> number(0.12345678), number(float("nan")), number("adam")
        ('0.123457', 'none', 'adam')
    """
    if isinstance(value, float):
        return "none" if value != value else f"{value:.6g}"
    return label(value)


def nothing(kind: str, title: str, sentence: str, notes: Iterable[str] = ()) -> Plot:
    """Return a plot with nothing but a sentence, and perhaps notes."""
    return Plot(kind, title, sentence=sentence, notes=notes)


def states_not_drawn(studies: Sequence[TrialColumns], *drawn: str) -> list[str]:
    """Return a sentence that counts the trials in states that a plot does not draw, or none if there are none."""
    counts = {role: sum(columns.count(role) for columns in studies) for role in STATUS_ROLES if role not in drawn}
    named = [f"{n:,} {role}" for role, n in counts.items() if n]
    return [f"Not drawn: {', '.join(named)}."] if named else []


NO_TRIALS = "There is nothing to draw yet: the study has no trials."
NONE_SELECTED = "There is nothing to draw: no trial was selected."


def sentence_of(studies: Sequence[TrialColumns]) -> str | None:
    """Return why there is nothing to draw, if there are no trials at all."""
    if not studies:
        return "There is nothing to draw: no study was given."
    if any(len(columns) for columns in studies):
        return None
    return NONE_SELECTED if any(columns.n_left_out for columns in studies) else NO_TRIALS


def notes_of(studies: Sequence[TrialColumns], targets: Iterable[Target] = (), drawn: int | None = None) -> list[str]:
    """Return the sentences that every plot of trials needs: what is not where it would be expected.

    Args:
        studies: The trials.
        targets: The values, of all studies one after the other.
        drawn: How many trials are drawn, or None if it is not a matter of trials.
    """
    total = sum(map(len, studies))
    notes = []
    if drawn is not None and (rule := rule_of(drawn, total)):
        notes.append(rule)
    infinite = sum(int((~finite(target.values) & ~np.isnan(target.values)).sum()) for target in targets)
    if infinite:
        notes.append(
            f"{counted(infinite, 'value that is not finite is', 'values that are not finite are')} at the edge."
        )
    if left_out := sum(columns.n_left_out for columns in studies):
        notes.append(f"{counted(left_out, 'trial')} not selected.")
    if total and not any(columns.is_status("complete", "infeasible").any() for columns in studies):
        notes.append("No trial is complete yet.")
    return notes


def counted(n: int, one: str, several: str | None = None) -> str:
    """Return a number with its noun.

    Example:
        >>> counted(1, "trial"), counted(1200, "trial")
        ('1 trial', '1,200 trials')
    """
    return f"{n:,} {one if n == 1 else several or one + 's'}"


def best_in(columns: TrialColumns, targets: Sequence[Target]) -> int | None:
    """Return the place of the best trial where there is one target with a direction, and else None."""
    return best_of(columns, targets[0]) if len(targets) == 1 else None
