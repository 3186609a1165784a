"""The laws that every pruner keeps, those that it may claim, and the ways to check your own pruner against them.

    from hpo.testing import PrunerLaws

    class TestMine(PrunerLaws):
        pruner = MyPruner()
        claims = ("mirror", "never_stops_the_leader")

pytest runs one test per law; `check_pruner` runs them without pytest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import attrs
from msgspec.structs import replace

from hpo.core import Decision, Pruner, Verdict, checked_pruner
from hpo.errors import SeveralObjectives
from hpo.testing._engine import (
    FEW,
    MANY,
    MARKS,
    Counterexample,
    Finding,
    LawOrName,
    LawSuite,
    LawTests,
    Memo,
    Question,
    Raised,
    all_siblings,
    bare_decision_of,
    check_bounded,
    check_options_apart,
    count_steps,
    counterexample_to,
    decision_of,
    for_each_named,
    for_every_question,
    given_to,
    leaves_the_process,
    mirror_images,
    monotone,
    relabelled,
    same_after,
    same_after_growth,
    same_for,
    same_in_any_order,
    same_in_any_process,
    same_in_any_recording_order,
    same_in_any_thread,
    same_twice,
    shown,
    shown_error,
    why_not_json,
    with_values,
)
from hpo.testing.pruners.cases import NO_SPACE, OFTEN, long_studies, named_questions, reporting_nan, with_a_leader
from hpo.testing.scenarios import are_whole

_GROWN = 20


@attrs.frozen
class PrunerCase:
    """A pruner, or a stopping rule as one, with the questions that its laws ask it.

    Args:
        pruner: The pruner.
        max_examples: The number of generated studies per law.
        asks: How the subject is asked, as Python code.
        ask: Asks the pruner a question.
        memo: What it decided before.

    Raises:
        InvalidType: the pruner can't be called, or is a class.
    """

    verb: ClassVar[str] = "decides"
    pruner: Pruner = attrs.field(converter=checked_pruner)
    max_examples: int = 100
    asks: str = "pruner(state, trial)"
    ask: Callable[[Pruner, Question], object] = decision_of
    memo: Memo = attrs.field(factory=Memo, eq=False, repr=False)

    @property
    def subject(self) -> Pruner:
        """The pruner."""
        return self.pruner

    def first(self, question: Question) -> object:
        """Return what the pruner said when it was first asked this question."""
        return self.memo.of(lambda each: self.ask(self.pruner, each), question, self.ask)

    def every_question(self, check: Callable[[Question], Finding], *, whole_values: bool = False) -> None:
        """Run `check` on every running trial of generated studies."""

        def check_all(question: Question) -> Finding:
            for each in self.memo.of(_about_each_running_trial, question, _about_each_running_trial):
                found = counterexample_to(each, check)
                if found is not None:
                    raise found
            return None

        for_every_question(
            check_all, space=NO_SPACE, max_examples=self.max_examples, whole_values=whole_values, reporting=True
        )

    def every_question_and_scenario(self, check: Callable[[Question], Finding], *, whole_values: bool = False) -> None:
        """Run `check` on generated questions and on the named studies."""
        self.every_question(check, whole_values=whole_values)
        for_each_named(check, (each for each in named_questions() if not whole_values or are_whole(each[1].state)))


def total(case: PrunerCase) -> None:
    """Every running trial gets a `Decision`, or a `Verdict` whose reason is JSON: no error, no warning.

    `SeveralObjectives` is a valid answer if the study has several.
    """
    case.every_question(lambda question: _no_decision(question, decision_of(case.pruner, question)))


def survives_every_scenario(case: PrunerCase) -> None:
    """The running trials of the named studies get decisions: all failed, infinities, reports of NaN, ..."""
    for_each_named(lambda question: _no_decision(question, decision_of(case.pruner, question)), named_questions())


def silence_goes_on(case: PrunerCase) -> None:
    """A trial that has not reported anything goes on."""

    def check(question: Question) -> Finding:
        if question.trial.last_step is None and bare_decision_of(case.pruner, question) is Decision.STOP:
            return "it stops a trial that has not reported anything"
        return None

    case.every_question_and_scenario(check)


def same_decision_twice(case: PrunerCase) -> None:
    """The same question gets the same decision with the same reason, also on another day, and does not change the study."""
    same_twice(case)


def any_order_of_calls(case: PrunerCase) -> None:
    """Earlier questions make no difference: a copy that is asked in another order makes the same decisions."""
    same_in_any_order(case)


def any_process(case: PrunerCase) -> None:
    """Another process, with other hashes, thread counts and order of questions, makes the same decisions."""
    questions: list[Question] = []
    attrs.evolve(case, max_examples=min(case.max_examples, 50)).every_question(questions.append)
    same_in_any_process(case, all_siblings(questions))


def any_thread(case: PrunerCase) -> None:
    """Threads that ask at the same time get the decisions that one question after another gets."""
    same_in_any_thread(case, [question for _, question in named_questions()])


def leaves_no_trace(case: PrunerCase) -> None:
    """Asking leaves the process as it was: global generators, the environment, the settings of numpy, threads, ..."""
    case.every_question_and_scenario(lambda question: leaves_the_process(case, question))


def options_apart(case: PrunerCase) -> None:
    """What the same pruner with other options remembers of a history makes no difference, nor the other way round."""
    check_options_apart(case, [question for _, question in named_questions([OFTEN])])


def relabel(case: PrunerCase) -> None:
    """The study's name, attributes, workers, clocks, reasons of failures and log do not change the decision."""
    same_after(case, relabelled, "other names, attributes and clocks")


def recording_order(case: PrunerCase) -> None:
    """The order in which a trial got its reports of different steps, constraints and attributes does not count."""
    same_in_any_recording_order(case)


def fold(case: PrunerCase) -> None:
    """A pruner that remembers a growing history, or a fork of it, decides as one that reads it from the start."""

    def check(question: Question) -> Finding:
        same_after_growth(case, question)
        return None

    case.every_question(check)
    for_each_named(check, (each for each in named_questions([OFTEN]) if len(each[1].state.finished) > _GROWN))


def rank_based(case: PrunerCase) -> None:
    """Only the order of values and reports counts: a strictly increasing function of them changes nothing."""
    same_after(_bare(case), lambda state: with_values(state, monotone(state)), "other values in the same order")


def affine(case: PrunerCase) -> None:
    """The unit of values does not count: values in another unit (``4 y - 32``) change nothing."""

    def change(_: int, value: float) -> float:
        return 4.0 * value - 32.0

    same_after(_bare(case), lambda state: with_values(state, change), "the values in another unit", whole_values=True)


def mirror(case: PrunerCase) -> None:
    """Maximizing f is minimizing -f, in one objective at a time too, and also if the first objective is constant."""
    bare = _bare(case)

    def check(question: Question) -> Finding:
        for state, image in mirror_images(question.state):
            one, other = replace(question, state=state), replace(question, state=image)
            same_for(bare, one, other, "directions and values reversed")
        return None

    case.every_question_and_scenario(check)


def never_stops_the_leader(case: PrunerCase) -> None:
    """A trial whose every report is better than anything that any other trial had goes on; NaN is not better."""

    def check(question: Question) -> Finding:
        if len(question.state.directions) > 1:
            return None
        for state in (question.state, reporting_nan(question.state)):
            best, leading = with_a_leader(replace(question, state=state))
            if math.isfinite(best) and bare_decision_of(case.pruner, leading) is Decision.STOP:
                steps = [*leading.trial.intermediate_values]
                raise Counterexample(f"it stops trial {question.number}, which leads with {best!r} at {steps}", leading)
        return None

    case.every_question_and_scenario(check, whole_values=True)


def bounded_work(case: PrunerCase) -> None:
    """A decision after 4000 trials is valid, and takes about as many steps of Python as one after 1000.

    Steps are counted, not timed. A step is an instruction of the interpreter, so each round of a loop and each call of
    a function is several. What happens inside one call of numpy is not counted.
    """
    lengths = (*MARKS, *(n for end in (FEW, MANY) for n in (end - 1, end)))
    pairs = dict(zip(lengths, long_studies(*lengths), strict=True))

    def checked(question: Question) -> None:
        answer = decision_of(case.pruner, question)
        wrong = (
            f"it raises {shown_error(answer.error)}" if isinstance(answer, Raised) else _no_decision(question, answer)
        )
        if wrong is not None:
            raise AssertionError(f"after {len(question.state.finished)} trials {wrong}")

    def steps_after(n: int) -> int:
        return count_steps(lambda: decision_of(case.pruner, pairs[n][0]))

    # In this order, so that folds lack one trial only when steps are counted.
    for n in MARKS:
        for question in pairs[n]:
            checked(question)
    steps = {}
    for n in (FEW, MANY):
        checked(pairs[n - 1][0])
        steps[n] = steps_after(n)
        for question in pairs[n]:
            checked(question)
    check_bounded(steps.__getitem__, tolerance=1.5)


BASIC = (
    total,
    survives_every_scenario,
    silence_goes_on,
    same_decision_twice,
    any_order_of_calls,
    any_process,
    any_thread,
    leaves_no_trace,
    options_apart,
    relabel,
    recording_order,
    fold,
)
"""The laws that every pruner keeps."""

CLAIMS = (rank_based, affine, mirror, never_stops_the_leader, bounded_work)
"""The laws that a pruner may claim."""

SUITE = LawSuite(BASIC, CLAIMS)


def check_pruner(pruner: Pruner, *, laws: Iterable[LawOrName] = BASIC, max_examples: int = 100) -> None:
    """Check that a pruner keeps laws.

    Args:
        pruner: A function or an object at the top of a module, so that another process can import it. A script calls
            this under ``if __name__ == "__main__":``.
        laws: The laws, or their names. `BASIC` is for all pruners; `CLAIMS` has more.
        max_examples: The number of generated studies per law, at least 1.

    Raises:
        AssertionError: the pruner breaks a law. The message has the law's name, and the smallest study that shows it as
            Python code.
        InvalidArgument: there is no law of a given name.
        InvalidType: the pruner can't be called, or is a class.
        MissingExtra: hypothesis is not installed.

    Example:
        >>> from hpo.pruners import MedianPruner
        >>> check_pruner(MedianPruner(), laws=["total", "mirror"], max_examples=5)
    """
    SUITE.check(PrunerCase(pruner, max_examples), laws)


class PrunerLaws(LawTests):
    """Base of test classes for pytest with one method per law; name yours ``Test...``.

    Attributes:
        pruner: The pruner; see `check_pruner`.
        claims: Laws beyond `BASIC` that the pruner keeps, or their names.
        max_examples: The number of generated studies per law.

    Example:
        >>> from hpo.pruners import NopPruner
        >>> class TestMine(PrunerLaws):
        ...     pruner = NopPruner()
        ...     max_examples = 5
        >>> TestMine().test_silence_goes_on()
    """

    _suite = SUITE
    pruner: ClassVar[Any]

    def _case(self) -> PrunerCase:
        return PrunerCase(given_to(type(self), "pruner"), self.max_examples)


def _about_each_running_trial(question: Question) -> list[Question]:
    return [replace(question, number=number) for number in question.state.running]


def _bare(case: PrunerCase) -> PrunerCase:
    """Return the case with decisions alone: a reason may name the values that were compared."""
    return attrs.evolve(case, ask=bare_decision_of)


def _no_decision(question: Question, answer: object) -> Finding:
    if isinstance(answer, Decision):
        return None
    if isinstance(answer, Verdict) and isinstance(answer.decision, Decision):
        wrong = why_not_json(answer.reason)
        return None if wrong is None else f"its reason {wrong}"
    if not isinstance(answer, Raised):
        return f"it answers {shown(answer)}, which is neither a Decision nor a Verdict of one"
    if isinstance(answer.error, SeveralObjectives) and len(question.state.directions) > 1:
        return None
    raise Counterexample(f"it raises {shown_error(answer.error)}", question) from answer.error
