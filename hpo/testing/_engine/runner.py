"""Runs a check on generated and on named questions, and the laws of one kind of subject: as a function, and as tests."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Protocol, TypeAlias

import attrs

from hpo.core import Distribution, SearchSpace
from hpo.errors import InvalidArgument, MissingExtra
from hpo.testing._engine.cases import FAULTS, Question, shown, shown_error
from hpo.testing._engine.counterexamples import Counterexample, explained

_MOST_KEPT = 5000
_MOST_REMEMBERED = 2000  # answers; of the questions of a larger number of examples, the later ones are asked again

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


class Memo:
    """What was computed for a question before: most laws ask the same questions, and compare with the same answers.

    Dropping it costs time and nothing else, as long as the subject is pure; if it is not, the first answer of each
    question is as good as any other to find that out.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, int], tuple[Question, Any]] = {}
        self._named: dict[str, Any] = {}

    def of(self, compute: Callable[[Question], Any], question: Question, about: object) -> Any:
        """Return what `compute` returned for this very question when it was first asked; `about` names what that is."""
        key = about, id(question)
        if key in self._known:
            return self._known[key][1]
        found = compute(question)
        if len(self._known) < _MOST_REMEMBERED:
            self._known[key] = question, found  # with the question, so that its id is not given to another one
        return found

    def named(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returned when it was first called under this name."""
        if name not in self._named:
            self._named[name] = compute()
        return self._named[name]


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


class NamedLaw(Protocol):
    """A function that raises AssertionError if its argument breaks the law that its docstring states."""

    __name__: str

    def __call__(self, case: Any, /) -> None:
        """Check the law."""
        ...


LawOrName: TypeAlias = Callable[[Any], None] | str
"""A law, or the name of one that the suite has."""


@attrs.frozen
class LawSuite:
    """The laws of one kind of subject.

    Args:
        basic: The laws that every subject keeps.
        claims: The laws that a subject may claim beyond them.

    Example:
        >>> def is_positive(number):
        ...     assert number > 0, f"{number} is not positive"
        >>> LawSuite((is_positive,)).check(-3, ["is_positive"])
        Traceback (most recent call last):
        AssertionError: the law is_positive is broken: -3 is not positive
    """

    basic: tuple[Any, ...]
    claims: tuple[Any, ...] = ()

    def check(self, case: Any, laws: Iterable[LawOrName]) -> None:
        """Check that `case` keeps the given laws.

        Raises:
            AssertionError: it breaks one; the message begins with the law's name.
            InvalidArgument: the suite has no law of a given name.
        """
        __tracebackhide__ = True
        for law in self.chosen(laws):
            try_law(law, case)

    def chosen(self, laws: Iterable[LawOrName]) -> list[NamedLaw]:
        """Return the given laws as functions.

        Raises:
            InvalidArgument: the suite has no law of a given name, or `laws` is a single string.
        """
        if isinstance(laws, str):
            raise InvalidArgument(f"laws is a list of functions and names, got the string {laws!r}: write [{laws!r}]")
        by_name = {law.__name__: law for law in (*self.basic, *self.claims)}
        found: list[Any] = []
        for law in laws:
            if not callable(law) and law not in by_name:
                raise InvalidArgument(
                    f"a law is a function, or one of the names {', '.join(by_name)}; got {shown(law)}"
                )
            found.append(law if callable(law) else by_name[law])
        return found


class LawTests:
    """The base of the test classes: one test method for each basic law and for each claim.

    A subclass says in `_suite` which laws there are, and in `_case` what they are checked on. A class of a user may
    replace the test of a law by a method of its own.

    Attributes:
        claims: Laws beyond the basic ones that the subject keeps, or their names.
        max_examples: The number of generated studies that each law looks at, at least 1.
    """

    _suite: ClassVar[LawSuite]
    claims: ClassVar[Iterable[LawOrName]] = ()
    max_examples: ClassVar[int] = 100

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for law in cls._suite.chosen((*cls._suite.basic, *cls.claims)):
            name = f"test_{law.__name__}"
            if not hasattr(cls, name):
                setattr(cls, name, _test_of(law))

    def _case(self) -> Any:
        """Return what the laws are checked on."""
        raise NotImplementedError

    def _try(self, law: NamedLaw) -> None:
        """Check one law."""
        __tracebackhide__ = True
        kind: Any = type(self)
        try_law(law, _case_of(kind))


@lru_cache(maxsize=1)
def _case_of(kind: Any) -> Any:
    """Return the case of a class of tests, which is the same for all of them, so that it may remember answers."""
    return kind()._case()  # noqa: SLF001 - of a subclass of LawTests


def _test_of(law: NamedLaw) -> Callable[[LawTests], None]:
    def test(self: LawTests) -> None:
        __tracebackhide__ = True
        self._try(law)

    test.__doc__ = law.__doc__
    return test


def try_law(law: NamedLaw, case: Any) -> None:
    """Check one law.

    Raises:
        AssertionError: it is broken; the message begins with the law's name. If the subject raised an error, that is
            the cause.

    Example:
        >>> def one_is_two(case):
        ...     assert 1 == 2, "1 is not 2"
        >>> try_law(one_is_two, None)
        Traceback (most recent call last):
        AssertionError: the law one_is_two is broken: 1 is not 2
    """
    __tracebackhide__ = True  # the message says it all, and pytest would show pages of this package
    try:
        law(case)
    except Counterexample as found:
        asks, seed = getattr(case, "asks", ""), getattr(getattr(case, "sampler", None), "seed", None)
        seed = seed if type(seed) is int else None
        told = explained(found, law.__name__, asks=asks, seed=seed)
        raise AssertionError(f"the law {law.__name__} is broken: {told}") from found.__cause__
    except AssertionError as error:
        raise AssertionError(f"the law {law.__name__} is broken: {error}") from error.__cause__
    except Exception as error:
        error.add_note(f"while the law {law.__name__} was checked")
        raise


def given_to(owner: type, name: str) -> Any:
    """Return what a class was given under a name; a plain function stays a function and does not become a method.

    Raises:
        InvalidArgument: the class was not given anything.

    Example:
        >>> class Mine:
        ...     act = abs
        ...     other = staticmethod(len)
        >>> given_to(Mine, "act"), given_to(Mine, "other")
        (<built-in function abs>, <built-in function len>)
    """
    if not hasattr(owner, name):
        raise InvalidArgument(f"{owner.__name__} has no {name}: set it in the body of the class, {name} = ...")
    given = inspect.getattr_static(owner, name)
    return given.__func__ if isinstance(given, staticmethod) else given
