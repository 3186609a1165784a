"""A question to a sampler or a pruner as a value: it can be asked again, elsewhere, and written as a program."""

from __future__ import annotations

import warnings
from typing import Any

from msgspec import Struct

from hpo.core.pruning import Decision, Pruner
from hpo.core.sampling import Answer, Exhausted, Sampler, Suggestion, trial_key
from hpo.core.space import SearchSpace
from hpo.core.state import StudyState
from hpo.core.trial import FrozenTrial


class Raised(Struct, frozen=True):
    """What came in place of an answer.

    Args:
        error: The exception.
    """

    error: Exception


class Question(Struct, frozen=True):
    """A running trial of a study that needs values, or a verdict.

    Args:
        state: The study.
        number: The trial.
        space: What a sampler is asked for.
    """

    state: StudyState
    number: int
    space: SearchSpace

    @property
    def trial(self) -> FrozenTrial:
        """The trial that the question is about."""
        return self.state.running[self.number]

    def __repr__(self) -> str:
        return f"<Question about trial {self.number} of {self.state!r}>"


def asked(sampler: Sampler, question: Question) -> Answer | Raised:
    """What a sampler says.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> answer = asked(RandomSampler(), Question(scenarios()["constant"], 12, MIXED))
        >>> sorted(answer.params)
        ['kind', 'layers', 'lr', 'momentum', 'units']
    """
    key = trial_key(question.state, sampler, question.number)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return sampler(question.state, question.trial, question.space, key)
        except Exception as error:  # noqa: BLE001 - whatever it is, a law reports it
            return Raised(error)


def judged(pruner: Pruner, question: Question) -> Decision | Raised:
    """What a pruner says.

    Example:
        >>> from hpo.pruners import NopPruner
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> judged(NopPruner(), Question(scenarios()["constant"], 12, MIXED))
        <Decision.CONTINUE: 'continue'>
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return pruner(question.state, question.trial)
        except Exception as error:  # noqa: BLE001 - whatever it is, a law reports it
            return Raised(error)


def as_text(answer: Any) -> str:
    """An answer as text, the same for the same answer whatever the order of the names.

    Example:
        >>> as_text(Suggestion({"y": 1, "x": 0.5}))
        "{'x': 0.5, 'y': 1}"
    """
    if isinstance(answer, Suggestion):
        note = f" with the note {_sorted(answer.note)}" if answer.note else ""
        return _sorted(answer.params) + note
    if isinstance(answer, Raised):
        return f"{type(answer.error).__name__}: {answer.error}"
    return f"exhausted: {answer.reason}" if isinstance(answer, Exhausted) else repr(answer)


def as_program(question: Question) -> str:
    """Python that makes the question's state, trial, space and key again; it can be pasted.

    Example:
        >>> print(as_program(Question(StudyState(), 0, SearchSpace())).splitlines()[-3])
        space = SearchSpace({})
    """
    return (
        "from math import inf, nan\n"
        "from hpo import CategoricalDistribution, FloatDistribution, IntDistribution, SearchSpace, StudyState\n"
        f"state = StudyState.from_json({question.state.to_json()!r})\n"
        f"space = {question.space!r}\n"
        f"trial = state.running[{question.number}]\n"
        f"key = state.key.child('trial', {question.number})"
    )


def _sorted(mapping: Any) -> str:
    return repr(dict(sorted(mapping.items()))) if hasattr(mapping, "items") else repr(mapping)
