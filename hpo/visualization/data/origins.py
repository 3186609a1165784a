"""Where trials come from: the rule that suggested each, and the trials that they were forked or retried from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Unpack

import numpy as np

from hpo.core import FrozenTrial, HasState, StudyState, as_float, as_int
from hpo.visualization.data.parts import (
    MOST_MARKS,
    Layer,
    Panel,
    Placed,
    Plot,
    Select,
    TrialColumns,
    best_in,
    category,
    columns_of,
    counted,
    finite,
    label,
    notes_of,
    nothing,
    numeric,
    sentence_of,
    targets_of,
    trial_layers,
)

_MOST_RULES = 14
_MOST_LINKS = 3_000


def why(study: StudyState | HasState, **select: Unpack[Select]) -> Plot:
    """Return the rule that suggested each trial, by number, and below what the sampler expected of it.

    The rules are those that samplers note, for example ``startup``, ``model`` or ``untried``; a trial whose parameters were
    suggested by different rules has a mark for each. The lower panel is there if the sampler noted an acquisition value.

    Args:
        study: A study or its state.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.TPESampler(n_startup_trials=2), seed=1)
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=4)
        >>> [text for _, text in why(study).panels[0].y.ticks]
        ['startup', 'model']
    """
    kind, title = "why", "Why each trial"
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]):
        return nothing(kind, title, sentence)
    rows: list[int] = []
    rules: list[int] = []
    known: dict[str, int] = {}
    for place, trial in enumerate(columns.trials):
        for rule in rules_of(trial):
            rows.append(place)
            rules.append(known.setdefault(rule, len(known)))
    if len(known) > _MOST_RULES:  # the rarest ones share a lane
        counts = np.bincount(rules, minlength=len(known))
        kept = sorted(np.argsort(-counts, kind="stable")[: _MOST_RULES - 1].tolist())
        place_of = {rule: place for place, rule in enumerate(kept)}
        rules = [place_of.get(rule, _MOST_RULES - 1) for rule in rules]
        names = [*known]
        known = {names[rule]: place for place, rule in enumerate(kept)} | {"other rules": _MOST_RULES - 1}
    marks = TrialColumns(columns.name, columns.state, [columns.trials[row] for row in rows])
    goal = targets_of(marks, None, "Objective Value")[0]
    x = numeric("Trial", marks.number)
    y = category("Rule", [*known], np.array(rules, dtype=np.float64))
    best = best_in(marks, targets_of(marks, None, "Objective Value"))
    layers, drawn = trial_layers(marks, goal, x, y, most=MOST_MARKS // 2, best=best)
    panels = [Panel(x.axis, y.axis, layers)]
    expected = np.array([_acquisition(trial) for trial in columns.trials], dtype=np.float64)
    noted = finite(expected)
    if noted.any():
        above = Placed(x.axis, columns.number, np.ones(len(columns), dtype=np.bool_))
        second = numeric("Acquisition", np.where(noted, expected, np.nan))
        goal = targets_of(columns, None, "Objective Value")[0]
        lower, _ = trial_layers(columns, goal, above, second, most=MOST_MARKS // 2, of=noted)
        panels.append(Panel(x.axis, second.axis, lower))
    notes = []
    if drawn < len(rows):
        notes.append(f"{drawn:,} of {len(rows):,} marks drawn: of those in one place the best trial.")
    return Plot(kind, title, panels, notes=[*notes, *notes_of([columns])])


def lineage(
    study: StudyState | HasState, *, target_name: str = "Objective Value", log: bool = False, **select: Unpack[Select]
) -> Plot:
    """Return the trials that were forked or retried, by number and value, each joined with the trial that it comes from.

    Args:
        study: A study or its state.
        target_name: The name of the objective, if it has none.
        log: Whether to draw the values on a log axis.
        **select: Which trials to show: `trials`, `last`, `top`, `states`.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> study.add_trial(hpo.create_trial(state=hpo.TrialState.FAIL))
        >>> study.add_trial(hpo.create_trial(value=1.0, user_attrs={"retried_from": 0, "retry": 1}))
        >>> [(layer.name, layer.x.tolist()) for layer in lineage(study).panels[0].layers][:2]
        [('comes from', [0.0, 1.0, nan]), ('failed', [0.0])]
    """
    kind, title = "lineage", "Forks and retries"
    columns = columns_of(study, select)
    if sentence := sentence_of([columns]):
        return nothing(kind, title, sentence)
    place_of = {trial.number: place for place, trial in enumerate(columns.trials)}
    links = [
        (place_of[parent], place)
        for place, trial in enumerate(columns.trials)
        if (parent := _parent(trial)) is not None and parent in place_of
    ]
    origin = columns.state.parent
    notes = [f"The study was forked from {label(origin[0])} after {counted(origin[1], 'event')}."] if origin else []
    if not links:
        sentence = "There is nothing to draw: no trial was forked or retried from another one."
        return nothing(kind, title, sentence, [*notes, *notes_of([columns])])
    goals = targets_of(columns, None, target_name)
    x = numeric("Trial", columns.number)
    y = numeric(goals[0].name, goals[0].values, log=log, lane="no value")
    members = np.zeros(len(columns), dtype=np.bool_)
    members[[place for link in links for place in link]] = True
    shown = links[:: len(links) // _MOST_LINKS + 1]
    ends = np.array([(parent, child) for parent, child in shown], dtype=np.int64)
    gap = np.full((len(shown), 1), np.nan)
    line_x, line_y = (np.hstack([side.positions[ends], gap]).ravel() for side in (x, y))
    layers, drawn = trial_layers(columns, goals[0], x, y, most=MOST_MARKS, of=members, best=best_in(columns, goals))
    notes.append(f"{counted(len(links), 'trial')} of {len(columns):,} from another one.")
    if drawn < members.sum():
        notes.append(f"{drawn:,} of {int(members.sum()):,} members of families drawn.")
    if len(shown) < len(links):
        notes.append(f"{len(shown):,} of {len(links):,} lines drawn.")
    if others := int((~members).sum()):
        notes.append(f"{counted(others, 'trial')} without relatives not drawn.")
    panel = Panel(x.axis, y.axis, [Layer("line", "comes from", "family", x=line_x, y=line_y), *layers])
    return Plot(kind, title, [panel], notes=[*notes, *notes_of([columns], goals[:1])])


def rules_of(trial: FrozenTrial) -> list[str]:
    """Return the rules that suggested the parameters of a trial, each once; one word if there is no rule on record.

    Example:
        >>> import hpo
        >>> rules_of(FrozenTrial(0, hpo.TrialState.RUNNING, note={"x": {"rule": "startup"}, "y": {"rule": "startup"}}))
        ['startup']
    """
    found = dict.fromkeys(_rules_in(trial.note))
    if found:
        return [*found]
    if trial.fixed_params and set(trial.fixed_params) >= set(trial.params):
        return ["enqueued"]
    return ["no note"]


def _rules_in(note: Mapping[str, Any]) -> Iterator[str]:
    """Yield the rules of a note: its own, with the sampler chosen by a combination, or those of lone parameters."""
    rule = note.get("rule")
    if isinstance(rule, str):
        inner = note.get(rule)
        inside = [*_rules_in(inner)] if isinstance(inner, Mapping) else []
        chosen = note.get("chosen")
        yield label(f"{chosen}: {rule}" if isinstance(chosen, str) else inside[0] if inside else rule, 18)
        return
    for inner in note.values():
        if isinstance(inner, Mapping):
            yield from _rules_in(inner)


def _acquisition(trial: FrozenTrial) -> float:
    value = as_float(trial.note.get("acquisition"))
    return math.nan if value is None else value


def _parent(trial: FrozenTrial) -> int | None:
    if trial.parent is not None:
        return trial.parent
    return as_int(trial.user_attrs.get("retried_from"))
