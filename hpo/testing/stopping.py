"""The laws that every stopping rule keeps, those that it may claim, and the ways to check your own rule against them.

A stopping rule is a pure function of a study's state that returns `Stop` with a reason once no more trials should start,
and None before. Its laws are those of pruners that are about the whole study and not about one trial.

    from hpo.testing import StoppingLaws

    class TestMine(StoppingLaws):
        rule = MyRule()
        claims = ("mirror", "affine")

pytest runs one test per law; `check_stopping_rule` runs them without pytest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import attrs
from msgspec.structs import replace

from hpo.core import Decision, FrozenTrial, Stop, StoppingRule, StudyState, Verdict, checked_stopping_rule
from hpo.testing._engine import (
    Counterexample,
    Finding,
    LawOrName,
    LawSuite,
    LawTests,
    Question,
    bare_decision_of,
    given_to,
    shown,
)
from hpo.testing.pruners import laws as of_pruners


@attrs.frozen
class RuleAsPruner:
    """A stopping rule as a pruner that stops every trial once the study should stop.

    Args:
        rule: The rule.

    Raises:
        InvalidType: the rule can't be called, or is a class.

    Example:
        >>> RuleAsPruner(lambda state: Stop("ten are enough") if state.n_trials >= 10 else None)(StudyState.create(), None)
        Verdict(decision=<Decision.CONTINUE: 'continue'>, reason=None)
    """

    rule: StoppingRule = attrs.field(converter=checked_stopping_rule)

    def __call__(self, state: StudyState, trial: FrozenTrial | None) -> Verdict:
        """Return STOP with the rule's reason if the study should stop, else CONTINUE.

        Raises:
            TypeError: the rule returns neither a `Stop` nor None.
        """
        answer = self.rule(state)
        if answer is None:
            return Verdict(Decision.CONTINUE)
        if isinstance(answer, Stop):
            return Verdict(Decision.STOP, answer.reason)
        raise TypeError(f"a stopping rule returns Stop(reason) or None, and this one {shown(answer)}")


def begins(case: of_pruners.PrunerCase) -> None:
    """A study without a finished trial goes on."""

    def check(question: Question) -> Finding:
        nothing = type(question.state.finished)()
        empty = replace(question, state=replace(question.state, finished=nothing))
        if bare_decision_of(case.pruner, empty) is Decision.STOP:
            raise Counterexample("it stops a study without a finished trial", empty)
        return None

    case.every_question_and_scenario(check)


BASIC = (*(begins if law is of_pruners.silence_goes_on else law for law in of_pruners.BASIC),)
"""The laws that every stopping rule keeps: those of pruners, with `begins` in place of the one about silent trials."""

CLAIMS = (of_pruners.rank_based, of_pruners.affine, of_pruners.mirror, of_pruners.bounded_work)
"""The laws that a stopping rule may claim."""

SUITE = LawSuite(BASIC, CLAIMS)


def check_stopping_rule(rule: StoppingRule, *, laws: Iterable[LawOrName] = BASIC, max_examples: int = 100) -> None:
    """Check that a stopping rule keeps laws.

    Args:
        rule: A function or an object at the top of a module, so that another process can import it. A script calls
            this under ``if __name__ == "__main__":``.
        laws: The laws, or their names. `BASIC` is for all rules; `CLAIMS` has more.
        max_examples: The number of generated studies per law, at least 1.

    Raises:
        AssertionError: the rule breaks a law. The message has the law's name, and the smallest study that shows it as
            Python code.
        InvalidArgument: there is no law of a given name.
        InvalidType: the rule can't be called, or is a class.
        MissingExtra: hypothesis is not installed.

    Example:
        >>> def after_five(state):
        ...     return Stop("five are enough") if len(state.finished) >= 5 else None
        >>> check_stopping_rule(after_five, laws=["total", "begins", "mirror"], max_examples=5)
    """
    SUITE.check(_case(rule, max_examples), laws)


class StoppingLaws(LawTests):
    """Base of test classes for pytest with one method per law; name yours ``Test...``.

    Attributes:
        rule: The rule; see `check_stopping_rule`.
        claims: Laws beyond `BASIC` that the rule keeps, or their names.
        max_examples: The number of generated studies per law.

    Example:
        >>> def after_five(state):
        ...     return Stop("five are enough") if len(state.finished) >= 5 else None
        >>> class TestMine(StoppingLaws):
        ...     rule = after_five
        ...     max_examples = 5
        >>> TestMine().test_begins()
    """

    _suite = SUITE
    rule: ClassVar[Any]

    def _case(self) -> of_pruners.PrunerCase:
        return _case(given_to(type(self), "rule"), self.max_examples)


def _case(rule: StoppingRule, max_examples: int) -> of_pruners.PrunerCase:
    return of_pruners.PrunerCase(RuleAsPruner(rule), max_examples, "rule(state)")
