"""A question to a sampler or a pruner as a value, so that it can be asked again, elsewhere, and written as a program."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from hpo.core import (
    Answer,
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
    to_json_tree,
    trial_key,
)

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def shown(value: object, most: int | None = 500) -> str:
    """Return the `repr` of a value without its address in memory, or its type if the `repr` fails.

    Args:
        value: Anything.
        most: The number of characters after which the string is cut; None for all of it.

    Example:
        >>> shown(0.5), shown(object())
        ('0.5', '<object object>')
    """
    try:
        text = _ADDRESS.sub("", repr(value))
    except Exception as error:  # noqa: BLE001 - a broken repr must not hide what is reported
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if most is None or len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def shown_error(error: BaseException) -> str:
    """Return the type and the message of an exception.

    Example:
        >>> shown_error(ValueError("no"))
        'ValueError: no'
    """
    kind = type(error).__name__
    try:
        message = str(error)
    except Exception as another:  # noqa: BLE001 - a broken message must not hide what is reported
        message = f"<whose message raises {type(another).__name__}>"
    return f"{kind}: {message}" if message else kind


T = TypeVar("T")

FAULTS = (Exception, SystemExit)
"""Errors of a subject that are reported as a broken law; a KeyboardInterrupt is passed on to the user."""


class Raised(Struct, frozen=True):
    """An error that was raised in place of an answer.

    Args:
        error: The exception.
    """

    error: BaseException


class InvalidAnswer(Struct, frozen=True):
    """A return value that is not an answer.

    Args:
        given: The value as a string.
        why: What is wrong with it; completes the sentence "it answers ..., ".
    """

    given: str
    why: str


class FullAnswer(Struct, frozen=True):
    """Everything that a sampler says to a question.

    Args:
        answer: What it returns or raises; see `answer_of`.
        joint_space: The parameters that it wants to suggest together, as a string; None if it has no `joint_space`.
    """

    answer: Answer | Raised | InvalidAnswer
    joint_space: str | None


class Question(Struct, frozen=True):
    """A running trial of a study that needs parameter values or a pruning decision.

    Args:
        state: The study.
        number: The trial's number.
        space: The parameters that a sampler is asked for.
        joint: The study after the trial got its joint parameters, if the question is about one more, lone parameter.
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
        """Return the random stream of the answer under the seed of a study or a sampler."""
        lone = () if self.joint is None else tuple(self.space)
        return Key(seed, ("trial", self.number, *lone))

    def __repr__(self) -> str:
        return f"<Question about trial {self.number} of {self.state!r}>"


def answer_of(sampler: Sampler, question: Question) -> Answer | Raised | InvalidAnswer:
    """Return what a sampler answers, whatever it returns or raises. A warning counts as an error.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> answer = answer_of(RandomSampler(), Question(scenarios()["constant"], 12, MIXED))
        >>> sorted(answer.params)
        ['kind', 'layers', 'lr', 'momentum', 'units']
        >>> answer_of(lambda *arguments: None, Question(scenarios()["constant"], 12, MIXED))
        InvalidAnswer(given='None', why='which is neither a Suggestion nor Exhausted')
    """
    __tracebackhide__ = True

    def ask() -> object:
        key = question.key(trial_key(question.state, sampler, question.number).seed)
        # Not by `hpo.core.ask_sampler`, which refuses the invalid answers that are to be reported here.
        called = sampler if question.joint is None else getattr(sampler, "suggest_lone", sampler)
        return called(question.state, question.trial, question.space, key)

    answer = strictly(ask)
    if isinstance(answer, Raised):
        return answer
    if isinstance(answer, Exhausted):
        valid = isinstance(answer.reason, str)
        return answer if valid else InvalidAnswer("Exhausted", "whose reason is not a string")
    if not isinstance(answer, Suggestion):
        return InvalidAnswer(shown(answer), "which is neither a Suggestion nor Exhausted")
    if not isinstance(answer.params, Mapping):
        return InvalidAnswer(f"Suggestion({shown(answer.params)})", "whose params are not a dict of values by name")
    return answer


def full_answer_of(sampler: Sampler, question: Question) -> FullAnswer:
    """Return what a sampler answers, together with its joint space, which it may infer from the history.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> from hpo.testing.scenarios import SMALL, scenarios
        >>> full_answer_of(RandomSampler(), Question(scenarios(SMALL)["constant"], 12, SMALL)).joint_space is None
        True
    """
    answer = answer_of(sampler, question)
    if getattr(sampler, "joint_space", None) is None:
        return FullAnswer(answer, None)
    space = joint_space_of(sampler, question)
    return FullAnswer(answer, as_text(space) if isinstance(space, Raised) else shown([*space.items()], most=None))


def joint_space_of(sampler: Sampler, question: Question) -> SearchSpace | Raised:
    """Return the parameters that a sampler wants to suggest together.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> from hpo.testing.scenarios import SMALL, scenarios
        >>> [*joint_space_of(RandomSampler(), Question(scenarios(SMALL)["constant"], 12, SMALL))]
        ['n', 'kind', 'step']
    """
    __tracebackhide__ = True
    return strictly(lambda: SearchSpace.of(space_to_ask(question.state, sampler, question.trial)))


def decision_of(pruner: Pruner, question: Question) -> object:
    """Return what a pruner decides, whatever it returns or raises. A warning counts as an error.

    Example:
        >>> from hpo.pruners import NopPruner
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> decision_of(NopPruner(), Question(scenarios()["constant"], 12, MIXED))
        <Decision.CONTINUE: 'continue'>
    """
    __tracebackhide__ = True
    return strictly(lambda: pruner(question.state, question.trial))


def bare_decision_of(pruner: Pruner, question: Question) -> object:
    """Return what a pruner decides, without the reason, which may name the values that were compared.

    Example:
        >>> from hpo import Decision
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> question = Question(scenarios()["constant"], 12, MIXED)
        >>> bare_decision_of(lambda state, trial: Verdict(Decision.STOP, {"rule": "always"}), question)
        <Decision.STOP: 'stop'>
    """
    answer = decision_of(pruner, question)
    return answer.decision if isinstance(answer, Verdict) else answer


def why_not_json(value: object) -> str | None:
    """Return why a journal can't keep `value` as JSON, or None if it can.

    Example:
        >>> why_not_json({"seen": 3}) is None
        True
    """
    try:
        json.dumps(to_json_tree(value))
    except FAULTS as error:
        return f"{shown(value)} is not JSON: {shown_error(error)}"
    return None


def strictly(ask: Callable[[], T]) -> T | Raised:
    """Return what `ask` returns, or the error that it raises; warnings are errors.

    Example:
        >>> strictly(lambda: int("7"))
        7
    """
    __tracebackhide__ = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return ask()
        except FAULTS as error:
            return Raised(error)


def why_invalid(answer: object) -> str | None:
    """Return why `answer` is not a valid answer, or None if it is.

    Example:
        >>> why_invalid(Raised(ValueError("no")))
        'it raises ValueError: no'
    """
    if isinstance(answer, Raised):
        return f"it raises {shown_error(answer.error)}"
    return f"it answers {answer.given}, {answer.why}" if isinstance(answer, InvalidAnswer) else None


def as_text(answer: Any) -> str:
    """Return an answer as a string that does not depend on the order of the names.

    Example:
        >>> as_text(Suggestion({"y": 1, "x": 0.5}))
        "{'x': 0.5, 'y': 1}"
    """
    if isinstance(answer, Suggestion):
        empty = isinstance(answer.note, Mapping) and not answer.note
        return _sorted(answer.params) + ("" if empty else f" with the note {_sorted(answer.note)}")
    if isinstance(answer, Raised):
        return shown_error(answer.error)
    if isinstance(answer, InvalidAnswer):
        return answer.given
    if isinstance(answer, FullAnswer):
        return as_text(answer.answer) + (f" with the joint space {answer.joint_space}" if answer.joint_space else "")
    return f"exhausted: {answer.reason}" if isinstance(answer, Exhausted) else shown(answer, most=None)


def as_program(question: Question, *, other: Question | None = None, seed: int | None = None) -> str:
    """Return Python code, ready to paste, that makes the question's state, trial, space and key again.

    Args:
        question: The question.
        other: A second question that should have got the same answer; its parts are named ``other_state`` and so on.
        seed: The sampler's own seed, if it has one.

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
    except Exception:  # noqa: BLE001 - names that can't be ordered, or something that is not a mapping
        return shown(mapping, most=None)
    return shown(ordered, most=None)
