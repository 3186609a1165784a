"""The importances of the parameters, with what is not known about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from msgspec.structs import replace

from hpo.core import FrozenTrial, HasState, StudyState
from hpo.core.memory import History
from hpo.errors import InvalidArgument, NoCompletedTrial
from hpo.importance import ImportanceEvaluator, Importances, get_param_importances, importances
from hpo.visualization.data.parts import (
    Axis,
    Layer,
    Panel,
    Plot,
    Select,
    TargetFunction,
    category,
    columns_of,
    counted,
    label,
    notes_of,
    nothing,
    sentence_of,
)

_KIND, _TITLE = "param_importances", "Importances of the parameters"
_MOST_BARS = 30


def param_importances(
    study: StudyState | HasState,
    evaluator: Any = None,
    params: Sequence[str] | None = None,
    *,
    target: TargetFunction | None = None,
    target_name: str = "Objective Value",
    **select: Unpack[Select],
) -> Plot:
    """Return a bar for the importance of each parameter, with its interval; a panel for each objective.

    Bars of parameters that chance would give the same importance are grey. The notes say how many trials were not looked at,
    and whether the trials can tell at all.

    Args:
        study: A study or its state.
        evaluator: The measure: one of `hpo.importance`, or an object with the method of Optuna's.
        params: The names of the parameters; by default all that the evaluator can assess.
        target: What matters, less being better; None for the objectives.
        target_name: Its name.
        **select: Which trials to look at: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid, or no trial has one of the parameters.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> for _ in range(100):
        ...     trial = study.ask({"x": hpo.FloatDistribution(-1, 1), "y": hpo.FloatDistribution(-1, 1)})
        ...     _ = study.tell(trial, trial.params["x"] ** 2)
        >>> [panel] = param_importances(study).panels
        >>> [text for _, text in panel.y.ticks]
        ['y', 'x']
    """
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]):
        return nothing(_KIND, _TITLE, sentence)
    state = columns.state
    if columns.n_left_out:
        state = _with_trials(state, columns.trials)
    goals: list[tuple[str, TargetFunction | None]] = [(target_name, target)]
    if target is None and state.metric_names:
        goals = [(state.metric_names[0], None)]
    if target is None and len(state.directions) > 1:
        names = state.metric_names or [f"{target_name} {place}" for place in range(len(state.directions))]
        goals = [
            (name, _objective(place, towards))
            for place, (name, towards) in enumerate(zip(names, state.directions, strict=True))
        ]
    panels, notes = [], []
    for name, goal in goals:
        try:
            found = _assessed(state, evaluator, params, goal)
        except NoCompletedTrial:
            return nothing(_KIND, _TITLE, "There is nothing to draw: no trial is complete.", notes_of([columns]))
        except InvalidArgument:
            if params is not None:
                raise
            return nothing(
                _KIND, _TITLE, "There is nothing to draw: the trials have no parameter to assess.", notes_of([columns])
            )
        if not found.entries:
            return nothing(
                _KIND,
                _TITLE,
                " ".join(found.doubts) or "There is nothing to draw: no parameter to assess.",
                notes_of([columns]),
            )
        panels.append(_panel(found, name if len(goals) > 1 else ""))
        notes += [sentence for sentence in _notes(found) if sentence not in notes]
    return Plot(_KIND, _TITLE, panels, min(len(panels), 3), [*notes, *notes_of([columns])])


def _with_trials(state: StudyState, trials: Sequence[FrozenTrial]) -> StudyState:
    """Return a state with these finished trials only."""
    return replace(state, finished=History([trial for trial in trials if trial.state.is_finished()]))


def _objective(place: int, towards: str) -> TargetFunction:
    sign = -1.0 if towards == "maximize" else 1.0

    def loss(trial: FrozenTrial) -> float:
        assert trial.values is not None
        return sign * trial.values[place]

    return loss


def _assessed(
    state: StudyState, evaluator: Any, params: Sequence[str] | None, target: TargetFunction | None
) -> Importances:
    if evaluator is None or isinstance(evaluator, ImportanceEvaluator):
        return importances(state, evaluator=evaluator, params=params, target=target)
    found = get_param_importances(state, evaluator=evaluator, params=params, target=target)
    return Importances.of(found.items(), method=type(evaluator).__name__, n_trials=len(state.finished))


def _panel(found: Importances, title: str) -> Panel:
    entries = [*found.entries[:_MOST_BARS]][::-1]  # the most important one stands at the top
    y = category("", [entry.name for entry in entries], np.empty(0)).axis
    high = max([entry.share_high for entry in entries] + [entry.share for entry in entries])
    layers = []
    for name, role, clear in (("importance", "bar", True), ("not more than by chance", "unclear bar", False)):
        own = [(place, entry) for place, entry in enumerate(entries) if entry.is_clear == clear]
        if own:
            texts = tuple(_text(found, entry) for _, entry in own)
            shares = [entry.share for _, entry in own]
            low = np.minimum([entry.share_low for _, entry in own], shares)
            top = np.maximum([entry.share_high for _, entry in own], shares)
            layers.append(
                Layer("bars", name, role, x=shares, y=[place for place, _ in own], low=low, high=top, text=texts)
            )
    return Panel(Axis("Share of the importance", range=(0.0, max(high * 1.05, 1e-9))), y, layers, label(title))


def _text(found: Importances, entry: Any) -> str:
    interval = f"{entry.share:.1%} ({found.confidence:.0%} interval {entry.share_low:.1%} to {entry.share_high:.1%})"
    return f"{label(entry.name)}: {interval}"


def _notes(found: Importances) -> list[str]:
    notes = [f"{found.method[:1].upper()}{found.method[1:].rstrip('.')}; {counted(found.n_trials, 'trial')}."]
    left_out = [f"{n:,} {label(reason)}" for reason, n in found.left_out.items() if n]
    if left_out:
        notes.append(f"Not looked at: {', '.join(left_out)}.")
    if len(found.entries) > _MOST_BARS:
        notes.append(f"{counted(len(found.entries) - _MOST_BARS, 'parameter')} not shown: choose with params.")
    return [*notes, *found.doubts]
