"""The laws that every fold keeps, so that a history may remember its carries.

``check_fold(BestValues(3), read=list)`` checks a fold against all of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import attrs

from hpo.core import Distribution, Fold, FrozenTrial, History, SearchSpace, shown_with_advice
from hpo.errors import InvalidType
from hpo.testing._engine import (
    FAULTS,
    Counterexample,
    Finding,
    LawOrName,
    LawSuite,
    Question,
    copied,
    for_every_question,
    prefixes,
    shown,
    shown_error,
    variants_of,
)


def _checked_fold(given: Any) -> Fold[Any]:
    if isinstance(given, type) or not (
        callable(getattr(given, "init", None)) and callable(getattr(given, "step", None))
    ):
        raise InvalidType(f"a fold is an object with the methods init and step; got {shown_with_advice(given)}")
    return given  # type: ignore[no-any-return]


@attrs.frozen
class FoldCase:
    """A fold with the histories that its laws try it on.

    Args:
        fold: The fold.
        read: Returns what matters of a carry, as something whose `repr` shows all of it.
        space: The parameters of the trials; None means generated ones.
        max_examples: The number of generated histories per law.

    Raises:
        InvalidType: the fold is a class, or lacks a method.
    """

    asks: ClassVar[str] = "state.finished.fold(fold)"
    fold: Fold[Any] = attrs.field(converter=_checked_fold)
    read: Callable[[Any], object]
    space: SearchSpace | None = None
    max_examples: int = 100

    def every_question(self, check: Callable[[Question], Finding]) -> None:
        """Run `check` on generated histories."""
        for_every_question(check, space=self.space, max_examples=self.max_examples)

    def shown(self, carry: Any) -> str:
        """Return what matters of a carry as a string."""
        return shown(self.read(carry), most=None)

    def from_the_start(self, trials: Iterable[FrozenTrial]) -> Any:
        """Return the carry after `trials`, computed from the first one on."""
        carry = self.fold.init()
        for trial in trials:
            carry = self.fold.step(carry, trial)
        return carry


def total(case: FoldCase) -> None:
    """Every history has a carry: no trial raises an error, whatever its state and values."""

    def check(question: Question) -> Finding:
        try:
            case.from_the_start(question.state.finished)
        except FAULTS as error:
            raise Counterexample(f"it raises {shown_error(error)}", question) from error
        return None

    case.every_question(check)


def carries_are_values(case: FoldCase) -> None:
    """A step returns a new carry and leaves the old one as it is."""

    def check(question: Question) -> Finding:
        carry = case.fold.init()
        for trial in question.state.finished:
            before = case.shown(carry)
            case.fold.step(carry, trial)
            if case.shown(carry) != before:
                return f"a step changes the carry {before} to {case.shown(carry)}"
            carry = case.fold.step(carry, trial)
        return None

    case.every_question(check)


def steps_are_pure(case: FoldCase) -> None:
    """The same trials give the same carry, again and in a copy of the fold."""

    def check(question: Question) -> Finding:
        trials, twin = question.state.finished, attrs.evolve(case, fold=copy.deepcopy(case.fold))
        first, second, third = (case.shown(each.from_the_start(trials)) for each in (case, case, twin))
        if first == second == third:
            return None
        return f"the same trials give {first}, then {second}, and in a copy {third}"

    case.every_question(check)


def fresh_is_incremental(case: FoldCase) -> None:
    """At every prefix and on forks, the remembered carry of a history equals a fold over its trials from the start."""

    def check(question: Question) -> Finding:
        for pair in prefixes(question):
            for history in (pair[0].state.finished, pair[1].state.finished, pair[0].state.finished):
                remembered = case.shown(history.fold(case.fold))
                fresh = case.shown(History([*history]).fold(case.fold))
                if remembered != fresh:
                    wrong = f"a history of {len(history)} trials remembers {remembered}; from the start it is {fresh}"
                    raise Counterexample(wrong, question, grown=True)
        return None

    case.every_question(check)


def equal_and_hashable(case: FoldCase) -> None:
    """A copy of the fold is equal and has the same hash, so that a history finds its carry again."""
    twin = copied(case.fold)
    try:
        found = {case.fold: True}.get(twin, False)
    except FAULTS as error:
        raise AssertionError(f"it can't be the key of a dict: {shown_error(error)}") from error
    if not found:
        raise AssertionError(f"{shown(case.fold)} and its copy are not equal: make it a frozen class of its options")


def options_apart(case: FoldCase) -> None:
    """A fold with another option is another fold, unless its carries are the same: a history keeps one for equal folds.

    Options are the fields of an attrs class or a dataclass, and the attributes of other objects.
    """
    equal = [(option, other) for option, other in variants_of(case.fold) if other == case.fold]

    def check(question: Question) -> Finding:
        mine = case.shown(case.from_the_start(question.state.finished))
        for option, other in equal:
            theirs = case.shown(attrs.evolve(case, fold=other).from_the_start(question.state.finished))
            if mine != theirs:
                return f"with another {option} it is equal, and its carry is {theirs} in place of {mine}"
        return None

    if equal:
        case.every_question(check)


FOLD_LAWS = (total, carries_are_values, steps_are_pure, fresh_is_incremental, equal_and_hashable, options_apart)
"""The laws that every fold keeps."""

SUITE = LawSuite(FOLD_LAWS)


def check_fold(
    fold: Fold[Any],
    *,
    read: Callable[[Any], object] = lambda carry: carry,
    space: Mapping[str, Distribution] | None = None,
    laws: Iterable[LawOrName] = FOLD_LAWS,
    max_examples: int = 100,
) -> None:
    """Check that a fold keeps laws.

    Args:
        fold: The fold.
        read: Returns what matters of a carry, as something whose `repr` shows all of it: ``list``, or
            ``lambda carry: carry.tolist()``.
        space: The parameters of the trials; generated if not given.
        laws: The laws, or their names.
        max_examples: The number of generated histories per law, at least 1.

    Raises:
        AssertionError: the fold breaks a law. The message has the law's name, and the smallest study that shows it as
            Python code.
        InvalidArgument: there is no law of a given name.
        InvalidType: the fold is a class, or lacks a method.
        MissingExtra: hypothesis is not installed.

    Example:
        >>> @attrs.frozen
        ... class Count:
        ...     def init(self): return 0
        ...     def step(self, carry, trial): return carry + 1
        >>> check_fold(Count(), max_examples=5)
    """
    SUITE.check(FoldCase(fold, read, None if space is None else SearchSpace.of(space), max_examples), laws)
