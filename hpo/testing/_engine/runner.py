"""Runs a check on generated and on named questions, and finds the smallest question that breaks it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import attrs

from hpo.core import Distribution, SearchSpace
from hpo.errors import InvalidArgument, MissingExtra
from hpo.testing._engine.cases import FAULTS, Question
from hpo.testing._engine.counterexamples import Counterexample
from hpo.testing._engine.formatting import shown, shown_error

_MOST_KEPT = 5000

Finding = str | None
"""A description of what is wrong with an answer, or None."""


def for_every_question(
    check: Callable[[Question], Finding],
    *,
    space: Mapping[str, Distribution] | None = None,
    max_examples: int = 100,
    whole_values: bool = False,
    reporting: bool = False,
    transform: Callable[[Question], Question] | None = None,
) -> None:
    """Run `check` on generated questions.

    Args:
        check: Returns what is wrong, or raises a `Counterexample` if another question than its own shows it. Any other
            error counts as wrong too.
        space: The space that the questions are about; generated if None.
        max_examples: The number of questions, at least 1. They are the same questions whenever the same modules are
            imported, since hypothesis collects constants from these.
        whole_values: Whether all objective values and reports are small whole numbers.
        reporting: Whether the trial that a question is about may have reported values.
        transform: Makes another question of each before it is checked.

    Raises:
        Counterexample: something is wrong; this is the smallest such question.
        InvalidArgument: `max_examples` is not a positive int.
        MissingExtra: hypothesis is not installed.

    Example:
        >>> for_every_question(lambda question: None, max_examples=3)
    """
    if type(max_examples) is not int or max_examples < 1:
        raise InvalidArgument(f"max_examples is an int of at least 1, got {shown(max_examples)}")
    watch = _Watch(check, transform)
    among = _Among(None if space is None else SearchSpace.of(space), max_examples, whole_values, reporting)
    # The kept questions are quick to check. If one of them is wrong, they are generated again, so as to be shrunk.
    if max_examples > _MOST_KEPT or any(map(watch.is_wrong, _kept(among))):
        _generate(among, watch)
        if watch.found is not None:
            raise watch.found


def for_each_named(check: Callable[[Question], Finding], named: Iterable[tuple[str, Question]]) -> None:
    """Run `check` on questions with names.

    Raises:
        Counterexample: something is wrong; the message has the name.

    Example:
        >>> for_each_named(lambda question: None, [])
    """
    for name, question in named:
        found = counterexample_to(question, check)
        if found is not None:
            wrong = f"{found.wrong} in the scenario {name!r}"
            raise Counterexample(wrong, found.question, found.other, grown=found.grown) from found.__cause__


def counterexample_to(question: Question, check: Callable[[Question], Finding]) -> Counterexample | None:
    """Return what `check` finds wrong with a question, or None; an error of `check` is wrong too.

    Example:
        >>> from hpo import StudyState
        >>> question = Question(StudyState(), 0, SearchSpace())
        >>> counterexample_to(question, lambda question: "it is empty").wrong
        'it is empty'
        >>> counterexample_to(question, lambda question: 1 / 0).wrong
        'asking it fails with ZeroDivisionError: division by zero'
    """
    try:
        wrong = check(question)
    except Counterexample as found:
        return found
    except FAULTS as error:
        failed = Counterexample(f"asking it fails with {shown_error(error)}", question)
        failed.__cause__ = error
        return failed
    return None if wrong is None else Counterexample(wrong, question)


class _Watch:
    """Checks questions, and keeps the last counterexample."""

    def __init__(
        self, check: Callable[[Question], Finding], transform: Callable[[Question], Question] | None = None
    ) -> None:
        self.check = check
        self.transform = transform
        self.found: Counterexample | None = None

    def is_wrong(self, question: Question) -> bool:
        found = counterexample_to(question if self.transform is None else self.transform(question), self.check)
        if found is not None:
            self.found = found
        return found is not None

    def __call__(self, question: Question) -> None:
        if self.is_wrong(question):
            raise AssertionError


@attrs.frozen
class _Among:
    """Which questions are generated; the fields are arguments of `for_every_question`."""

    space: SearchSpace | None
    max_examples: int
    whole_values: bool
    reporting: bool


@lru_cache(maxsize=4)
def _kept(among: _Among) -> tuple[Question, ...]:
    """Return the generated questions, which are the same for all laws and so made once.

    This is a memo of a function of its arguments alone: dropping it costs time and nothing else.
    """
    questions: list[Question] = []
    _generate(among, questions.append)
    return tuple(questions)


def _generate(among: _Among, look: Callable[[Question], None]) -> None:
    """Show generated questions to `look`; once it raises, also smaller ones, the last of which is the smallest."""
    try:
        from hypothesis import HealthCheck, Phase, given, settings, strategies as st
        from hypothesis.errors import Flaky
    except ModuleNotFoundError as error:
        raise MissingExtra("hpo.testing", "testing") from error
    from hpo.testing.strategies import objective_values, questions

    whole = st.integers(0, 9) | st.integers(-9, 9) | st.integers(-(2**10), 2**10)
    values = whole.map(float) if among.whole_values else objective_values

    @given(question=questions(space=among.space, values=values, reporting=among.reporting))
    @settings(
        max_examples=among.max_examples,
        phases=[Phase.generate, Phase.shrink],
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[*HealthCheck],
        report_multiple_bugs=False,
    )
    def show(question: Question) -> None:
        look(question)

    with contextlib.suppress(AssertionError, Flaky):
        show()
