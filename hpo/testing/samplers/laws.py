"""The laws that every sampler keeps, and the ways to try them on one's own.

    from hpo.testing import SamplerLaws

    class TestMine(SamplerLaws):
        sampler = MySampler()
        claims = ("rank_based", "learning")

and pytest runs one test per law; `check_sampler` runs them without pytest. What a sampler may claim beyond `BASIC` is
in `hpo.testing.samplers.claims`.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import attrs
from msgspec.structs import replace

from hpo.core import (
    Distribution,
    Exhausted,
    Sampler,
    SearchSpace,
    StudyState,
    Suggest,
    Suggestion,
    decide,
    replay,
    suggest_joint,
)
from hpo.testing._engine.cases import FAULTS, Question, as_text, asked, asked_for_its_space, asked_in_full
from hpo.testing._engine.counterexamples import Counterexample, make_sure_it_answers
from hpo.testing._engine.formatting import shown, shown_error
from hpo.testing._engine.other_process import answers_elsewhere
from hpo.testing._engine.runner import Verdict, checked_laws, for_each, given_to, try_law
from hpo.testing._engine.transformations import prefixes, relabelled, with_values
from hpo.testing.samplers.answers import declines, no_builtin, no_json, outside, refuses_several
from hpo.testing.samplers.case import SamplerCase
from hpo.testing.samplers.claims import CLAIMS


def total(case: SamplerCase) -> None:
    """Every study gets a `Suggestion` or `Exhausted`: no error, no warning, nothing else.

    It is asked for what the study needs, and for its own joint space. `SeveralObjectives` is an answer too, where there
    are several.
    """

    def check(question: Question) -> Verdict:
        answer = asked(case.sampler, question)
        if refuses_several(answer, question):
            return None
        make_sure_it_answers(answer, question)
        if getattr(case.sampler, "joint_space", None) is not None:
            together = asked_for_its_space(case.sampler, question)
            make_sure_it_answers(together, question, before="its joint_space fails: ")
            if isinstance(together, SearchSpace) and case.may_ask_for(together):
                own = replace(question, space=together)
                make_sure_it_answers(asked(case.sampler, own), own, before="asked for its own joint space ")
        return None

    case.every_hard_question(check)


def survives_every_scenario(case: SamplerCase) -> None:
    """The named scenarios get answers that the core accepts: all failed, infinities, duplicates, drifted ranges, ..."""

    def check(question: Question) -> Verdict:
        if len(question.state.directions) > 1 and declines(asked(case.sampler, question)):
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                command = suggest_joint(question.state, case.sampler, question.trial, question.space)
            if not isinstance(command, Exhausted):
                decide(question.state, command)
        except FAULTS as error:
            raise Counterexample(f"it raises {shown_error(error)}", question) from error
        make_sure_it_answers(asked_for_its_space(case.sampler, question), question, before="its joint_space fails: ")
        return None

    for_each(check, case.scenarios().items())


def complete(case: SamplerCase) -> None:
    """A suggestion has a value for every name that was asked for, and for no other."""

    def check(question: Question) -> Verdict:
        answer = asked(case.sampler, question)
        if not isinstance(answer, Suggestion) or {*answer.params} == {*question.space}:
            return None
        return f"it was asked for {[*question.space]} and gives {shown([*answer.params])}"

    case.every_hard_question(check)


def in_domain(case: SamplerCase) -> None:
    """Values are what their distributions contain; with `off_grid`, at least inside the range."""
    case.every_hard_question(lambda question: outside(asked(case.sampler, question), question.space))


def builtin_types(case: SamplerCase) -> None:
    """Values are builtins, as an objective gets them: floats for floats, ints for ints, the very choices."""
    case.every_hard_question(lambda question: no_builtin(asked(case.sampler, question), question.space))


def same_answer_twice(case: SamplerCase) -> None:
    """The same question gets the same answer, and asking changes neither the study nor the sampler's answers."""

    def check(question: Question) -> Verdict:
        before = question.state.to_bytes()
        first, second = (as_text(asked_in_full(case.sampler, question)) for _ in range(2))
        if first != second:
            return f"it answers {first}, and then {second}"
        return None if question.state.to_bytes() == before else "the study is another one after the question"

    case.every_question_and_scenario(check)


def any_order_of_calls(case: SamplerCase) -> None:
    """Earlier questions make no difference: it answers as a copy that was asked nothing else, and in another order."""
    try:
        untouched = copy.deepcopy(case.sampler)
    except FAULTS as error:
        raise AssertionError(f"no copy of it can be made: {shown_error(error)}") from error

    def check(question: Question) -> Verdict:
        questions = _siblings(question)
        backwards = copy.deepcopy(untouched)
        there = [as_text(asked_in_full(case.sampler, other)) for other in questions]
        back = [as_text(asked_in_full(backwards, other)) for other in reversed(questions)][::-1]
        for before, after in zip(there, back, strict=True):
            if before != after:
                return f"after some questions it answers {before}, and after other ones {after}"
        return None

    case.every_question_and_scenario(check)


def any_process(case: SamplerCase) -> None:
    """Another process, with other hashes and another order of questions, gives the same answers."""
    questions = [other for question in case.scenarios().values() for other in _siblings(question)]
    attrs.evolve(case, max_examples=min(case.max_examples, 30)).every_question(questions.append)
    there = answers_elsewhere(asked_in_full, case.sampler, questions[::-1])[::-1]
    here = [as_text(asked_in_full(case.sampler, question)) for question in questions]
    wrong = [each for each in zip(questions, here, there, strict=True) if each[1] != each[2]]
    if wrong:
        question, mine, theirs = min(wrong, key=lambda each: len(each[0].state.to_json()))
        raise Counterexample(f"here it answers {mine}, and elsewhere {theirs}", question)


def json_note(case: SamplerCase) -> None:
    """A note is JSON with text for keys, so that a journal can keep it."""
    case.every_hard_question(lambda question: no_json(asked(case.sampler, question)))


def lone_parameters(case: SamplerCase) -> None:
    """A parameter that is asked for alone, after the others, gets a value too, and the same one twice."""

    def check(question: Question) -> Verdict:
        if declines(asked(case.sampler, question)):
            return None
        for name, dist in question.space.items():
            _make_sure_of_one_alone(case.sampler, question, name, SearchSpace({name: dist}))
        return None

    case.every_question(check)


def parameter_order(case: SamplerCase) -> None:
    """The order in which a space lists its parameters changes no value."""

    def check(question: Question) -> Verdict:
        backwards = SearchSpace({name: question.space[name] for name in reversed([*question.space])})
        return _same(case.sampler, question, replace(question, space=backwards), "the parameters listed backwards")

    case.every_question_and_scenario(check)


def relabel(case: SamplerCase) -> None:
    """The study's name, attributes, workers, clocks and reasons of failures change nothing."""

    def check(question: Question) -> Verdict:
        other = replace(question, state=relabelled(question.state))
        return _same(case.sampler, question, other, "other names, attributes and clocks")

    case.every_question_and_scenario(check)


def fold(case: SamplerCase) -> None:
    """What it remembers of a growing history, and of its forks, is what it would learn from the start.

    Also where it was asked for a part of the space before.
    """

    def check(question: Question) -> Verdict:
        part = SearchSpace({name: question.space[name] for name in [*question.space][1:]})
        for grown, forked in prefixes(question):
            for other in (grown, forked, grown):
                asked(case.sampler, replace(other, space=part))
                fresh = replace(other, state=StudyState.from_bytes(other.state.to_bytes()))
                first, second = (as_text(asked_in_full(case.sampler, each)) for each in (other, fresh))
                if first != second:
                    n = len(other.state.finished)
                    wrong = f"it answers {first}, and with the same {n} trials at once {second}"
                    raise Counterexample(wrong, question, grown=True)
        return None

    attrs.evolve(case, max_examples=max(1, case.max_examples // 2)).every_question(check)
    for_each(check, case.longest_runs())


BASIC = (
    total,
    survives_every_scenario,
    complete,
    in_domain,
    builtin_types,
    same_answer_twice,
    any_order_of_calls,
    any_process,
    json_note,
    lone_parameters,
    parameter_order,
    relabel,
    fold,
)
"""For every sampler."""


def check_sampler(
    sampler: Sampler,
    *,
    space: Mapping[str, Distribution] | None = None,
    laws: Iterable[Callable[[SamplerCase], None] | str] = BASIC,
    max_examples: int = 100,
) -> None:
    """Make sure that a sampler keeps laws.

    Args:
        sampler: A function or an object, at the top of a module, so that another process can import it. A script that
            calls this does so under ``if __name__ == "__main__":``.
        space: What it is asked for; all kinds of generated spaces if not given.
        laws: The laws, or their names; `BASIC` is for all samplers, `hpo.testing.samplers.claims` has more.
        max_examples: How many generated questions each law asks, at least 1.

    Raises:
        AssertionError: it breaks a law. The message says which, and has the smallest study that shows it as Python.
        InvalidArgument: a law has no such name.
        InvalidType: the sampler can't be called, or is a class.
        MissingExtra: hypothesis is not installed.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> check_sampler(RandomSampler(), laws=["in_domain", "same_answer_twice"], max_examples=5)
    """
    case = SamplerCase(sampler, None if space is None else SearchSpace.of(space), max_examples)
    for law in checked_laws(laws, (*BASIC, *CLAIMS)):
        try_law(law, case)


class SamplerLaws:
    """A test class for pytest, one method per law, to be derived from under a name that begins with ``Test``.

    Attributes:
        sampler: See `check_sampler`.
        space: See `check_sampler`.
        claims: Laws beyond `BASIC` that the sampler keeps, or their names; see `hpo.testing.samplers.claims`.
        max_examples: See `check_sampler`.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> class TestMine(SamplerLaws):
        ...     sampler = RandomSampler()
        ...     claims = ("bounded_work",)
        ...     max_examples = 5
        >>> TestMine().test_in_domain()
        >>> TestMine().test_bounded_work()
    """

    sampler: ClassVar[Any]
    space: ClassVar[Mapping[str, Distribution] | None] = None
    claims: ClassVar[Iterable[Callable[[SamplerCase], None] | str]] = ()
    max_examples: ClassVar[int] = 100

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)

        for law in checked_laws((*BASIC, *cls.claims), (*BASIC, *CLAIMS)):
            setattr(cls, f"test_{law.__name__}", _method(law))


def _method(law: Any) -> Callable[[SamplerLaws], None]:
    def test(self: SamplerLaws) -> None:
        sampler = given_to(type(self), "sampler")
        space = None if self.space is None else SearchSpace.of(self.space)
        try_law(law, SamplerCase(sampler, space, self.max_examples))

    test.__doc__ = law.__doc__
    return test


def _siblings(question: Question) -> list[Question]:
    """The question, and one about a study that is like it but for the values."""
    other = with_values(question.state, lambda _, value: 1.0 - value)
    return [question, replace(question, state=other)]


def _same(sampler: Sampler, one: Question, other: Question, what: str) -> Verdict:
    first, second = (as_text(asked_in_full(sampler, question)) for question in (one, other))
    if first != second:
        raise Counterexample(f"it answers {first}, and with {what} {second}", one, other)
    return None


def _make_sure_of_one_alone(sampler: Sampler, question: Question, name: str, space: SearchSpace) -> None:
    """Make sure that a parameter gets a value where the other ones are asked for first.

    Raises:
        Counterexample: something is wrong with it, or with the others.
    """
    others = replace(question, space=question.space.without(space))
    joint = asked(sampler, others)
    make_sure_it_answers(joint, others, before=f"asked for all but {name!r} ")
    if not isinstance(joint, Suggestion):
        return
    given = Suggest(question.number, others.space, joint.params, joint.note, joint.off_grid)
    try:
        after = replay(decide(question.state, given), question.state)
    except FAULTS as error:
        wrong = f"asked for all but {name!r} it gives what can't be kept: {shown_error(error)}"
        raise Counterexample(wrong, others) from error
    alone = replace(question, space=space, joint=after)
    first, second = asked(sampler, alone), asked(sampler, alone)
    make_sure_it_answers(first, alone, before=f"asked for {name!r} alone ")
    if not isinstance(first, Suggestion) or {*first.params} != {name}:
        raise Counterexample(f"asked for {name!r} alone it answers {as_text(first)}", alone)
    if as_text(first) != as_text(second):
        raise Counterexample(f"asked for {name!r} alone it answers {as_text(first)}, and then {as_text(second)}", alone)
    fault = outside(first, space) or no_builtin(first, space) or no_json(first)
    if fault is not None:
        raise Counterexample(f"asked for {name!r} alone: {fault}", alone)
