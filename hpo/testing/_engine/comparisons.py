"""The laws that samplers, pruners and stopping rules share: the same question gets the same answer, whatever else changes.

Each function here checks one law for any kind of subject. The public laws call them with the words and the questions of
their own kind. One of them asks in another process, in which strings have other hashes and numpy other threads.
"""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain
from types import FunctionType
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from hpo.core import StudyState
from hpo.testing._engine.cases import FAULTS, Question, as_text, shown, shown_error
from hpo.testing._engine.counterexamples import Counterexample
from hpo.testing._engine.runner import Finding
from hpo.testing._engine.transformations import constrained, prefixes, recorded_backwards, with_values

S = TypeVar("S")


@contextmanager
def another_day() -> Iterator[None]:
    """Move the clocks of the module `time` on by ten years in the block.

    Example:
        >>> before = time.time()
        >>> with another_day():
        ...     assert time.time() - before > 86400
        >>> assert time.time() - before < 86400
    """
    names = [*_CLOCKS, *(f"{name}_ns" for name in _CLOCKS)]
    clocks = {name: getattr(time, name) for name in names if hasattr(time, name)}

    def moved(name: str, clock: Callable[[], Any]) -> Callable[[], Any]:
        step = int(_LATER * 1e9) if name.endswith("_ns") else _LATER
        return lambda: clock() + step

    try:
        for name, clock in clocks.items():
            setattr(time, name, moved(name, clock))
        yield
    finally:
        for name, clock in clocks.items():
            setattr(time, name, clock)


class Case(Protocol):
    """A subject with the questions that it is asked."""

    @property
    def subject(self) -> Any:
        """The sampler or pruner."""
        ...

    @property
    def verb(self) -> str:
        """The verb for the subject in messages: answers or decides."""
        ...

    def ask(self, subject: Any, question: Question, /) -> object:
        """Return what `subject` says to a question; a function at the top of a module, so that it can be pickled."""
        ...

    def first(self, question: Question, /) -> object:
        """Return what the subject said when it was first asked this question."""
        ...

    def every_question_and_scenario(self, check: Callable[[Question], Finding], *, whole_values: bool = False) -> None:
        """Run `check` on generated questions and on the named studies."""
        ...


def same_twice(case: Case) -> None:
    """Check that the same question gets the same answer, also on another day, and that asking does not change the study."""

    def check(question: Question) -> Finding:
        before = question.state.to_bytes()
        first = as_text(case.first(question))
        with another_day():
            second = as_text(case.ask(case.subject, question))
        if first != second:
            return f"it {case.verb} {first}, and then {second}"
        return None if question.state.to_bytes() == before else "asking it changes the study"

    case.every_question_and_scenario(check)


def same_in_any_order(case: Case) -> None:
    """Check that a copy that is asked the same questions in reverse order gives the same answers."""
    untouched = copied(case.subject)

    def check(question: Question) -> Finding:
        questions = siblings(question)
        copy_asked_backwards = copy.deepcopy(untouched)
        there = [as_text(case.ask(case.subject, each)) for each in questions]
        back = [as_text(case.ask(copy_asked_backwards, each)) for each in reversed(questions)][::-1]
        for one, other in zip(there, back, strict=True):
            if one != other:
                return f"after some questions it {case.verb} {one}, and after others {other}"
        return None

    case.every_question_and_scenario(check)


def copied(subject: S) -> S:
    """Return a deep copy.

    Raises:
        AssertionError: it can't be copied.
    """
    try:
        return copy.deepcopy(subject)
    except FAULTS as error:
        raise AssertionError(f"it can't be copied: {shown_error(error)}") from error


def same_in_any_process(case: Case, questions: list[Question]) -> None:
    """Check that another process, with other hashes and another number of threads for numpy, gives the same answers to the questions in reverse order."""
    there = answers_elsewhere(case.ask, case.subject, questions[::-1])[::-1]
    here = [as_text(case.first(question)) for question in questions]
    wrong = [each for each in zip(questions, here, there, strict=True) if each[1] != each[2]]
    if wrong:
        question, mine, theirs = min(wrong, key=lambda each: len(each[0].state.to_json()))
        raise Counterexample(f"here it {case.verb} {mine}, and in another process {theirs}", question)


def same_for(case: Case, one: Question, other: Question, what: str) -> None:
    """Check that two questions get the same answer.

    Args:
        case: The subject.
        one: The first question.
        other: The second question.
        what: How the second differs; completes the sentence "and with ... it answers".

    Raises:
        Counterexample: the answers differ.
    """
    first, second = as_text(case.first(one)), as_text(case.ask(case.subject, other))
    if first != second:
        raise Counterexample(f"it {case.verb} {first}, and with {what} {second}", one, other)


def same_after(
    case: Case, change: Callable[[StudyState], StudyState], what: str, *, whole_values: bool = False
) -> None:
    """Check that a change of the study does not change the answer; `what` is as in `same_for`."""

    def check(question: Question) -> Finding:
        same_for(case, question, replace(question, state=change(question.state)), what)
        return None

    case.every_question_and_scenario(check, whole_values=whole_values)


def same_in_any_recording_order(case: Case) -> None:
    """Check that the order in which a trial got its parameters, reports, constraints and attributes does not count."""

    def check(question: Question) -> Finding:
        # With three constraints per trial as well: the sum of three floats depends on their order.
        for state in (question.state, constrained(question.state)):
            one, other = replace(question, state=state), replace(question, state=recorded_backwards(state))
            same_for(case, one, other, "every other trial recorded backwards")
        return None

    case.every_question_and_scenario(check)


def same_after_growth(case: Case, question: Question, before: Callable[[Question], object] = id) -> None:
    """Check that what is remembered of a growing history, and of its forks, is what a study from bytes would give.

    Args:
        case: The subject.
        question: The question; its history is grown trial by trial.
        before: Called with each question before it is asked.

    Raises:
        Counterexample: an answer differs from that for the same study from bytes.
    """
    for grown, forked in prefixes(question):
        at_once: dict[int, str] = {}
        # The grown history again after its fork, so that a carry that the fork has changed shows.
        for other in (grown, forked, grown):
            before(other)
            first = as_text(case.ask(case.subject, other))
            if id(other) not in at_once:
                fresh = replace(other, state=StudyState.from_bytes(other.state.to_bytes()))
                at_once[id(other)] = as_text(case.ask(case.subject, fresh))
            second = at_once[id(other)]
            if first != second:
                n = len(other.state.finished)
                wrong = f"it {case.verb} {first}, and with the same {n} trials at once {second}"
                raise Counterexample(wrong, question, grown=True)


def siblings(question: Question) -> list[Question]:
    """Return the question, and the same one with other objective values."""
    other = with_values(question.state, lambda _, value: 1.0 - value)
    return [question, replace(question, state=other)]


def all_siblings(questions: Iterable[Question]) -> list[Question]:
    """Return the siblings of all given questions."""
    return [each for question in questions for each in siblings(question)]


_HASH_SEED = "12345"
_CLOCKS = ("time", "perf_counter", "process_time", "thread_time")  # not monotonic, by which locks and queues wait
_LATER = 10 * 365 * 86400 + 12345.678  # seconds: another year, day, hour, minute and second
_THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def answers_elsewhere(ask: Callable[[Any, Question], Any], subject: Any, questions: Sequence[Question]) -> list[str]:
    """Return the answers of `subject` in a new process with other hashes and thread counts, as strings.

    Args:
        ask: Asks the subject a question, such as `hpo.testing._engine.cases.answer_of`.
        subject: A sampler or a pruner. It must be possible to pickle it, so its class or function is at the top of a
            module; a script needs ``if __name__ == "__main__":`` before what it does.
        questions: The questions; all are asked in one process.

    Returns:
        One answer per question.

    Raises:
        AssertionError: the subject can't be pickled, or the process failed.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> from hpo.testing._engine.cases import answer_of
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> question = Question(scenarios()["constant"], 12, MIXED)
        >>> answers_elsewhere(answer_of, RandomSampler(), [question]) == [as_text(answer_of(RandomSampler(), question))]
        True
    """
    load, homes = io.BytesIO(), dict[str, str]()
    try:
        _Packer(load, homes).dump((ask, subject, list(questions)))
    except Exception as error:
        raise AssertionError(
            f"{shown(subject)} can't be pickled, so no other process can be asked: define it at the top of a module "
            f"({shown_error(error)})"
        ) from error
    seed = _HASH_SEED if os.environ.get("PYTHONHASHSEED") != _HASH_SEED else "54321"
    # Sums of several threads are added in another order, and their last digits decide between equally good points.
    threads = dict.fromkeys(_THREAD_COUNTS, "2" if os.environ.get(_THREAD_COUNTS[0]) != "2" else "3")
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", "from hpo.testing._engine.comparisons import serve; serve()", *chain(*homes.items())],
        input=load.getvalue(),
        env={**os.environ, **threads, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        check=False,
    )
    said = done.stderr.decode(errors="replace")
    if done.returncode:
        raise AssertionError(f"the other process ended with {done.returncode}: {said}")
    if not done.stdout:
        raise AssertionError(f"the other process ended before it had answered: {said}")
    answers: list[str] = json.loads(done.stdout)
    return answers


def serve() -> None:
    """Answer the questions from standard input on standard output, in the process that `answers_elsewhere` starts.

    Everything that the subject prints goes to standard error.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for name, path in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        _load(name, path)
    ask, subject, questions = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the process that started this one
    answers.write(json.dumps([as_text(ask(subject, question)) for question in questions]))
    answers.close()


class _Packer(pickle.Pickler):
    """A pickler that notes the files of modules that another process would not find by their names."""

    def __init__(self, load: io.BytesIO, homes: dict[str, str]) -> None:
        super().__init__(load)
        self._homes = homes

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, type | FunctionType) and thing.__module__ not in self._homes:
            path = getattr(sys.modules.get(thing.__module__), "__file__", None)
            if path is not None and not _is_found(thing.__module__, path):
                self._homes[thing.__module__] = path
        return NotImplemented  # pickled as usual


def _is_found(name: str, path: str) -> bool:
    """Return whether an import of `name` leads to `path` in a process that has not imported anything yet."""
    package = sys.modules.get(name.rpartition(".")[0])
    spec = PathFinder.find_spec(name, getattr(package, "__path__", None))
    return spec is not None and spec.origin == path and name != "__main__"


def _load(name: str, path: str) -> None:
    spec = spec_from_file_location("__hpo_main__" if name == "__main__" else name, path)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules[name] = sys.modules[spec.name] = module
        spec.loader.exec_module(module)
