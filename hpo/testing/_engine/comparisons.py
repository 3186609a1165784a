"""The laws that samplers, pruners and stopping rules share: the same question gets the same answer, whatever else changes.

Each function here checks one law for any kind of subject. The public laws call them with the words and the questions of
their own kind.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from hpo.core import StudyState
from hpo.testing._engine.cases import FAULTS, Question, as_text
from hpo.testing._engine.counterexamples import Counterexample
from hpo.testing._engine.formatting import shown_error
from hpo.testing._engine.other_process import answers_elsewhere
from hpo.testing._engine.runner import Finding
from hpo.testing._engine.transformations import constrained, prefixes, recorded_backwards, with_values

S = TypeVar("S")


class Case(Protocol):
    """A subject with the questions that it is asked."""

    @property
    def subject(self) -> Any:
        """The sampler or pruner."""
        ...

    @property
    def verb(self) -> str:
        """The verb for the subject in messages: answers or decides."""
        ...

    def ask(self, subject: Any, question: Question, /) -> object:
        """Return what `subject` says to a question; a function at the top of a module, so that it can be pickled."""
        ...

    def every_question_and_scenario(self, check: Callable[[Question], Finding], *, whole_values: bool = False) -> None:
        """Run `check` on generated questions and on the named studies."""
        ...


def same_twice(case: Case) -> None:
    """Check that the same question gets the same answer, and that asking does not change the study."""

    def check(question: Question) -> Finding:
        before = question.state.to_bytes()
        first, second = (as_text(case.ask(case.subject, question)) for _ in range(2))
        if first != second:
            return f"it {case.verb} {first}, and then {second}"
        return None if question.state.to_bytes() == before else "asking it changes the study"

    case.every_question_and_scenario(check)


def same_in_any_order(case: Case) -> None:
    """Check that a copy that is asked the same questions in reverse order gives the same answers."""
    untouched = copied(case.subject)

    def check(question: Question) -> Finding:
        questions = siblings(question)
        copy_asked_backwards = copy.deepcopy(untouched)
        there = [as_text(case.ask(case.subject, each)) for each in questions]
        back = [as_text(case.ask(copy_asked_backwards, each)) for each in reversed(questions)][::-1]
        for one, other in zip(there, back, strict=True):
            if one != other:
                return f"after some questions it {case.verb} {one}, and after others {other}"
        return None

    case.every_question_and_scenario(check)


def copied(subject: S) -> S:
    """Return a deep copy.

    Raises:
        AssertionError: it can't be copied.
    """
    try:
        return copy.deepcopy(subject)
    except FAULTS as error:
        raise AssertionError(f"it can't be copied: {shown_error(error)}") from error


def same_in_any_process(case: Case, questions: list[Question]) -> None:
    """Check that another process, with other hashes, gives the same answers to the questions in reverse order."""
    there = answers_elsewhere(case.ask, case.subject, questions[::-1])[::-1]
    here = [as_text(case.ask(case.subject, question)) for question in questions]
    wrong = [each for each in zip(questions, here, there, strict=True) if each[1] != each[2]]
    if wrong:
        question, mine, theirs = min(wrong, key=lambda each: len(each[0].state.to_json()))
        raise Counterexample(f"here it {case.verb} {mine}, and in another process {theirs}", question)


def same_for(case: Case, one: Question, other: Question, what: str) -> None:
    """Check that two questions get the same answer.

    Args:
        case: The subject.
        one: The first question.
        other: The second question.
        what: How the second differs; completes the sentence "and with ... it answers".

    Raises:
        Counterexample: the answers differ.
    """
    first, second = as_text(case.ask(case.subject, one)), as_text(case.ask(case.subject, other))
    if first != second:
        raise Counterexample(f"it {case.verb} {first}, and with {what} {second}", one, other)


def same_after(
    case: Case, change: Callable[[StudyState], StudyState], what: str, *, whole_values: bool = False
) -> None:
    """Check that a change of the study does not change the answer; `what` is as in `same_for`."""

    def check(question: Question) -> Finding:
        same_for(case, question, replace(question, state=change(question.state)), what)
        return None

    case.every_question_and_scenario(check, whole_values=whole_values)


def same_in_any_recording_order(case: Case) -> None:
    """Check that the order in which a trial got its parameters, reports, constraints and attributes does not count."""

    def check(question: Question) -> Finding:
        # With three constraints per trial as well: the sum of three floats depends on their order.
        for state in (question.state, constrained(question.state)):
            one, other = replace(question, state=state), replace(question, state=recorded_backwards(state))
            same_for(case, one, other, "every other trial recorded backwards")
        return None

    case.every_question_and_scenario(check)


def same_after_growth(case: Case, question: Question, before: Callable[[Question], object] = id) -> None:
    """Check that what is remembered of a growing history, and of its forks, is what a study from bytes would give.

    Args:
        case: The subject.
        question: The question; its history is grown trial by trial.
        before: Called with each question before it is asked.

    Raises:
        Counterexample: an answer differs from that for the same study from bytes.
    """
    for grown, forked in prefixes(question):
        # The grown history again after its fork, so that a carry that the fork has changed shows.
        for other in (grown, forked, grown):
            before(other)
            fresh = replace(other, state=StudyState.from_bytes(other.state.to_bytes()))
            first, second = (as_text(case.ask(case.subject, each)) for each in (other, fresh))
            if first != second:
                n = len(other.state.finished)
                wrong = f"it {case.verb} {first}, and with the same {n} trials at once {second}"
                raise Counterexample(wrong, question, grown=True)


def siblings(question: Question) -> list[Question]:
    """Return the question, and the same one with other objective values."""
    other = with_values(question.state, lambda _, value: 1.0 - value)
    return [question, replace(question, state=other)]


def all_siblings(questions: Iterable[Question]) -> list[Question]:
    """Return the siblings of all given questions."""
    return [each for question in questions for each in siblings(question)]
