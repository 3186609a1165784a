"""A question to a sampler or a pruner as a value: it can be asked again, elsewhere, and written as a program."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from hpo.core import (
    Answer,
    Decision,
    Exhausted,
    FrozenTrial,
    Key,
    Pruner,
    Sampler,
    SearchSpace,
    StudyState,
    Suggestion,
    Verdict,
    space_to_ask,
    trial_key,
)
from hpo.testing._engine.formatting import shown, shown_error

FAULTS = (Exception, SystemExit)
"""What may come out of something that is tried, and is reported; a user who interrupts is no fault."""


class Raised(Struct, frozen=True):
    """An error that came in place of an answer.

    Args:
        error: The exception.
    """

    error: BaseException


class NoAnswer(Struct, frozen=True):
    """Something that came in place of an answer, and that nobody could use as one.

    Args:
        given: It, as text.
        why: What is wrong with it; completes the sentence "it answers ..., ".
    """

    given: str
    why: str


class InFull(Struct, frozen=True):
    """All that a sampler says to a question.

    Args:
        answer: See `asked`.
        together: Which parameters it wants to suggest together, as text; None where it has no opinion.
    """

    answer: Answer | Raised | NoAnswer
    together: str | None


class Question(Struct, frozen=True):
    """A running trial of a study that needs values, or a verdict.

    Args:
        state: The study.
        number: The trial.
        space: What a sampler is asked for.
        joint: The study after the trial got its joint parameters, where it asks for one more parameter alone.
    """

    state: StudyState
    number: int
    space: SearchSpace
    joint: StudyState | None = None

    @property
    def trial(self) -> FrozenTrial:
        """The trial that the question is about."""
        return (self.joint or self.state).running[self.number]

    def key(self, seed: int) -> Key:
        """The random stream for the answer, under a study's or a sampler's seed."""
        alone = () if self.joint is None else tuple(self.space)
        return Key(seed, ("trial", self.number, *alone))

    def __repr__(self) -> str:
        return f"<Question about trial {self.number} of {self.state!r}>"


def asked(sampler: Sampler, question: Question) -> Answer | Raised | NoAnswer:
    """What a sampler says.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> answer = asked(RandomSampler(), Question(scenarios()["constant"], 12, MIXED))
        >>> sorted(answer.params)
        ['kind', 'layers', 'lr', 'momentum', 'units']
        >>> asked(lambda *arguments: None, Question(scenarios()["constant"], 12, MIXED))
        NoAnswer(given='None', why='which is no Suggestion and no Exhausted')
    """
    __tracebackhide__ = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            key = question.key(trial_key(question.state, sampler, question.number).seed)
            ask = sampler if question.joint is None else getattr(sampler, "suggest_lone", sampler)
            answer: object = ask(question.state, question.trial, question.space, key)
        except FAULTS as error:
            return Raised(error)
    if isinstance(answer, Exhausted):
        return answer if isinstance(answer.reason, str) else NoAnswer("Exhausted", "whose reason is no text")
    if not isinstance(answer, Suggestion):
        return NoAnswer(shown(answer), "which is no Suggestion and no Exhausted")
    if not isinstance(answer.params, Mapping):
        return NoAnswer(f"Suggestion({shown(answer.params)})", "whose params are no dict by name")
    return answer


def asked_in_full(sampler: Sampler, question: Question) -> InFull:
    """What a sampler says, and what its joint space is, which it may infer from the history.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> from hpo.testing.scenarios import SMALL, scenarios
        >>> asked_in_full(RandomSampler(), Question(scenarios(SMALL)["constant"], 12, SMALL)).together is None
        True
    """
    answer = asked(sampler, question)
    if getattr(sampler, "joint_space", None) is None:
        return InFull(answer, None)
    space = asked_for_its_space(sampler, question)
    return InFull(answer, as_text(space) if isinstance(space, Raised) else shown([*space.items()], most=None))


def asked_for_its_space(sampler: Sampler, question: Question) -> SearchSpace | Raised:
    """Which parameters a sampler wants to suggest together.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> from hpo.testing.scenarios import SMALL, scenarios
        >>> [*asked_for_its_space(RandomSampler(), Question(scenarios(SMALL)["constant"], 12, SMALL))]
        ['n', 'kind', 'step']
    """
    __tracebackhide__ = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return SearchSpace.of(space_to_ask(question.state, sampler, question.trial))
        except FAULTS as error:
            return Raised(error)


def instead_of_an_answer(answer: object) -> str | None:
    """What an answer is that is none, or None for an answer.

    Example:
        >>> instead_of_an_answer(Raised(ValueError("no")))
        'it raises ValueError: no'
    """
    if isinstance(answer, Raised):
        return f"it raises {shown_error(answer.error)}"
    return f"it answers {answer.given}, {answer.why}" if isinstance(answer, NoAnswer) else None


def judged(pruner: Pruner, question: Question) -> Decision | Verdict | Raised:
    """What a pruner says.

    Example:
        >>> from hpo.pruners import NopPruner
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> judged(NopPruner(), Question(scenarios()["constant"], 12, MIXED))
        <Decision.CONTINUE: 'continue'>
    """
    __tracebackhide__ = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return pruner(question.state, question.trial)
        except FAULTS as error:
            return Raised(error)


def as_text(answer: Any) -> str:
    """An answer as text, the same for the same answer whatever the order of the names.

    Example:
        >>> as_text(Suggestion({"y": 1, "x": 0.5}))
        "{'x': 0.5, 'y': 1}"
    """
    if isinstance(answer, Suggestion):
        empty = isinstance(answer.note, Mapping) and not answer.note
        return _sorted(answer.params) + ("" if empty else f" with the note {_sorted(answer.note)}")
    if isinstance(answer, Raised):
        return shown_error(answer.error)
    if isinstance(answer, NoAnswer):
        return answer.given
    if isinstance(answer, InFull):
        return as_text(answer.answer) + (f" and wants together {answer.together}" if answer.together else "")
    return f"exhausted: {answer.reason}" if isinstance(answer, Exhausted) else shown(answer, most=None)


def as_program(question: Question, *, other: Question | None = None, seed: int | None = None) -> str:
    """Python that makes the question's state, trial, space and key again; it can be pasted.

    Args:
        question: The question.
        other: Another one that should have got the same answer; its parts are named ``other_state`` and so on.
        seed: A seed that the sampler has of its own.

    Example:
        >>> print(as_program(Question(StudyState(), 0, SearchSpace())).splitlines()[-3])
        space = SearchSpace({})
    """
    imports = (
        "from math import inf, nan\n"
        "from hpo import CategoricalDistribution, FloatDistribution, IntDistribution, Key, SearchSpace, StudyState\n"
    )
    program = imports + _parts(question, "", seed)
    return program if other is None else f"{program}\n{_parts(other, 'other_', seed)}"


def _parts(question: Question, prefix: str, seed: int | None) -> str:
    state = f"{prefix}state"
    joint = state if question.joint is None else f"StudyState.from_json({question.joint.to_json()!r})"
    return (
        f"{state} = StudyState.from_json({question.state.to_json()!r})\n"
        f"{prefix}space = {question.space!r}\n"
        f"{prefix}trial = {joint}.running[{question.number}]\n"
        f"{prefix}key = {question.key(question.state.seed if seed is None else seed)!r}"
    )


def _sorted(mapping: Any) -> str:
    try:
        ordered = dict(sorted(mapping.items()))
    except Exception:  # noqa: BLE001 - names that have no order, or no names at all
        return shown(mapping, most=None)
    return shown(ordered, most=None)
