"""Explanations: where the parameters of a trial came from, and why it was paused, resumed, forked or stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from hpo.core import (
    AnyEvent,
    FrozenDict,
    FrozenTrial,
    Identity,
    ParamsSuggested,
    PruningDecided,
    StudyState,
    TrialAdded,
    TrialEnqueued,
    TrialPaused,
    TrialResumed,
    TrialState,
    as_float,
    evolve,
    external_params,
    from_json_tree,
    to_json_tree,
)
from hpo.samplers.registry import SAMPLERS
from hpo.study.replaying.verification import events_of
from hpo.study.running.workers import LOST_PREFIX

_WORDS = {
    "again": "drawn at random, because everything is tried and this trial was enqueued",
    "probe": "everything known is tried, so the objective is asked for its parameters one by one",
}
"""Rules that are applied whatever the sampler is."""


@attrs.frozen
class ExplainedSuggestion:
    """Some parameters of a trial that were suggested together.

    Attributes:
        params: Their values by name, without those that the trial was enqueued with.
        lone: Whether this is a parameter outside of the joint space.
        sampler: The sampler, or None if the journal does not name it.
        note: What the sampler noted about the suggestion.
    """

    params: FrozenDict[str, Any]
    lone: bool
    sampler: Identity | None
    note: FrozenDict[str, Any]

    @property
    def rule(self) -> str | None:
        """The rule that the sampler applied, if it noted one: ``"startup"``, ``"model"``, ``"untried"``, ..."""
        rule = self.note.get("rule")
        return rule if isinstance(rule, str) else None

    @property
    def acquisition(self) -> float | None:
        """How good the sampler's model expected the values to be, if it noted that; higher is better."""
        return as_float(self.note.get("acquisition"))

    def __str__(self) -> str:
        sampler = _named(self.sampler, "sampler")
        noted: dict[str, Any] = dict(self.note)
        chosen = noted.pop("chosen", None)
        parts = [f"{'asked for alone' if self.lone else 'suggested'} by {sampler}"]
        if chosen is not None:
            parts[0] += f", which asked {_printable(str(chosen))}"
        if self.rule is not None:
            del noted["rule"]
            asked = chosen if isinstance(chosen, str) else None
            words = _WORDS.get(self.rule) or SAMPLERS.words(
                self.rule, asked, None if self.sampler is None else self.sampler.name
            )
            parts.append(f"rule {self.rule!r}" + (f" ({words})" if words else ""))
        if self.acquisition is not None:
            del noted["acquisition"]
            parts.append(f"acquisition {self.acquisition:.6g}")
        if noted:
            parts.append(f"noted {json.dumps(to_json_tree(noted), ensure_ascii=False)}")
        return f"{_listed(self.params)}: {'; '.join(parts)}"


@attrs.frozen
class ExplainedDecision:
    """A decision about a trial, other than to let it go on.

    Attributes:
        decision: ``"stop"`` or ``"pause"`` of a pruner, ``"fork"`` or ``"resume"`` of a promoter; or ``"paused"`` and
            ``"resumed"``, which are what an objective or a person did; or ``"lost"``, when its worker died and it was paused again.
        advisor: The pruner or the promoter; None for an objective or a person, or if the journal does not name it.
        reason: The reason that was recorded, as JSON; the checkpoint of ``"paused"``.
    """

    decision: str
    advisor: Identity | None = None
    reason: Any = None

    def __str__(self) -> str:
        reason = "" if self.reason is None else json.dumps(self.reason, ensure_ascii=False)
        match self.decision:
            case "stop" | "pause":
                text = f"{self.decision}: decided by {_named(self.advisor, 'pruner')}"
            case "fork" | "resume":
                text = f"{self.decision}: decided by {_named(self.advisor, 'promoter')}"
            case "paused":
                return f"paused, with the checkpoint {reason}" if reason else "paused"
            case _:
                text = self.decision
        return f"{text}, because of {reason}" if reason else text


@attrs.frozen
class Explanation:
    """The origin of the parameters of a trial, and the decisions about it; as a string, it is a report for people.

    Attributes:
        trial: The trial as it is now.
        suggestions: The suggestions in order: first the joint one, if the trial has one.
        added: Whether the trial was added as a whole, with the note that it had elsewhere.
        decisions: The decisions of pruners and promoters in order, without those to go on, and each pause and resumption.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
        >>> study.enqueue_trial({"x": 3})
        >>> trial = study.ask()
        >>> _ = trial.suggest_int("x", 0, 9)
        >>> print(explain(study, 0))
        trial 0: running
          x=3: enqueued
    """

    trial: FrozenTrial
    suggestions: tuple[ExplainedSuggestion, ...]
    added: bool = False
    decisions: tuple[ExplainedDecision, ...] = ()

    @property
    def enqueued(self) -> Mapping[str, Any]:
        """The values that the trial was enqueued or forked with."""
        return self.trial.fixed_params

    @property
    def rule(self) -> str | None:
        """The rule of the first suggestion that notes one."""
        return next((each.rule for each in self.suggestions if each.rule is not None), None)

    @property
    def acquisition(self) -> float | None:
        """The acquisition value of the first suggestion that notes one."""
        return next((each.acquisition for each in self.suggestions if each.acquisition is not None), None)

    def __str__(self) -> str:
        trial = self.trial
        result = "" if trial.values is None else f", {', '.join(f'{value:.6g}' for value in trial.values)}"
        failed = f" ({trial.reason})" if trial.state is TrialState.FAIL and trial.reason is not None else ""
        lines = [f"trial {trial.number}: {trial.state.value}{failed}{result}"]
        if self.enqueued or trial.parent is not None:
            source = "enqueued" if trial.parent is None else f"forked from trial {trial.parent}"
            lines.append(f"{_listed(self.enqueued)}: {source}")
            if trial.state.is_finished() and (unasked := self.enqueued.keys() - trial.params.keys()):
                names = ", ".join(map(_printable, sorted(unasked)))
                lines.append(f"{names}: never asked for by the objective")
        if self.added:
            noted = f"; noted {json.dumps(to_json_tree(trial.note), ensure_ascii=False)}" if trial.note else ""
            lines.append(f"{_listed(trial.params)}: added to the study with the whole trial{noted}")
        lines += [str(suggestion) for suggestion in self.suggestions if suggestion.params or suggestion.note]
        suggested = {name: value for each in self.suggestions for name, value in each.params.items()}
        if trial.state.is_finished() and (unused := suggested.keys() - trial.params.keys()):
            lines.append(f"{', '.join(map(_printable, sorted(unused)))}: never asked for by the objective, and dropped")
        lines += map(str, self.decisions)
        return "\n  ".join(lines)


def explain(source: Any, number: int) -> Explanation:
    """Explain where the parameters of a trial came from, and why it was paused, resumed, forked or stopped.

    Everything was recorded when it happened, and nothing is computed again. O(events of the study).

    Args:
        source: A `Study`, a journal, or a sequence of events.
        number: The trial.

    Raises:
        TrialNotFound: there is no such trial.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.TPESampler(n_startup_trials=3, seed=1))
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
        >>> explain(study, 2).rule, explain(study, 4).rule
        ('startup', 'model')
    """
    state = StudyState()
    suggestions: list[ExplainedSuggestion] = []
    decisions: list[ExplainedDecision] = []
    added = False
    for event in events_of(source):
        state = evolve(state, event)
        if getattr(event, "number", None) != number:
            continue
        if isinstance(event, ParamsSuggested):
            suggestions.append(_explained(event, state, state.uses.get("sampler")))
        elif isinstance(event, TrialAdded):
            added = True
        else:
            decisions += _decisions(event, state)
    return Explanation(state.trial(number), tuple(suggestions), added, tuple(decisions))


def _decisions(event: AnyEvent, state: StudyState) -> list[ExplainedDecision]:
    match event:
        case PruningDecided() if event.name != "continue":
            return [ExplainedDecision(event.name, state.uses.get("pruner"), event.reason)]
        case TrialPaused():
            paused = ExplainedDecision("paused", None, event.checkpoint)
            was_lost = (event.reason or "").startswith(LOST_PREFIX)
            return [ExplainedDecision("lost", None, event.reason), paused] if was_lost else [paused]
        case TrialResumed():
            # A promoter gives a reason; a person or a scheduler who resumes a trial gives none.
            promoter = None if event.reason is None else state.uses.get("promoter")
            return [ExplainedDecision("resumed" if event.reason is None else "resume", promoter, event.reason)]
        case TrialEnqueued() if event.parent is not None:
            return [ExplainedDecision("fork", state.uses.get("promoter"), event.reason)]
    return []


def _explained(event: ParamsSuggested, state: StudyState, sampler: Identity | None) -> ExplainedSuggestion:
    params = external_params(state.spaces.key_at(event.space), event.values)
    enqueued = state.running[event.number].fixed_params
    note = from_json_tree(event.note or {})
    if event.lone:  # the journal keeps the note of a lone parameter under its name
        inner = next(iter(note.values()), None)
        note = inner if isinstance(inner, FrozenDict) else note
    return ExplainedSuggestion(
        FrozenDict({name: value for name, value in params.items() if name not in enqueued}), event.lone, sampler, note
    )


def _named(identity: Identity | None, kind: str) -> str:
    return f"a {kind} that the journal does not name" if identity is None else _printable(identity.name)


def _listed(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{_printable(name)}={value!r}" for name, value in params.items()) or "no parameters"


def _printable(text: str) -> str:
    """Return `text`, in quotes and with escapes if a terminal would obey or hide part of it."""
    return text if text.isprintable() else repr(text)
