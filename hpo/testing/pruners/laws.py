"""The laws that every pruner keeps, those that one may claim, and the ways to try them on one's own.

    from hpo.testing import PrunerLaws

    class TestMine(PrunerLaws):
        pruner = MyPruner()
        claims = ("mirror", "never_stops_the_leader")

and pytest runs one test per law; `check_pruner` runs them without pytest.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import attrs
from msgspec.structs import replace

from hpo.core import Decision, Pruner, StudyState, checked_pruner
from hpo.errors import SeveralObjectives
from hpo.testing._engine.cases import FAULTS, Question, Raised, as_text, judged
from hpo.testing._engine.counterexamples import Counterexample
from hpo.testing._engine.formatting import shown, shown_error
from hpo.testing._engine.other_process import answers_elsewhere
from hpo.testing._engine.runner import (
    Verdict,
    checked_laws,
    count_steps,
    for_each,
    for_every_question,
    given_to,
    looked_at,
    try_law,
)
from hpo.testing._engine.transformations import (
    constrained,
    mirrored,
    monotone,
    prefixes,
    recorded_backwards,
    relabelled,
    with_values,
)
from hpo.testing.pruners.cases import NO_SPACE, OFTEN, long_studies, named_questions, reporting_nan, with_a_leader
from hpo.testing.scenarios import are_whole

_FEW, _MANY = 1000, 4000
_GROWN = 20


@attrs.frozen
class PrunerCase:
    """What a law is tried on.

    Args:
        pruner: The pruner.
        max_examples: How many generated studies each law looks at.
        asks: How the subject is asked, as Python.
    """

    pruner: Pruner
    max_examples: int = 100
    asks: str = "pruner(state, trial)"

    def every_question(self, check: Callable[[Question], Verdict], *, whole_values: bool = False) -> None:
        """Make sure that `check` finds nothing wrong with any running trial; see `for_every_question`."""

        def check_all(question: Question) -> Verdict:
            for number in question.state.running:
                found = looked_at(replace(question, number=number), check)
                if found is not None:
                    raise found
            return None

        for_every_question(
            check_all, space=NO_SPACE, max_examples=self.max_examples, whole_values=whole_values, reporting=True
        )

    def every_question_and_scenario(self, check: Callable[[Question], Verdict], *, whole_values: bool = False) -> None:
        """Make sure that `check` finds nothing wrong with generated questions, and with the named ones."""
        self.every_question(check, whole_values=whole_values)
        for_each(check, (each for each in named_questions() if not whole_values or are_whole(each[1].state)))


def total(case: PrunerCase) -> None:
    """Every running trial gets a `Decision`: no error, no warning. `SeveralObjectives` is one, where there are several."""

    def check(question: Question) -> Verdict:
        return _no_decision(question, judged(case.pruner, question))

    case.every_question(check)


def survives_every_scenario(case: PrunerCase) -> None:
    """The running trials of the named scenarios get decisions: all failed, infinities, reports of NaN, ..."""

    def check(question: Question) -> Verdict:
        return _no_decision(question, judged(case.pruner, question))

    for_each(check, named_questions())


def silence_goes_on(case: PrunerCase) -> None:
    """A trial that has reported nothing is not stopped."""

    def check(question: Question) -> Verdict:
        stopped = judged(case.pruner, question) is Decision.STOP
        return "it stops a trial that has reported nothing" if stopped and not _reports(question) else None

    case.every_question_and_scenario(check)


def same_decision_twice(case: PrunerCase) -> None:
    """The same question gets the same decision, and asking changes nothing."""

    def check(question: Question) -> Verdict:
        before = question.state.to_bytes()
        first, second = (as_text(judged(case.pruner, question)) for _ in range(2))
        if first != second:
            return f"it decides {first}, and then {second}"
        return None if question.state.to_bytes() == before else "the study is another one after the question"

    case.every_question_and_scenario(check)


def any_order_of_calls(case: PrunerCase) -> None:
    """Earlier questions make no difference: it decides as a copy that was asked nothing else, and in another order."""
    try:
        untouched = copy.deepcopy(case.pruner)
    except FAULTS as error:
        raise AssertionError(f"no copy of it can be made: {shown_error(error)}") from error

    def check(question: Question) -> Verdict:
        questions = _siblings(question)
        backwards = copy.deepcopy(untouched)
        there = [as_text(judged(case.pruner, other)) for other in questions]
        back = [as_text(judged(backwards, other)) for other in reversed(questions)][::-1]
        return None if there == back else f"asked forwards it decides {there}, and backwards {back}"

    case.every_question_and_scenario(check)


def any_process(case: PrunerCase) -> None:
    """Another process, with other hashes and another order of questions, comes to the same decisions."""
    questions: list[Question] = []

    def collect(question: Question) -> None:
        questions.extend(_siblings(question))

    attrs.evolve(case, max_examples=min(case.max_examples, 50)).every_question(collect)
    there = answers_elsewhere(judged, case.pruner, questions[::-1])[::-1]
    here = [as_text(judged(case.pruner, question)) for question in questions]
    wrong = [each for each in zip(questions, here, there, strict=True) if each[1] != each[2]]
    if wrong:
        question, mine, theirs = min(wrong, key=lambda each: len(each[0].state.to_json()))
        raise Counterexample(f"here it decides {mine}, and elsewhere {theirs}", question)


def relabel(case: PrunerCase) -> None:
    """The study's name, attributes, workers, clocks and reasons of failures change nothing."""

    def check(question: Question) -> Verdict:
        return _differs(case.pruner, question, relabelled(question.state), "other names, attributes and clocks")

    case.every_question_and_scenario(check)


def recording_order(case: PrunerCase) -> None:
    """The order in which a trial got its reports of different steps, constraints and attributes changes nothing."""

    def check(question: Question) -> Verdict:
        for state in (question.state, constrained(question.state)):
            one = replace(question, state=state)
            _differs(case.pruner, one, recorded_backwards(state), "every other trial recorded backwards")
        return None

    case.every_question_and_scenario(check)


def fold(case: PrunerCase) -> None:
    """What it remembers of a growing history, and of its forks, is what it would learn from the start."""

    def check(question: Question) -> Verdict:
        for grown, forked in prefixes(question):
            for other in (grown, forked, grown):
                fresh = replace(other, state=StudyState.from_bytes(other.state.to_bytes()))
                first, second = (as_text(judged(case.pruner, each)) for each in (other, fresh))
                if first != second:
                    wrong = f"it decides {first}, and with the same history at once {second}"
                    raise Counterexample(wrong, question, grown=True)
        return None

    case.every_question(check)
    for_each(check, (each for each in named_questions([OFTEN]) if len(each[1].state.finished) > _GROWN))


def rank_based(case: PrunerCase) -> None:
    """Only the order of values and reports counts: a strictly increasing function of them changes nothing."""

    def check(question: Question) -> Verdict:
        other = with_values(question.state, monotone(question.state))
        return _differs(case.pruner, question, other, "other values in the same order")

    case.every_question_and_scenario(check)


def affine(case: PrunerCase) -> None:
    """Units don't count: values in another unit (``4 y - 32``) change nothing."""

    def check(question: Question) -> Verdict:
        other = with_values(question.state, lambda _, value: 4.0 * value - 32.0)
        return _differs(case.pruner, question, other, "the values in another unit")

    case.every_question_and_scenario(check, whole_values=True)


def mirror(case: PrunerCase) -> None:
    """To maximize f is to minimize -f."""

    def check(question: Question) -> Verdict:
        return _differs(case.pruner, question, mirrored(question.state), "directions and values turned round")

    case.every_question_and_scenario(check)


def never_stops_the_leader(case: PrunerCase) -> None:
    """A trial whose every report is better than anything that any other trial had is not stopped; NaN is not better."""

    def check(question: Question) -> Verdict:
        if len(question.state.directions) > 1:
            return None
        for state in (question.state, reporting_nan(question.state)):
            best, leading = with_a_leader(replace(question, state=state))
            if math.isfinite(best) and judged(case.pruner, leading) is Decision.STOP:
                steps = [*leading.trial.intermediate_values]
                raise Counterexample(f"it stops trial {question.number}, which leads with {best!r} at {steps}", leading)
        return None

    case.every_question_and_scenario(check, whole_values=True)


def bounded_work(case: PrunerCase) -> None:
    """A decision after 4000 trials takes about as many steps of Python as one after 1000; counted, not timed.

    A step is an instruction of the interpreter, so each round of a loop and each call of a function is several. What
    goes on inside one call of numpy is not seen.
    """
    few, many = (_steps_per_question(case.pruner, n) for n in (_FEW, _MANY))
    if many > 1.5 * few + 500:
        raise AssertionError(
            f"it takes {few} steps after {_FEW} trials, and {many} after {_MANY}: what is learnt from all of them "
            "belongs in a fold (state.finished.fold)"
        )


BASIC = (
    total,
    survives_every_scenario,
    silence_goes_on,
    same_decision_twice,
    any_order_of_calls,
    any_process,
    relabel,
    recording_order,
    fold,
)
"""For every pruner."""

CLAIMS = (rank_based, affine, mirror, never_stops_the_leader, bounded_work)
"""What a pruner may say that it keeps."""


def check_pruner(
    pruner: Pruner, *, laws: Iterable[Callable[[PrunerCase], None] | str] = BASIC, max_examples: int = 100
) -> None:
    """Make sure that a pruner keeps laws.

    Args:
        pruner: A function or an object, at the top of a module, so that another process can import it. A script that
            calls this does so under ``if __name__ == "__main__":``.
        laws: The laws, or their names; `BASIC` is for all pruners, `CLAIMS` has more.
        max_examples: How many generated studies each law looks at, at least 1.

    Raises:
        AssertionError: it breaks a law. The message says which, and has the smallest study that shows it as Python.
        InvalidArgument: a law has no such name.
        InvalidType: the pruner can't be called, or is a class.
        MissingExtra: hypothesis is not installed.

    Example:
        >>> from hpo.pruners import MedianPruner
        >>> check_pruner(MedianPruner(), laws=["total", "mirror"], max_examples=5)
    """
    for law in checked_laws(laws, (*BASIC, *CLAIMS)):
        try_law(law, PrunerCase(checked_pruner(pruner), max_examples))


class PrunerLaws:
    """A test class for pytest, one method per law, to be derived from under a name that begins with ``Test``.

    Attributes:
        pruner: See `check_pruner`.
        claims: Laws beyond `BASIC` that the pruner keeps.
        max_examples: See `check_pruner`.

    Example:
        >>> from hpo.pruners import NopPruner
        >>> class TestMine(PrunerLaws):
        ...     pruner = NopPruner()
        ...     max_examples = 5
        >>> TestMine().test_silence_goes_on()
    """

    pruner: ClassVar[Any]
    claims: ClassVar[Iterable[Callable[[PrunerCase], None] | str]] = ()
    max_examples: ClassVar[int] = 100

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for law in checked_laws((*BASIC, *cls.claims), (*BASIC, *CLAIMS)):
            setattr(cls, f"test_{law.__name__}", _method(law))


def _method(law: Any) -> Callable[[PrunerLaws], None]:
    def test(self: PrunerLaws) -> None:
        pruner = given_to(type(self), "pruner")
        try_law(law, PrunerCase(checked_pruner(pruner), self.max_examples))

    test.__doc__ = law.__doc__
    return test


def _no_decision(question: Question, answer: object) -> Verdict:
    if isinstance(answer, Decision):
        return None
    if not isinstance(answer, Raised):
        return f"it answers {shown(answer)}, which is no Decision"
    if isinstance(answer.error, SeveralObjectives) and len(question.state.directions) > 1:
        return None
    raise Counterexample(f"it raises {shown_error(answer.error)}", question) from answer.error


def _reports(question: Question) -> int:
    return len(question.trial.intermediate_values)


def _differs(pruner: Pruner, question: Question, other: StudyState, what: str) -> Verdict:
    there = replace(question, state=other)
    first, second = as_text(judged(pruner, question)), as_text(judged(pruner, there))
    if first != second:
        raise Counterexample(f"it decides {first}, and with {what} {second}", question, there)
    return None


def _siblings(question: Question) -> list[Question]:
    """The question, and one about a study that is like it but for the values."""
    return [question, replace(question, state=with_values(question.state, lambda _, value: 1.0 - value))]


def _steps_per_question(pruner: Pruner, n: int) -> int:
    before, question = long_studies(n - 1, n)
    judged(pruner, before)  # what it remembers is up to date, but for one trial
    return count_steps(lambda: judged(pruner, question))
