"""One suite of laws per kind of subject: the function that runs it, and the base of its test classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol, TypeAlias

import attrs

from hpo.errors import InvalidArgument
from hpo.testing._engine.counterexamples import Counterexample, explained
from hpo.testing._engine.formatting import shown


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
        try_law(law, self._case())


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
