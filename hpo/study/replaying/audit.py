"""An audit of the pruning of a study: what it has saved, and what it has lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from hpo.core import PruningDecided, TrialState, losses, replay
from hpo.errors import SeveralObjectives
from hpo.study.replaying.backtest import Interval, best_loss, share_interval
from hpo.study.replaying.verification import events_of


@attrs.frozen
class Audit:
    """How much the pruning of a study has saved and, where full curves are known, what it has lost.

    Attributes:
        trials: How many trials have finished with at least one report.
        pruned: How many of them were pruned.
        steps: How many steps they ran.
        saved_steps: How many steps the pruned ones would have run in addition: up to the length of their curves where these
            are known, and else up to the median length of the complete trials.
        judged: How many of the pruned trials have a known curve.
        lost: How many of these would have ended better than the best complete trial.
        lost_interval: An interval of 95 % for the share of pruned trials that would have won.
        by_rule: How many trials were stopped by each rule, as the journal says.
    """

    trials: int
    pruned: int
    steps: int
    saved_steps: int
    judged: int
    lost: int
    lost_interval: Interval
    by_rule: Mapping[str, int]

    @property
    def saved(self) -> float:
        """The share of steps that pruning saved."""
        total = self.steps + self.saved_steps
        return self.saved_steps / total if total else 0.0

    def __str__(self) -> str:
        rules = ", ".join(f"{rule} {n}" for rule, n in self.by_rule.items()) or "no rule is on record"
        text = f"{self.pruned} of {self.trials} trials were pruned ({rules}), which saved {self.saved:.1%} of the steps"
        if not self.judged:
            return f"{text}; no full curve of a pruned trial is known"
        low, high = self.lost_interval
        return f"{text}; {self.lost} of {self.judged} would have won ({low:.1%} to {high:.1%})"


def audit_pruning(
    source: Any, curves: Mapping[int, Sequence[float]] | Callable[[Mapping[str, Any]], Sequence[float]] | None = None
) -> Audit:
    """Return how many steps the pruning of a study has saved, and how often a pruned trial would have won.

    Args:
        source: A `Study`, a journal, or a sequence of events.
        curves: Full learning curves: by the trial's number, or as a function of its parameters. None if they are not known.

    Raises:
        SeveralObjectives: the study has several objectives.
        InvalidType: the source is something else.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> def curve(params):
        ...     return [params["x"] + 1 / step for step in range(1, 10)]
        >>> def objective(trial):
        ...     trial.suggest_float("x", 0, 1)
        ...     for step, value in enumerate(curve(trial.params), 1):
        ...         trial.report(value, step)
        ...         if trial.should_prune():
        ...             raise hpo.TrialPruned
        ...     return value
        >>> pruner = hpo.pruners.SuccessiveHalvingPruner(1, 3)
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), pruner=pruner, seed=1)
        >>> study.optimize(objective, n_trials=30)
        >>> audit = audit_pruning(study, curves=curve)
        >>> audit.lost, audit.judged == audit.pruned, audit.by_rule == {"halving": audit.pruned}
        (0, True, True)
    """
    events = [*events_of(source)]
    end = replay(events)
    if len(end.directions) != 1:
        raise SeveralObjectives("audit_pruning", "a study with one objective")
    reporting = [trial for trial in end.finished if trial.intermediate_values]
    complete = [len(trial.intermediate_values) for trial in reporting if trial.state is TrialState.COMPLETE]
    usual = int(np.median(complete)) if complete else 0
    best = best_loss(end)
    saved = judged = lost = 0
    pruned = [trial for trial in reporting if trial.state is TrialState.PRUNED]
    for trial in pruned:
        curve = curves(trial.params) if callable(curves) else (curves or {}).get(trial.number)
        ran = len(trial.intermediate_values)
        saved += max((usual if curve is None else len(curve)) - ran, 0)
        if curve is not None and len(curve):
            judged += 1
            lost += losses(end.directions, (float(curve[-1]),))[0] < best
    return Audit(
        trials=len(reporting),
        pruned=len(pruned),
        steps=sum(len(trial.intermediate_values) for trial in reporting),
        saved_steps=saved,
        judged=judged,
        lost=lost,
        lost_interval=share_interval(lost, judged),
        by_rule=_stops_by_rule(events, {trial.number for trial in pruned}),
    )


def _stops_by_rule(events: Sequence[Any], pruned: set[int]) -> dict[str, int]:
    rules: dict[int, str] = {}
    for event in events:
        if isinstance(event, PruningDecided) and event.name == "stop" and event.number in pruned:
            named = event.reason.get("rule") if isinstance(event.reason, dict) else None
            rules[event.number] = str(named or "without a reason")
    found: dict[str, int] = {}
    for rule in rules.values():
        found[rule] = found.get(rule, 0) + 1
    return found
