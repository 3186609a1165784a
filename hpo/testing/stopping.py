"""The laws that every stopping rule keeps, those that one may claim, and the ways to try them on one's own.

A stopping rule is a pure function from a study's state to whether the study has gone on for long enough. Its laws are
those of pruners that ask about the whole study and not about one trial.

    from hpo.testing import StoppingLaws

    class TestMine(StoppingLaws):
        rule = MyRule()
        claims = ("mirror", "affine")

and pytest runs one test per law; `check_stopping_rule` runs them without pytest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeAlias

import attrs
from msgspec.structs import replace

from hpo.core import Decision, FrozenTrial, StudyState, checked_callable
from hpo.testing._engine.cases import Question, judged
from hpo.testing._engine.counterexamples import Counterexample
from hpo.testing._engine.formatting import shown
from hpo.testing._engine.runner import Verdict, checked_laws, given_to, try_law
from hpo.testing.pruners.laws import (
    PrunerCase,
    affine,
    any_order_of_calls,
    any_process,
    bounded_work,
    fold,
    mirror,
    rank_based,
    recording_order,
    relabel,
    same_decision_twice,
    survives_every_scenario,
    total,
)

_ASKS = "rule(state)"
StoppingRule: TypeAlias = Callable[[StudyState], bool]
"""Whether a study should stop; pure."""


def _checked_rule(given: Any) -> StoppingRule:
    return checked_callable(given, "a stopping rule is a function of the study's state")  # type: ignore[no-any-return]


@attrs.frozen
class Judge:
    """A stopping rule as a pruner that stops every trial once the study should stop.

    Args:
        rule: The rule.

    Raises:
        InvalidType: the rule can't be called, or is a class.

    Example:
        >>> Judge(lambda state: state.n_trials > 9)(StudyState.create(), None)
        <Decision.CONTINUE: 'continue'>
    """

    rule: StoppingRule = attrs.field(converter=_checked_rule)

    def __call__(self, state: StudyState, trial: FrozenTrial | None) -> Decision:
        """See `Pruner`.

        Raises:
            TypeError: the rule answers neither True nor False.
        """
        answer = self.rule(state)
        if not isinstance(answer, bool):
            raise TypeError(f"a stopping rule answers True or False, and this one {shown(answer)}")
        return Decision.STOP if answer else Decision.CONTINUE


def begins(case: PrunerCase) -> None:
    """A study without a finished trial goes on."""

    def check(question: Question) -> Verdict:
        nothing = type(question.state.finished)()
        empty = replace(question, state=replace(question.state, finished=nothing))
        if judged(case.pruner, empty) is Decision.STOP:
            raise Counterexample("it stops a study without a finished trial", empty)
        return None

    case.every_question_and_scenario(check)


BASIC = (
    total,
    survives_every_scenario,
    begins,
    same_decision_twice,
    any_order_of_calls,
    any_process,
    relabel,
    recording_order,
    fold,
)
"""For every stopping rule."""

CLAIMS = (rank_based, affine, mirror, bounded_work)
"""What a stopping rule may say that it keeps."""


def check_stopping_rule(
    rule: StoppingRule, *, laws: Iterable[Callable[[PrunerCase], None] | str] = BASIC, max_examples: int = 100
) -> None:
    """Make sure that a stopping rule keeps laws.

    Args:
        rule: A function or an object, at the top of a module, so that another process can import it. A script that
            calls this does so under ``if __name__ == "__main__":``.
        laws: The laws, or their names; `BASIC` is for all rules, `CLAIMS` has more.
        max_examples: How many generated studies each law looks at, at least 1.

    Raises:
        AssertionError: it breaks a law. The message says which, and has the smallest study that shows it as Python.
        InvalidArgument: a law has no such name.
        InvalidType: the rule can't be called, or is a class.
        MissingExtra: hypothesis is not installed.

    Example:
        >>> def after_five(state):
        ...     return len(state.finished) >= 5
        >>> check_stopping_rule(after_five, laws=["total", "begins", "mirror"], max_examples=5)
    """
    for law in checked_laws(laws, (*BASIC, *CLAIMS)):
        try_law(law, PrunerCase(Judge(rule), max_examples, _ASKS))


class StoppingLaws:
    """A test class for pytest, one method per law, to be derived from under a name that begins with ``Test``.

    Attributes:
        rule: See `check_stopping_rule`.
        claims: Laws beyond `BASIC` that the rule keeps.
        max_examples: See `check_stopping_rule`.

    Example:
        >>> def after_five(state):
        ...     return len(state.finished) >= 5
        >>> class TestMine(StoppingLaws):
        ...     rule = after_five
        ...     max_examples = 5
        >>> TestMine().test_begins()
    """

    rule: ClassVar[Any]
    claims: ClassVar[Iterable[Callable[[PrunerCase], None] | str]] = ()
    max_examples: ClassVar[int] = 100

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for law in checked_laws((*BASIC, *cls.claims), (*BASIC, *CLAIMS)):
            setattr(cls, f"test_{law.__name__}", _method(law))


def _method(law: Any) -> Callable[[StoppingLaws], None]:
    def test(self: StoppingLaws) -> None:
        rule = given_to(type(self), "rule")
        try_law(law, PrunerCase(Judge(rule), self.max_examples, _ASKS))

    test.__doc__ = law.__doc__
    return test
