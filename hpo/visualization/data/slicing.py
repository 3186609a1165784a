"""Slices: the value of each trial by the value of one parameter, a panel for each parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from hpo.core import CategoricalDistribution, Distribution, HasState, IntDistribution, StudyState
from hpo.errors import HpoError, InvalidArgument, InvalidType
from hpo.visualization.data.parts import (
    MOST_MARKS,
    ColorScale,
    Layer,
    Panel,
    Placed,
    Plot,
    Select,
    TargetFunction,
    TrialColumns,
    best_in,
    columns_of,
    counted,
    label,
    notes_of,
    nothing,
    numeric,
    parameter,
    sentence_of,
    targets_of,
    trial_layers,
)

_KIND, _TITLE = "slice", "Slices"
_MOST_PANELS = 12
_MOST_COLUMNS = 4
NO_MODEL = "The model can't predict anything yet."
_MODEL_POINTS = 25

Predict = Callable[[Sequence[Mapping[str, Any]]], Sequence[Sequence[Any]]]
"""Returns for each configuration a prediction with `mean` and `deviation` for each objective: `hpo.Study.predict_many`."""


def slices(
    study: StudyState | HasState,
    params: Sequence[str] | None = None,
    *,
    target: TargetFunction | None = None,
    target_name: str = "Objective Value",
    direction: str | None = None,
    log: bool = False,
    predict: Predict | bool = False,
    **select: Unpack[Select],
) -> Plot:
    """Return the values of the trials by each parameter; later trials are lighter, and the best one is marked.

    Trials without the parameter stand at the left, under "not set"; trials without a value below all others. A study
    with several objectives has a row of panels for each.

    Args:
        study: A study or its state.
        params: The names of the parameters; by default the first twelve.
        target: Returns the value of a complete trial; None for the objectives.
        target_name: Its name.
        direction: ``"minimize"`` or ``"maximize"``, for a target: which trial is the best one.
        log: Whether to draw the values on a log axis.
        predict: Whether to ask the study for the model of the Gaussian process, or a function such as its method
            `predict_many`. Its mean and two standard deviations along each parameter, with the others as in the best trial,
            are drawn under the points.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid, or no trial has a parameter with one of the names.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> space = {"x": hpo.FloatDistribution(0, 1)}
        >>> study.add_trials([hpo.create_trial(value=x, params={"x": x}, distributions=space) for x in (0.5, 0.25)])
        >>> plot = slices(study)
        >>> [(layer.role, layer.x.tolist()) for layer in plot.panels[0].layers]
        [('complete', [0.5, 0.25]), ('best', [0.25])]
    """
    columns, model = columns_of(study, select), asked(study, predict)
    if sentence := sentence_of([columns]):
        return nothing(_KIND, _TITLE, sentence)
    names, omitted = chosen_parameters(columns, params, _MOST_PANELS)
    if not names:
        return nothing(_KIND, _TITLE, "There is nothing to draw: no trial has a parameter.")
    targets = targets_of(columns, target, target_name, direction)
    best = best_in(columns, targets)
    placed = [parameter(columns, name) for name in names]
    most = MOST_MARKS // (len(names) * len(targets))
    panels, drawn, curved = [], [], 0
    for place, goal in enumerate(targets):
        curves = [_model_curve(columns, name, x, best, model, place) for name, x in zip(names, placed, strict=True)]
        curved += sum(curve is not None for curve in curves)
        extent = [value for curve in curves if curve for side in (curve[1], curve[2]) for value in side]
        y = numeric(goal.name, goal.values, log=log, lane="no value", also=extent)
        for x, curve in zip(placed, curves, strict=True):
            layers, n = trial_layers(columns, goal, x, y, most=most, color=columns.number, best=best)
            drawn.append(n)
            panels.append(Panel(x.axis, y.axis, [*_model_layers(curve, y), *layers]))
    notes = notes_of([columns], targets, min(drawn))
    if model is not None and not curved:
        notes.append(NO_MODEL)
    if omitted:
        notes.append(f"{counted(omitted, 'parameter')} not shown: choose with params.")
    first, last = columns.number.min(), columns.number.max()
    return Plot(
        _KIND,
        _TITLE,
        panels,
        min(len(names), _MOST_COLUMNS),
        notes,
        color=ColorScale("Trial", first, max(last, first + 1)),
    )


def chosen_parameters(columns: TrialColumns, params: Sequence[str] | None, most: int) -> tuple[list[str], int]:
    """Return the names of the parameters of a plot, and how many others there are if nobody has chosen.

    By default the first ones in the order of the declared space, and then in the order in which trials had them.

    Raises:
        InvalidType: `params` is not a sequence of strings.
        InvalidArgument: no trial has one of them; or one is given twice.
    """
    known = dict.fromkeys(columns.state.space or ())
    for space in columns.spaces:
        known |= dict.fromkeys(space)
    if params is None:
        names = [*known]
        return names[:most], max(len(names) - most, 0)
    if isinstance(params, str) or not isinstance(params, Sequence):
        raise InvalidType(f"params is a sequence of names, got {params!r}")
    unknown = [name for name in params if name not in known]
    if unknown:
        there_are = ", ".join(map(repr, [*known][:10])) or "none"
        raise InvalidArgument(f"no trial has a parameter {unknown[0]!r}; there are {there_are}")
    return list(dict.fromkeys(params)), 0


_Curve = tuple[list[float], list[float], list[float], list[float]]


def asked(study: object, predict: Predict | bool) -> Predict | None:
    """Return the function that predicts, or None.

    Raises:
        InvalidType: `predict` can't be called, or is True for a state: only a study has a method `predict_many`.
    """
    if predict is False or predict is None:
        return None
    many = getattr(study, "predict_many", None) if predict is True else predict
    if not callable(many):
        raise InvalidType(f"predict is True for a study, or a function of several configurations, got {predict!r}")
    return many


def _model_curve(
    columns: TrialColumns, name: str, x: Placed, best: int | None, predict: Predict | None, objective: int
) -> _Curve | None:
    """Return positions along a parameter, the model's mean there less and plus two deviations, and the mean itself."""
    grid = _grid(columns, name, x) if predict is not None else []
    if predict is None or not grid:
        return None
    others = dict(columns.trials[best].params) if best is not None else _newest_params(columns)
    try:
        said = [each[objective] for each in predict([{**others, name: value} for _, value in grid])]
    except HpoError:  # there is no model yet, or it does not know one of the values
        return None
    mean = [float(each.mean) for each in said]
    spread = [2.0 * float(each.deviation) for each in said]
    low, high = ([m + sign * d for m, d in zip(mean, spread, strict=True)] for sign in (-1.0, 1.0))
    return [position for position, _ in grid], low, high, mean


def values_along(columns: TrialColumns, name: str, edges: NDArray[np.float64]) -> list[Any]:
    """Return a value of a parameter for the middle of each cell along its axis: choices, whole numbers, or numbers."""
    newest = newest_distribution(columns, name)
    if isinstance(newest, CategoricalDistribution):
        return [*newest.choices]
    middle = np.sqrt(edges[1:] * edges[:-1]) if getattr(newest, "log", False) else (edges[1:] + edges[:-1]) / 2
    return [_nearest(newest, x) for x in middle.tolist()]


def _nearest(distribution: Distribution | None, x: float) -> float:
    """Return the value of a numeric distribution that is nearest to a number."""
    assert distribution is not None
    assert not isinstance(distribution, CategoricalDistribution)
    if distribution.step is not None:
        x = distribution.low + round((x - distribution.low) / distribution.step) * distribution.step
    x = min(max(x, distribution.low), distribution.high)
    return round(x) if isinstance(distribution, IntDistribution) else x


def newest_distribution(columns: TrialColumns, name: str) -> Distribution | None:
    """Return the distribution that the parameter had last, or None if no trial has it."""
    return next((t.distributions[name] for t in reversed(columns.trials) if name in t.distributions), None)


def _newest_params(columns: TrialColumns) -> dict[str, Any]:
    return dict(next((trial.params for trial in reversed(columns.trials) if trial.params), {}))


def _grid(columns: TrialColumns, name: str, x: Placed) -> list[tuple[float, Any]]:
    newest = newest_distribution(columns, name)
    if newest is None:
        return []
    if isinstance(newest, CategoricalDistribution):
        return [(float(place), choice) for place, choice in enumerate(newest.choices)]
    points = [newest.from_unit(share) for share in np.linspace(0.0, 1.0, _MODEL_POINTS).tolist()]
    low, high = x.axis.range
    return [(float(value), value) for value in dict.fromkeys(points) if low <= value <= high]


def _model_layers(curve: _Curve | None, y: Placed) -> list[Layer]:
    if curve is None:
        return []
    bottom, top = y.axis.range
    positions, low, high, mean = (np.array(side, dtype=np.float64) for side in curve)
    low, high, mean = (np.clip(side, bottom, top) for side in (low, high, mean))
    return [
        Layer("band", label("model: 2 standard deviations"), "model interval", x=positions, low=low, high=high),
        Layer("line", "model: mean", "model", x=positions, y=mean),
    ]
