"""How laws of samplers, pruners and folds are tried: on generated questions, with the smallest broken one shown."""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol

import attrs

from hpo.core import Distribution, SearchSpace
from hpo.errors import InvalidArgument, MissingExtra
from hpo.testing._engine.cases import FAULTS, Question
from hpo.testing._engine.counterexamples import Counterexample, explained
from hpo.testing._engine.formatting import shown, shown_error

_MOST_KEPT = 5000

Verdict = str | None
"""What is wrong, or None."""


class NamedLaw(Protocol):
    """A function that raises AssertionError where its argument breaks it; the docstring says what the law is."""

    __name__: str

    def __call__(self, case: Any, /) -> None:
        """Try the law."""
        ...


def for_every_question(
    check: Callable[[Question], Verdict],
    *,
    space: Mapping[str, Distribution] | None = None,
    max_examples: int = 100,
    whole_values: bool = False,
    reporting: bool = False,
    retold: Callable[[Question], Question] | None = None,
) -> None:
    """Make sure that `check` finds nothing wrong, on generated questions.

    Args:
        check: Says what is wrong, or raises a `Counterexample` where another question than its own shows it. Any other
            error is wrong too.
        space: What questions are about; generated if None.
        max_examples: So many questions, at least 1. They are the same whenever the same modules are imported, of which
            hypothesis takes hints.
        whole_values: Whether all objective values and reports are small whole numbers.
        reporting: Whether the trial that a question is about may have reported values.
        retold: Makes another question of each before it is checked.

    Raises:
        Counterexample: it found something; this is the smallest such question.
        InvalidArgument: `max_examples` is no int from 1 on.
        MissingExtra: hypothesis is not installed.

    Example:
        >>> for_every_question(lambda question: None, max_examples=3)
    """
    if type(max_examples) is not int or max_examples < 1:
        raise InvalidArgument(f"max_examples is an int from 1 on, got {shown(max_examples)}")
    look = _Look(check, retold)
    among = _Among(None if space is None else SearchSpace.of(space), max_examples, whole_values, reporting)
    if max_examples > _MOST_KEPT or any(map(look.is_wrong, _kept(among))):
        _generate(among, look)
        if look.found is not None:
            raise look.found


def looked_at(question: Question, check: Callable[[Question], Verdict]) -> Counterexample | None:
    """What `check` finds wrong with a question; any error of it is wrong too.

    Example:
        >>> from hpo import StudyState
        >>> question = Question(StudyState(), 0, SearchSpace())
        >>> looked_at(question, lambda question: "it is empty").wrong
        'it is empty'
        >>> looked_at(question, lambda question: 1 / 0).wrong
        'it can not be asked: ZeroDivisionError: division by zero'
    """
    try:
        wrong = check(question)
    except Counterexample as found:
        return found
    except FAULTS as error:
        unasked = Counterexample(f"it can not be asked: {shown_error(error)}", question)
        unasked.__cause__ = error
        return unasked
    return None if wrong is None else Counterexample(wrong, question)


class _Look:
    """Looks at questions, and keeps the last one with which something was wrong."""

    def __init__(
        self, check: Callable[[Question], Verdict], retold: Callable[[Question], Question] | None = None
    ) -> None:
        self.check = check
        self.retold = retold
        self.found: Counterexample | None = None

    def is_wrong(self, question: Question) -> bool:
        question = question if self.retold is None else self.retold(question)
        found = looked_at(question, self.check)
        if found is not None:
            self.found = found
        return found is not None

    def __call__(self, question: Question) -> None:
        if self.is_wrong(question):
            raise AssertionError


@attrs.frozen
class _Among:
    """Which questions are generated; see `for_every_question`."""

    space: SearchSpace | None
    max_examples: int
    whole_values: bool
    reporting: bool


@lru_cache(maxsize=4)
def _kept(among: _Among) -> tuple[Question, ...]:
    """The generated questions, which are the same for all laws and so made once.

    A memo of a function of its arguments alone: dropping it costs time and nothing else.
    """
    questions: list[Question] = []
    _generate(among, questions.append)
    return tuple(questions)


def _generate(among: _Among, look: Callable[[Question], None]) -> None:
    """Show generated questions to `look`; where it raises, also smaller ones, of which the last one is the smallest."""
    try:
        from hypothesis import HealthCheck, Phase, given, settings
        from hypothesis import strategies as st
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


def for_each(check: Callable[[Question], Verdict], named: Iterable[tuple[str, Question]]) -> None:
    """Make sure that `check` finds nothing wrong, on questions with names.

    Raises:
        Counterexample: it found something.

    Example:
        >>> for_each(lambda question: None, [])
    """
    for name, question in named:
        found = looked_at(question, check)
        if found is not None:
            wrong = f"{found.wrong} in the scenario {name!r}"
            raise Counterexample(wrong, found.question, found.other, grown=found.grown) from found.__cause__


def try_law(law: NamedLaw, case: Any) -> None:
    """Try one law.

    Raises:
        AssertionError: it is broken; the message begins with the law's name. An error of what is tried is the cause.

    Example:
        >>> def one_is_two(case):
        ...     assert 1 == 2, "1 is not 2"
        >>> try_law(one_is_two, None)
        Traceback (most recent call last):
        AssertionError: the law one_is_two is broken: 1 is not 2
    """
    __tracebackhide__ = True  # the message says it all, and pytest would show pages of ours
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
        error.add_note(f"while the law {law.__name__} was tried")
        raise


def checked_laws(laws: Iterable[Any], known: Iterable[NamedLaw]) -> list[NamedLaw]:
    """The given laws, where each is a law or the name of a known one.

    Raises:
        InvalidArgument: a name is none of theirs, or one text is all that was given.

    Example:
        >>> checked_laws([], [])
        []
    """
    if isinstance(laws, str):
        raise InvalidArgument(f"laws are a list of functions and names, got the text {laws!r}: write [{laws!r}]")
    by_name = {law.__name__: law for law in known}
    found = []
    for law in laws:
        if not callable(law) and law not in by_name:
            raise InvalidArgument(f"a law is a function, or one of the names {', '.join(by_name)}; got {shown(law)}")
        found.append(law if callable(law) else by_name[law])
    return found


def given_to(owner: type, name: str) -> Any:
    """What a class was given under a name: a plain function stays one, and becomes no method.

    Raises:
        InvalidArgument: it was given nothing.

    Example:
        >>> class Mine:
        ...     act = abs
        ...     other = staticmethod(len)
        >>> given_to(Mine, "act"), given_to(Mine, "other")
        (<built-in function abs>, <built-in function len>)
    """
    if not hasattr(owner, name):
        raise InvalidArgument(f"{owner.__name__} has no {name}: say in its body what is tried, {name} = ...")
    given = inspect.getattr_static(owner, name)
    return given.__func__ if isinstance(given, staticmethod) else given


def count_steps(act: Callable[[], object]) -> int:
    """How many instructions of Python `act` takes: rounds of loops count, also those that call nothing.

    Example:
        >>> count_steps(lambda: [n for n in range(9)]) < count_steps(lambda: [n for n in range(99)])
        True
    """
    if sys.version_info < (3, 12):
        return _traced_steps(act)
    # a trace function would miss the first call of every function: opcodes are traced from the next one on
    n_steps, thread = 0, threading.get_ident()
    monitoring, instruction = sys.monitoring, sys.monitoring.events.INSTRUCTION
    tool = next(number for number in range(6) if monitoring.get_tool(number) is None)

    def count(code: Any, offset: int) -> None:
        nonlocal n_steps
        n_steps += threading.get_ident() == thread

    monitoring.use_tool_id(tool, "hpo.testing")
    try:
        monitoring.register_callback(tool, instruction, count)
        monitoring.set_events(tool, instruction)
        act()
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, instruction, None)
        monitoring.free_tool_id(tool)
    return n_steps


def _traced_steps(act: Callable[[], object]) -> int:
    n_steps = 0

    def count(frame: Any, event: str, argument: Any) -> Any:
        nonlocal n_steps
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        n_steps += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        act()
    finally:
        sys.settrace(before)
    return n_steps
