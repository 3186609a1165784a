"""The laws that every sampler keeps, and the ways to check your own sampler against them.

    from hpo.testing import SamplerLaws

    class TestMine(SamplerLaws):
        sampler = MySampler()
        claims = ("rank_based", "learning")

pytest runs one test per law; `check_sampler` runs them without pytest. The laws that a sampler may claim beyond `BASIC`
are in `hpo.testing.samplers.claims`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import attrs
from msgspec.structs import replace

from hpo.core import (
    Distribution,
    Exhausted,
    Sampler,
    SearchSpace,
    Suggest,
    Suggestion,
    decide,
    replay,
    suggest_joint,
)
from hpo.testing._engine import (
    FAULTS,
    Counterexample,
    Finding,
    LawOrName,
    LawSuite,
    LawTests,
    Question,
    all_siblings,
    answer_of,
    as_text,
    check_answer,
    check_options_apart,
    for_each_named,
    given_to,
    joint_space_of,
    leaves_the_process,
    relabelled,
    same_after,
    same_after_growth,
    same_at_any_time,
    same_for,
    same_in_any_order,
    same_in_any_process,
    same_in_any_thread,
    same_twice,
    shown_error,
)
from hpo.testing.samplers.case import SamplerCase, declines, incomplete, not_json, outside, refuses_several, wrong_type
from hpo.testing.samplers.claims import CLAIMS

_STREAMS_PER_EXAMPLE, _MOST_STREAMS = 30, 6000
_TELLING = ("some feasible", "reported often", "duplicates", "drifted ranges", "2 directions")
"""Named studies of which different models learn different things."""


def total(case: SamplerCase) -> None:
    """Every study gets a `Suggestion` or `Exhausted`: no error, no warning, nothing else.

    The sampler is asked for what the study needs, and for its own joint space. `SeveralObjectives` is a valid answer if
    the study has several.
    """

    def check(question: Question) -> Finding:
        answer = case.first_answer(question)
        if refuses_several(answer, question):
            return None
        check_answer(answer, question)
        if getattr(case.sampler, "joint_space", None) is not None:
            joint = joint_space_of(case.sampler, question)
            check_answer(joint, question, before="its joint_space fails: ")
            if isinstance(joint, SearchSpace) and case.may_ask_for(joint):
                own = replace(question, space=joint)
                check_answer(answer_of(case.sampler, own), own, before="asked for its own joint space ")
        return None

    case.every_hard_question(check)


def survives_every_scenario(case: SamplerCase) -> None:
    """The named studies get answers that the core accepts: all failed, infinities, duplicates, drifted ranges, ..."""

    def check(question: Question) -> Finding:
        if len(question.state.directions) > 1 and declines(answer_of(case.sampler, question)):
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                command = suggest_joint(question.state, case.sampler, question.trial, question.space)
            if not isinstance(command, Exhausted):
                decide(question.state, command)
        except FAULTS as error:
            raise Counterexample(f"it raises {shown_error(error)}", question) from error
        check_answer(joint_space_of(case.sampler, question), question, before="its joint_space fails: ")
        return None

    for_each_named(check, case.scenarios().items())


def complete(case: SamplerCase) -> None:
    """A suggestion has a value for every parameter that was asked for, and for no other."""
    case.every_hard_question(lambda question: incomplete(case.first_answer(question), question.space))


def in_domain(case: SamplerCase) -> None:
    """Every value is contained in its distribution; with `off_grid`, at least in the range."""
    case.every_hard_question(lambda question: outside(case.first_answer(question), question.space))


def builtin_types(case: SamplerCase) -> None:
    """Values have the builtin types that an objective gets: float for floats, int for ints, the very choices."""
    case.every_hard_question(lambda question: wrong_type(case.first_answer(question), question.space))


def same_answer_twice(case: SamplerCase) -> None:
    """The same question gets the same answer, also on another day, and asking does not change the study."""
    same_twice(case)


def any_order_of_calls(case: SamplerCase) -> None:
    """Earlier questions make no difference: a copy that is asked in another order gives the same answers."""
    same_in_any_order(case)


def any_process(case: SamplerCase) -> None:
    """Another process, with other hashes, thread counts and order of questions, gives the same answers."""
    same_in_any_process(case, [*_some_questions(case), *all_siblings(case.scenarios().values())])


def any_thread(case: SamplerCase) -> None:
    """Threads that ask at the same time get the answers that one question after another gets."""
    same_in_any_thread(case, _some_questions(case))


def leaves_no_trace(case: SamplerCase) -> None:
    """Asking leaves the process as it was: global generators, the environment, the settings of numpy, threads, ..."""
    case.every_question_and_scenario(lambda question: leaves_the_process(case, question))


def options_apart(case: SamplerCase) -> None:
    """What the same sampler with other options remembers of a history makes no difference, nor the other way round."""
    named = case.scenarios()
    check_options_apart(case, [*(named[name] for name in _TELLING), *(each for _, each in case.longest_runs())])


def any_stream(case: SamplerCase) -> None:
    """Thousands of random streams, each asked twice and on another day: the answer is a function of the stream.

    So a clock or a global generator that one draw in a thousand reads is found too. There are 30 streams per example.
    """
    n = min(_STREAMS_PER_EXAMPLE * case.max_examples, _MOST_STREAMS)
    questions = [case.scenarios()["nothing yet"], *(each for _, each in case.longest_runs()[:1])]
    for question in questions:
        states = (replace(question.state, seed=seed) for seed in range(n // len(questions)))
        same_at_any_time(attrs.evolve(case, ask=answer_of), (replace(question, state=state) for state in states))


def json_note(case: SamplerCase) -> None:
    """A note is JSON with strings for keys, so that a journal can keep it."""
    case.every_hard_question(lambda question: not_json(case.first_answer(question)))


def lone_parameters(case: SamplerCase) -> None:
    """A lone parameter, asked for after the others, gets a value too, and the same one twice."""

    def check(question: Question) -> Finding:
        if declines(answer_of(case.sampler, question)):
            return None
        for name, dist in question.space.items():
            _check_lone(case.sampler, question, name, SearchSpace({name: dist}))
        return None

    case.every_question(check)


def parameter_order(case: SamplerCase) -> None:
    """The order in which a space lists its parameters does not change any value."""

    def check(question: Question) -> Finding:
        backwards = SearchSpace({name: question.space[name] for name in reversed([*question.space])})
        same_for(case, question, replace(question, space=backwards), "the parameters listed backwards")
        return None

    case.every_question_and_scenario(check)


def relabel(case: SamplerCase) -> None:
    """The study's name, attributes, workers, clocks, reasons of failures and log do not change the answer."""
    same_after(case, relabelled, "other names, attributes and clocks")


def fold(case: SamplerCase) -> None:
    """A sampler that remembers a growing history, or a fork of it, answers as one that reads it from the start.

    This also holds if it was asked for a part of the space before.
    """

    def check(question: Question) -> Finding:
        part = SearchSpace({name: question.space[name] for name in [*question.space][1:]})
        same_after_growth(case, question, lambda other: answer_of(case.sampler, replace(other, space=part)))
        return None

    attrs.evolve(case, max_examples=max(1, case.max_examples // 2)).every_question(check)
    for_each_named(check, case.longest_runs())


BASIC = (
    total,
    survives_every_scenario,
    complete,
    in_domain,
    builtin_types,
    same_answer_twice,
    any_order_of_calls,
    any_process,
    any_thread,
    any_stream,
    leaves_no_trace,
    options_apart,
    json_note,
    lone_parameters,
    parameter_order,
    relabel,
    fold,
)
"""The laws that every sampler keeps."""

SUITE = LawSuite(BASIC, CLAIMS)


def check_sampler(
    sampler: Sampler,
    *,
    space: Mapping[str, Distribution] | None = None,
    laws: Iterable[LawOrName] = BASIC,
    max_examples: int = 100,
) -> None:
    """Check that a sampler keeps laws.

    Args:
        sampler: A function or an object at the top of a module, so that another process can import it. A script calls
            this under ``if __name__ == "__main__":``.
        space: The space that it is asked for; all kinds of generated spaces if not given.
        laws: The laws, or their names. `BASIC` is for all samplers; `hpo.testing.samplers.claims` has more.
        max_examples: The number of generated questions per law, at least 1.

    Raises:
        AssertionError: the sampler breaks a law. The message has the law's name, and the smallest study that shows it
            as Python code.
        InvalidArgument: there is no law of a given name.
        InvalidType: the sampler can't be called, or is a class.
        MissingExtra: hypothesis is not installed.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> check_sampler(RandomSampler(), laws=["in_domain", "same_answer_twice"], max_examples=5)
    """
    SUITE.check(SamplerCase(sampler, None if space is None else SearchSpace.of(space), max_examples), laws)


class SamplerLaws(LawTests):
    """Base of test classes for pytest with one method per law; name yours ``Test...``.

    Attributes:
        sampler: The sampler; see `check_sampler`.
        space: The space that it is asked for; generated if None.
        claims: Laws beyond `BASIC` that the sampler keeps, or their names; see `hpo.testing.samplers.claims`.
        max_examples: The number of generated questions per law.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> class TestMine(SamplerLaws):
        ...     sampler = RandomSampler()
        ...     claims = ("bounded_work",)
        ...     max_examples = 5
        >>> TestMine().test_in_domain()
        >>> TestMine().test_bounded_work()
    """

    _suite = SUITE
    sampler: ClassVar[Any]
    space: ClassVar[Mapping[str, Distribution] | None] = None

    def _case(self) -> SamplerCase:
        space = None if self.space is None else SearchSpace.of(self.space)
        return SamplerCase(given_to(type(self), "sampler"), space, self.max_examples)


def _some_questions(case: SamplerCase) -> list[Question]:
    """Return up to 30 generated questions and the named studies."""
    found: list[Question] = []
    attrs.evolve(case, max_examples=min(case.max_examples, 30)).every_question(found.append)
    return [*found, *case.scenarios().values()]


def _check_lone(sampler: Sampler, question: Question, name: str, space: SearchSpace) -> None:
    """Check that a parameter gets a value if all others are asked for first.

    Raises:
        Counterexample: something is wrong with its value, or with the others.
    """
    others = replace(question, space=question.space.without(space))
    joint = answer_of(sampler, others)
    check_answer(joint, others, before=f"asked for all but {name!r} ")
    if not isinstance(joint, Suggestion):
        return
    given = Suggest(question.number, others.space, joint.params, joint.note, joint.off_grid)
    try:
        after = replay(decide(question.state, given), question.state)
    except FAULTS as error:
        wrong = f"asked for all but {name!r} it gives what the core refuses: {shown_error(error)}"
        raise Counterexample(wrong, others) from error
    lone = replace(question, space=space, joint=after)
    first, second = answer_of(sampler, lone), answer_of(sampler, lone)
    if refuses_several(first, lone):
        return  # the sampler for lone parameters may be another one
    asked = f"asked for the lone parameter {name!r}"
    check_answer(first, lone, before=f"{asked} ")
    if not isinstance(first, Suggestion) or {*first.params} != {name}:
        raise Counterexample(f"{asked} it answers {as_text(first)}", lone)
    if as_text(first) != as_text(second):
        raise Counterexample(f"{asked} it answers {as_text(first)}, and then {as_text(second)}", lone)
    fault = outside(first, space) or wrong_type(first, space) or not_json(first)
    if fault is not None:
        raise Counterexample(f"{asked}: {fault}", lone)
