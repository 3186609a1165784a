"""Laws about what surrounds a question: threads, the clock, the state of the process, and the same kind with other options.

Options are found from the fields of a class.
"""

from __future__ import annotations

import copy
import dataclasses
import decimal
import gc
import locale
import os
import random
import signal
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
import numpy as np
from msgspec.structs import replace

from hpo.core import StudyState
from hpo.testing._engine.cases import Question, as_text
from hpo.testing._engine.comparisons import Case, another_day, copied
from hpo.testing._engine.counterexamples import Counterexample

_MOST = 2  # values that are tried in place of each option
_TRIED: Mapping[type, Sequence[Any]] = {
    bool: (False, True),
    int: (0, 1, 2, 3, 5, 24, 100),
    float: (1.0, 0.0, 0.01, 0.3, 2.5, 1e300),
    type(None): (None,),
}
"""Values to try for an option of each type."""
_THREADS = 4
_SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGALRM] if hasattr(signal, "SIGALRM") else []))


def same_at_any_time(case: Case, questions: Iterable[Question]) -> None:
    """Check that each of many questions gets the same answer again on another day.

    Raises:
        Counterexample: one gets another answer.
    """
    for question in questions:
        first = as_text(case.first(question))
        with another_day():
            second = as_text(case.ask(case.subject, question))
        if first != second:
            raise Counterexample(f"it {case.verb} {first}, and on another day {second}", question)


def same_in_any_thread(case: Case, questions: list[Question]) -> None:
    """Check that threads that ask at the same time get the answers that one question after another gets.

    The threads share the studies, and so what is remembered of their histories.

    Raises:
        Counterexample: an answer differs.
    """
    alone = [as_text(case.first(question)) for question in questions]
    shared = [replace(question, state=StudyState.from_bytes(question.state.to_bytes())) for question in questions]
    subject, start = copied(case.subject), threading.Barrier(_THREADS)

    def ask_all(thread: int) -> list[str]:
        # Each thread begins elsewhere, so that different questions are asked at the same time, and the same ones too.
        first = thread // 2 * len(shared) // 2
        order = [*range(first, len(shared)), *range(first)]
        start.wait()
        answers = {i: as_text(case.ask(subject, shared[i])) for i in order}
        return [answers[i] for i in range(len(shared))]

    interval = sys.getswitchinterval()
    # Filters of warnings belong to the process: each thread puts back those that it found, in any order.
    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        warnings.simplefilter("error")
        sys.setswitchinterval(1e-5)
        try:
            found = [*pool.map(ask_all, range(_THREADS))]
        finally:
            sys.setswitchinterval(interval)
    for answers in found:
        for question, mine, theirs in zip(questions, alone, answers, strict=True):
            if mine != theirs:
                raise Counterexample(f"it {case.verb} {mine}, and in a thread beside others {theirs}", question)


def leaves_the_process(case: Case, question: Question) -> str | None:
    """Return what of the process a question has changed, or None: global generators, environment, settings.

    Whatever has changed is put back where that is possible.
    """
    before = {name: read() for name, (read, _) in _PROCESS.items()}
    case.ask(case.subject, question)
    changed = [name for name, (read, _) in _PROCESS.items() if repr(read()) != repr(before[name])]
    for name in changed:
        _PROCESS[name][1](before[name])
    return f"asking it changes {' and '.join(changed)}" if changed else None


def _set_environment(before: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(before)


def _set_signals(before: list[Any]) -> None:
    if threading.current_thread() is threading.main_thread():
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)


def _numpy_generator() -> Any:
    kind, numbers, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - whether it was touched
    return kind, np.asarray(numbers).tolist(), *rest


_PROCESS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "the generator of random": (random.getstate, random.setstate),
    "the generator of numpy.random": (_numpy_generator, np.random.set_state),
    "the environment": (lambda: dict(os.environ), _set_environment),
    "the working directory": (os.getcwd, os.chdir),
    "the error handling of numpy": (np.geterr, lambda before: np.seterr(**before)),
    "the print options of numpy": (np.get_printoptions, lambda before: np.set_printoptions(**before)),
    "the decimal context": (lambda: decimal.getcontext().copy(), decimal.setcontext),
    "the limit of recursion": (sys.getrecursionlimit, sys.setrecursionlimit),
    "the garbage collector": (gc.isenabled, lambda before: gc.enable() if before else gc.disable()),
    "the locale": (lambda: locale.setlocale(locale.LC_ALL), lambda before: locale.setlocale(locale.LC_ALL, before)),
    "the handlers of signals": (lambda: [signal.getsignal(number) for number in _SIGNALS], _set_signals),
    "sys.path": (lambda: [*sys.path], lambda before: sys.path.__setitem__(slice(None), before)),
    "the threads that run": (lambda: sorted(thread.name for thread in threading.enumerate()), lambda _: None),
}
"""What a question must leave as it is: how to read it, and how to put it back."""


def check_options_apart(case: Case, questions: Iterable[Question]) -> None:
    """Check that the same kind of subject with another option, asked about the same history, makes no difference.

    Raises:
        Counterexample: an answer depends on whether the other one was asked before.
    """
    variants = [*variants_of(case.subject)]
    for question in questions if variants else ():

        def fresh(question: Question = question) -> Question:
            return replace(question, state=StudyState.from_bytes(question.state.to_bytes()))

        mine = as_text(case.ask(case.subject, fresh()))
        for option, variant in variants:
            theirs, shared, other = as_text(case.ask(variant, fresh())), fresh(), fresh()
            case.ask(case.subject, shared)
            case.ask(variant, other)
            for who, alone, after in (
                ("another one", theirs, as_text(case.ask(variant, shared))),
                ("it", mine, as_text(case.ask(case.subject, other))),
            ):
                if alone != after:
                    wrong = (
                        f"with another {option}, {who} {case.verb} {after} after the other was asked, and alone {alone}"
                    )
                    raise Counterexample(wrong, question)


def values_to_try(hint: Any) -> Sequence[Any]:
    """Return values of an annotated type: bools, numbers, None, and the strings of a ``Literal``; none of other types.

    Example:
        >>> values_to_try(bool | None)
        [False, True, None]
    """
    if get_origin(hint) is Literal:
        return get_args(hint)
    if get_origin(hint) in {Union, types.UnionType}:
        return [value for part in get_args(hint) for value in values_to_try(part)]
    return _TRIED.get(hint, ())


def hints_of(kind: type) -> dict[str, Any]:
    """Return the annotated types of a class's fields, as far as they can be found.

    Example:
        >>> from hpo.samplers import QMCSampler
        >>> hints_of(QMCSampler)["scramble"]
        <class 'bool'>
    """
    try:
        return get_type_hints(kind)
    except NameError:  # an annotation names a type that is imported for type checkers only
        return {}


def variants_of(subject: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names of options, and the subject with another value of each; also of subjects in its options.

    Options are the fields of an attrs class or a dataclass, and the attributes of any other object.

    Example:
        >>> from hpo.samplers import RandomSampler, Warmup
        >>> [name for name, _ in variants_of(Warmup(3, RandomSampler(), RandomSampler()))][-2:]
        ['then.seed', 'then.seed']
    """
    hints = hints_of(type(subject))
    for name, value in _options_of(subject).items():
        tried = [*values_to_try(hints.get(name)), *values_to_try(type(value))]
        others = {repr(other): other for other in tried if repr(other) != repr(value)}
        made = (_with_option(subject, name, other) for other in others.values())
        yield from ((name, each) for each in islice((each for each in made if each is not None), _MOST))
        for inner, varied in _varied_inside(value):  # samplers that a wrapper asks
            around = _with_option(subject, name, varied)
            if around is not None:
                yield f"{name}.{inner}", around


def _varied_inside(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the value of an option with another option of the sampler that it is, or of one of those that it holds."""
    if callable(value):
        yield from variants_of(value)
    elif type(value) is tuple:
        for i, each in enumerate(value):
            for inner, varied in _varied_inside(each):
                yield f"{i}.{inner}", (*value[:i], varied, *value[i + 1 :])


def _options_of(subject: Any) -> dict[str, Any]:
    if attrs.has(type(subject)):
        return {field.name: getattr(subject, field.name) for field in attrs.fields(type(subject)) if field.init}
    if dataclasses.is_dataclass(subject) and not isinstance(subject, type):
        return {field.name: getattr(subject, field.name) for field in dataclasses.fields(subject) if field.init}
    return (
        {}
        if isinstance(subject, type | types.FunctionType | types.MethodType)
        else dict(getattr(subject, "__dict__", {}))
    )


def _with_option(subject: Any, name: str, value: Any) -> Any:
    """Return a copy with another option, or None if the class refuses it."""
    try:
        if attrs.has(type(subject)):
            field = attrs.fields_dict(type(subject))[name]
            return attrs.evolve(subject, **{field.alias or name: value})
        if dataclasses.is_dataclass(subject) and not isinstance(subject, type):
            return dataclasses.replace(subject, **{name: value})
        changed = copy.copy(subject)
        setattr(changed, name, value)
    except (ValueError, TypeError, AttributeError):
        return None
    return changed
