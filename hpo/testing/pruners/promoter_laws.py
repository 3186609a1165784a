"""The laws that every promoter keeps, and the ways to check your own promoter against them.

A promoter is a pure function of a study's state and a random stream that says, before a trial starts, which paused trial
goes on, or which trial is forked.

    from hpo.testing import PromoterLaws

    class TestMine(PromoterLaws):
        promoter = MyPromoter()

pytest runs one test per law; `check_promoter` runs them without pytest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, ClassVar

import attrs
from msgspec.structs import replace

from hpo.core import ForkTrial, PauseTrial, Promoter, Resume, checked_promoter, decide, promotion, replay
from hpo.errors import InvalidType, SeveralObjectives
from hpo.testing._engine import (
    FAULTS,
    Counterexample,
    Finding,
    LawOrName,
    LawSuite,
    LawTests,
    Memo,
    Question,
    Raised,
    all_siblings,
    check_options_apart,
    for_each_named,
    for_every_question,
    given_to,
    leaves_the_process,
    relabelled,
    same_after,
    same_after_growth,
    same_in_any_order,
    same_in_any_process,
    same_in_any_recording_order,
    same_in_any_thread,
    same_twice,
    shown,
    shown_error,
    strictly,
    why_not_json,
)
from hpo.testing.pruners.cases import NO_SPACE, OFTEN, named_questions

_GROWN = 20


def promotion_of(promoter: Promoter, question: Question) -> object:
    """Return what a promoter says, whatever it returns or raises. A warning counts as an error.

    Example:
        >>> from hpo import StudyState
        >>> promotion_of(lambda state, key: Resume(3), Question(StudyState.create(), 0, NO_SPACE))
        Resume(number=3, reason=None)
    """
    state = question.state
    return strictly(lambda: promoter(state, state.key.child("promotion", state.version)))


def _checked(given: Any) -> Promoter:
    promoter = checked_promoter(given)
    if promoter is None:
        raise InvalidType("a promoter is a function of (state, key), got None")
    return promoter


@attrs.frozen
class PromoterCase:
    """A promoter with the studies that its laws ask it about; some of their trials are paused.

    Args:
        promoter: The promoter.
        max_examples: The number of generated studies per law.
        ask: Asks the promoter a question.
        memo: What it answered before.

    Raises:
        InvalidType: the promoter can't be called, or is a class.
    """

    asks: ClassVar[str] = 'promoter(state, state.key.child("promotion", state.version))'
    verb: ClassVar[str] = "answers"
    promoter: Promoter = attrs.field(converter=_checked)
    max_examples: int = 100
    ask: Callable[[Promoter, Question], object] = promotion_of
    memo: Memo = attrs.field(factory=Memo, eq=False, repr=False)

    @property
    def subject(self) -> Promoter:
        """The promoter."""
        return self.promoter

    def first(self, question: Question) -> object:
        """Return what the promoter said when it was first asked this question."""
        return self.memo.of(lambda each: self.ask(self.promoter, each), question, self.ask)

    def every_question(self, check: Callable[[Question], Finding], *, whole_values: bool = False) -> None:
        """Run `check` on generated studies in which running trials are paused."""
        for_every_question(
            check,
            space=NO_SPACE,
            max_examples=self.max_examples,
            whole_values=whole_values,
            reporting=True,
            transform=lambda question: self.memo.of(with_paused_trials, question, with_paused_trials),
        )

    def every_question_and_scenario(self, check: Callable[[Question], Finding], *, whole_values: bool = False) -> None:
        """Run `check` on generated and on named studies in which running trials are paused."""
        self.every_question(check, whole_values=whole_values)
        for_each_named(check, _named())


def with_paused_trials(question: Question) -> Question:
    """Return the question with its running trials paused, every other one with a checkpoint; the newest one runs.

    Example:
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> state = with_paused_trials(Question(scenarios()["many running"], 24, MIXED)).state
        >>> len(state.running), len(state.paused)
        (1, 13)
    """
    state = question.state
    for number in [*state.running][:-1]:
        pause = PauseTrial(number, f"checkpoint of trial {number}" if number % 2 else None)
        state = replay(decide(state, pause), state)
    return replace(question, state=state)


@lru_cache(maxsize=1)
def _named() -> tuple[tuple[str, Question], ...]:
    """Return the named studies, which are the same for all laws and so made once; dropping them costs time alone."""
    return tuple((name, with_paused_trials(question)) for name, question in named_questions([(), OFTEN]))


def _no_promotion(case: PromoterCase, question: Question) -> Finding:
    answer, state = promotion_of(case.promoter, question), question.state
    if answer is None:
        return None
    if isinstance(answer, Raised):
        if isinstance(answer.error, SeveralObjectives) and len(state.directions) > 1:
            return None
        raise Counterexample(f"it raises {shown_error(answer.error)}", question) from answer.error
    if not isinstance(answer, Resume | ForkTrial):
        return f"it answers {shown(answer)}, which is neither a Resume, a ForkTrial nor None"
    wrong = why_not_json(answer.reason)
    if wrong is not None:
        return f"its reason {wrong}"
    if isinstance(answer, Resume) and answer.number not in state.paused:
        return f"it resumes trial {shown(answer.number)}; the paused trials are {[*state.paused]}"
    try:
        command = promotion(state, case.promoter)
        if command is not None:
            decide(state, command)
    except FAULTS as error:
        raise Counterexample(
            f"it answers {shown(answer)}, which the core refuses: {shown_error(error)}", question
        ) from error
    return None


def total(case: PromoterCase) -> None:
    """Every study gets None, a `Resume` of a paused trial, or a `ForkTrial` that the core accepts; a reason is JSON.

    `SeveralObjectives` is a valid answer if the study has several.
    """
    case.every_question(lambda question: _no_promotion(case, question))


def survives_every_scenario(case: PromoterCase) -> None:
    """The named studies, with paused trials, get valid answers too: all failed, infinities, reports of NaN, ..."""
    for_each_named(lambda question: _no_promotion(case, question), _named())


def same_answer_twice(case: PromoterCase) -> None:
    """The same question gets the same answer with the same reason, also on another day; the study stays the same."""
    same_twice(case)


def any_order_of_calls(case: PromoterCase) -> None:
    """Earlier questions make no difference: a copy that is asked in another order gives the same answers."""
    same_in_any_order(case)


def any_process(case: PromoterCase) -> None:
    """Another process, with other hashes, thread counts and order of questions, gives the same answers."""
    questions: list[Question] = []
    attrs.evolve(case, max_examples=min(case.max_examples, 50)).every_question(questions.append)
    same_in_any_process(case, all_siblings([*questions, *(question for _, question in _named())]))


def any_thread(case: PromoterCase) -> None:
    """Threads that ask at the same time get the answers that one question after another gets."""
    same_in_any_thread(case, [question for _, question in _named()])


def leaves_no_trace(case: PromoterCase) -> None:
    """Asking leaves the process as it was: global generators, the environment, the settings of numpy, threads, ..."""
    case.every_question_and_scenario(lambda question: leaves_the_process(case, question))


def options_apart(case: PromoterCase) -> None:
    """What the same promoter with other options remembers of a history makes no difference, nor the other way round."""
    check_options_apart(case, [question for _, question in _named()])


def relabel(case: PromoterCase) -> None:
    """The study's name, attributes, workers, clocks, reasons of failures and log do not change the answer."""
    same_after(case, relabelled, "other names, attributes and clocks")


def recording_order(case: PromoterCase) -> None:
    """The order in which a trial got its reports of different steps, constraints and attributes does not count."""
    same_in_any_recording_order(case)


def fold(case: PromoterCase) -> None:
    """A promoter that remembers a growing history, or a fork of it, answers as one that reads it from the start."""

    def check(question: Question) -> Finding:
        same_after_growth(case, question)
        return None

    case.every_question(check)
    for_each_named(check, (each for each in _named() if len(each[1].state.finished) > _GROWN))


BASIC = (
    total,
    survives_every_scenario,
    same_answer_twice,
    any_order_of_calls,
    any_process,
    any_thread,
    leaves_no_trace,
    options_apart,
    relabel,
    recording_order,
    fold,
)
"""The laws that every promoter keeps."""

SUITE = LawSuite(BASIC)


def check_promoter(promoter: Promoter, *, laws: Iterable[LawOrName] = BASIC, max_examples: int = 100) -> None:
    """Check that a promoter keeps laws.

    Args:
        promoter: A function or an object at the top of a module, so that another process can import it. A script calls
            this under ``if __name__ == "__main__":``.
        laws: The laws, or their names.
        max_examples: The number of generated studies per law, at least 1.

    Raises:
        AssertionError: the promoter breaks a law. The message has the law's name, and the smallest study that shows it
            as Python code.
        InvalidArgument: there is no law of a given name.
        InvalidType: the promoter can't be called, or is a class.
        MissingExtra: hypothesis is not installed.

    Example:
        >>> def first_come(state, key):
        ...     number = state.paused.first()
        ...     return None if number is None else Resume(number)
        >>> check_promoter(first_come, laws=["total", "fold"], max_examples=5)
    """
    SUITE.check(PromoterCase(promoter, max_examples), laws)


class PromoterLaws(LawTests):
    """Base of test classes for pytest with one method per law; name yours ``Test...``.

    Attributes:
        promoter: The promoter; see `check_promoter`.
        max_examples: The number of generated studies per law.

    Example:
        >>> def never(state, key):
        ...     return None
        >>> class TestMine(PromoterLaws):
        ...     promoter = never
        ...     max_examples = 5
        >>> TestMine().test_total()
    """

    _suite = SUITE
    promoter: ClassVar[Any]

    def _case(self) -> PromoterCase:
        return PromoterCase(given_to(type(self), "promoter"), self.max_examples)
