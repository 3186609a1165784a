"""Where the parameters of a trial came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from hpo.core import (
    AdvisorSet,
    FrozenDict,
    FrozenTrial,
    Identity,
    ParamsSuggested,
    StudyState,
    TrialAdded,
    as_float,
    evolve,
    external_params,
    from_json_tree,
    to_json_tree,
)
from hpo.samplers.registry import SAMPLERS
from hpo.study.replaying.verification import events_of


@attrs.frozen
class ExplainedSuggestion:
    """Some parameters of a trial that were suggested together.

    Attributes:
        params: Their values by name, less those that the trial was enqueued with.
        alone: Whether it is a parameter that the objective asked for outside of the joint space.
        sampler: Who suggested, or None where the journal does not say it.
        note: What the sampler noted.
    """

    params: FrozenDict[str, Any]
    lone: bool
    sampler: Identity | None
    note: FrozenDict[str, Any]

    @property
    def rule(self) -> str | None:
        """The rule that was taken, if the sampler noted one: ``"startup"``, ``"model"``, ``"untried"``, ..."""
        rule = self.note.get("rule")
        return rule if isinstance(rule, str) else None

    @property
    def acquisition(self) -> float | None:
        """How good the values looked to the sampler's model, if it noted that; the more the better."""
        return as_float(self.note.get("acquisition"))

    def __str__(self) -> str:
        who = "a sampler that the journal does not name" if self.sampler is None else _printable(self.sampler.name)
        noted: dict[str, Any] = dict(self.note)
        chosen = noted.pop("chosen", None)
        parts = [f"{'asked for alone' if self.lone else 'suggested'} by {who}"]
        if chosen is not None:
            parts[0] += f", which asked {_printable(str(chosen))}"
        if self.rule is not None:
            del noted["rule"]
            asked = chosen if isinstance(chosen, str) else None
            words = SAMPLERS.words(self.rule, asked, None if self.sampler is None else self.sampler.name)
            parts.append(f"rule {self.rule!r}" + (f" ({words})" if words else ""))
        if self.acquisition is not None:
            del noted["acquisition"]
            parts.append(f"acquisition {self.acquisition:.6g}")
        if noted:
            parts.append(f"noted {json.dumps(to_json_tree(noted), ensure_ascii=False)}")
        return f"{_listed(self.params)}: {'; '.join(parts)}"


@attrs.frozen
class Explanation:
    """Where the parameters of a trial came from; its text says it to people.

    Attributes:
        trial: The trial as it is now.
        suggestions: In the order in which they were made: first the joint one, if the trial has had one.
        added: Whether the trial came whole from elsewhere, with the note that it had there.

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

    @property
    def enqueued(self) -> FrozenDict[str, Any]:
        """The values that the trial was enqueued with, whatever its sampler thought."""
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
        lines = [f"trial {trial.number}: {trial.state.value}{result}"]
        if self.enqueued:
            lines.append(f"{_listed(self.enqueued)}: enqueued")
        if self.added:
            noted = f"; noted {json.dumps(to_json_tree(trial.note), ensure_ascii=False)}" if trial.note else ""
            lines.append(f"{_listed(trial.params)}: added to the study with the whole trial{noted}")
        lines += [str(suggestion) for suggestion in self.suggestions if suggestion.params or suggestion.note]
        suggested = {name: value for each in self.suggestions for name, value in each.params.items()}
        if trial.state.is_finished() and (unused := suggested.keys() - trial.params.keys()):
            lines.append(f"{', '.join(map(_printable, sorted(unused)))}: never asked for by the objective, and dropped")
        return "\n  ".join(lines)


def explain(source: Any, number: int) -> Explanation:
    """Say where the parameters of a trial came from: who suggested them, by which rule, and how good they looked.

    What is said was recorded when it happened: nothing is computed again. O(events of the study).

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
    state, sampler = StudyState(), None
    suggestions: list[ExplainedSuggestion] = []
    added = False
    for event in events_of(source):
        state = evolve(state, event)
        if isinstance(event, AdvisorSet) and event.kind == "sampler":
            sampler = event.identity
        elif isinstance(event, ParamsSuggested) and event.number == number:
            suggestions.append(_explained(event, state, sampler))
        elif isinstance(event, TrialAdded) and event.number == number:
            added = True
    return Explanation(state.trial(number), tuple(suggestions), added)


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


def _listed(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{_printable(name)}={value!r}" for name, value in params.items()) or "no parameters"


def _printable(text: str) -> str:
    """`text` as it is, or with escapes and in quotes where a terminal would obey or hide some of it."""
    return text if text.isprintable() else repr(text)
