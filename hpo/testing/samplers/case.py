"""A sampler with the questions that its laws ask it, and what can be wrong with an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import attrs

from hpo.core import (
    CategoricalDistribution,
    Distribution,
    Exhausted,
    Sampler,
    SearchSpace,
    Suggestion,
    as_float,
    checked_sampler,
)
from hpo.errors import SeveralObjectives
from hpo.testing._engine import (
    FAULTS,
    Finding,
    InvalidAnswer,
    Memo,
    Question,
    Raised,
    answer_of,
    edge_questions,
    for_each_named,
    for_every_question,
    full_answer_of,
    own_run,
    shown,
    shown_error,
    why_invalid,
    why_not_json,
    with_own_history,
)
from hpo.testing.scenarios import MIXED, ORDINARY, WIDE, are_whole, scenarios

_RUNS, _TRIALS = 2, 30
_WITH_MANY_PARAMETERS = ("nothing yet", "nothing better for long", "some feasible")
_NOTHING = object()


@attrs.frozen
class SamplerCase:
    """A sampler with the questions that its laws ask it.

    Args:
        sampler: The sampler.
        space: The space that it is asked for; None means generated spaces.
        max_examples: The number of generated questions per law.
        ask: Asks the sampler a question.
        memo: What it answered before.

    Raises:
        InvalidType: the sampler can't be called, or is a class.
    """

    asks: ClassVar[str] = "sampler(state, trial, space, key)"
    verb: ClassVar[str] = "answers"
    sampler: Sampler = attrs.field(converter=checked_sampler)
    space: SearchSpace | None = None
    max_examples: int = 100
    ask: Callable[[Sampler, Question], object] = full_answer_of
    memo: Memo = attrs.field(factory=Memo, eq=False, repr=False)

    @property
    def subject(self) -> Sampler:
        """The sampler."""
        return self.sampler

    def first(self, question: Question) -> object:
        """Return what the sampler said when it was first asked this question."""
        return self.memo.of(lambda each: self.ask(self.sampler, each), question, self.ask)

    def first_answer(self, question: Question) -> Any:
        """Return the answer to this question when it was first asked, without the joint space."""
        return self.memo.of(lambda each: answer_of(self.sampler, each), question, answer_of)

    def every_question(self, check: Callable[[Question], Finding], *, whole_values: bool = False) -> None:
        """Run `check` on generated questions; half of the studies have the sampler's own suggestions and notes."""

        def transform(question: Question) -> Question:
            if not question.state.seed % 2:
                return question
            return self.memo.of(lambda each: with_own_history(each, self.sampler), question, with_own_history)  # type: ignore[no-any-return]

        for_every_question(
            check, space=self.space, max_examples=self.max_examples, whole_values=whole_values, transform=transform
        )

    def every_question_and_scenario(self, check: Callable[[Question], Finding], *, whole_values: bool = False) -> None:
        """Run `check` on generated questions and on the named studies."""
        self.every_question(check, whole_values=whole_values)
        named = self.scenarios().items()
        for_each_named(check, [each for each in named if not whole_values or are_whole(each[1].state)])

    def every_hard_question(self, check: Callable[[Question], Finding]) -> None:
        """Run `check` on these questions, on edge cases of spaces, and on all questions of the sampler's own runs."""
        self.every_question_and_scenario(check)
        for_each_named(check, self.memo.named("edges", lambda: [*edge_questions(self.space)]))
        for_each_named(check, self.own_runs())

    def may_ask_for(self, space: SearchSpace) -> bool:
        """Return whether the sampler should be able to suggest all of a space that the history has shown."""
        return self.space is None or all(self.space.get(name) == dist for name, dist in space.items())

    def own_runs(self) -> list[tuple[str, Question]]:
        """Return the questions of two studies in which the sampler suggests everything, each with a name."""

        def run() -> Iterator[tuple[str, Question]]:
            space = ORDINARY if self.space is None else self.space
            for seed in range(_RUNS):
                for question in own_run(self.sampler, space, most=_TRIALS, seed=seed):
                    yield f"trial {question.number} of a run of its own", question

        return self.memo.named("own runs", lambda: [*run()])  # type: ignore[no-any-return]

    def longest_runs(self) -> list[tuple[str, Question]]:
        """Return the last question of each of these studies."""
        last = {each[1].state.seed: each for each in self.own_runs()}
        return [*last.values()]

    def scenarios(self) -> dict[str, Question]:
        """Return the named studies of `hpo.testing.scenarios` as questions."""
        return self.memo.named("scenarios", self._scenarios)  # type: ignore[no-any-return]

    def _scenarios(self) -> dict[str, Question]:
        space = MIXED if self.space is None else self.space
        studies = {name: (state, space) for name, state in scenarios(space).items()}
        if self.space is None:
            some = scenarios(WIDE, only=_WITH_MANY_PARAMETERS)
            studies |= {f"{name}, with {len(WIDE)} parameters": (state, WIDE) for name, state in some.items()}
        return {name: Question(state, max(state.running), asked) for name, (state, asked) in studies.items()}


def unsound(answer: object, space: SearchSpace) -> Finding:
    """Return what is wrong with an answer to a question about a space, or None; `Exhausted` is an answer too.

    Example:
        >>> from hpo import IntDistribution
        >>> unsound(Suggestion({}), SearchSpace({"n": IntDistribution(0, 5)}))
        "it was asked for ['n'] and gives []"
    """
    return why_invalid(answer) or incomplete(answer, space) or outside(answer, space) or wrong_type(answer, space)


def incomplete(answer: object, space: SearchSpace) -> Finding:
    """Return which parameters an answer has in place of those of the space, or None.

    Example:
        >>> incomplete(Suggestion({}), SearchSpace({})) is None
        True
    """
    if not isinstance(answer, Suggestion) or {*answer.params} == {*space}:
        return None
    return f"it was asked for {[*space]} and gives {shown([*answer.params])}"


def declines(answer: object) -> bool:
    """Return whether an answer has no parameter values.

    Example:
        >>> declines(Exhausted("no more")), declines(Suggestion({}))
        (True, False)
    """
    return isinstance(answer, Exhausted | Raised | InvalidAnswer)


def refuses_several(answer: object, question: Question) -> bool:
    """Return whether a sampler refuses a study because it has several objectives.

    Example:
        >>> from hpo import StudyState
        >>> refuses_several(Suggestion({}), Question(StudyState(), 0, SearchSpace()))
        False
    """
    refused = isinstance(answer, Raised) and isinstance(answer.error, SeveralObjectives)
    return refused and len(question.state.directions) > 1


def outside(answer: object, space: SearchSpace) -> Finding:
    """Return which value is outside of its distribution, or None; with `off_grid` it may lie between grid points.

    Example:
        >>> from hpo import IntDistribution
        >>> outside(Suggestion({"n": 7}), SearchSpace({"n": IntDistribution(0, 5)}))
        "parameter 'n' gets 7, which is outside IntDistribution(low=0, high=5)"
    """
    if not isinstance(answer, Suggestion):
        return None
    for name, dist in space.items():
        value = answer.params.get(name, _NOTHING)
        if value is _NOTHING or dist.contains(value):
            continue
        if answer.off_grid and not isinstance(dist, CategoricalDistribution):
            number = as_float(value)
            if number is not None and dist.low <= number <= dist.high:
                continue
        return f"parameter {name!r} gets {shown(value)}, which is outside {dist!r}"
    return None


def wrong_type(answer: object, space: SearchSpace) -> Finding:
    """Return which value does not have the type that an objective gets, or None.

    Example:
        >>> from hpo import IntDistribution
        >>> wrong_type(Suggestion({"n": 3.0}), SearchSpace({"n": IntDistribution(0, 5)}))
        "parameter 'n' gets 3.0 of type float from IntDistribution(low=0, high=5)"
    """
    for name, dist in space.items():
        value = answer.params.get(name, _NOTHING) if isinstance(answer, Suggestion) else _NOTHING
        if value is _NOTHING:
            continue
        kind = type(value)
        if kind.__module__ != "builtins" and value is not None:
            return f"parameter {name!r} gets {shown(value)}, of the type {kind.__module__}.{kind.__name__}, which is not a builtin"
        if kind is not _type_for(dist, value):
            return f"parameter {name!r} gets {shown(value)} of type {kind.__name__} from {dist!r}"
    return None


def not_json(answer: object) -> Finding:
    """Return why a journal can't keep the note, or None if it can.

    Example:
        >>> not_json(Suggestion({}, {"seen": 3})) is None
        True
    """
    if not isinstance(answer, Suggestion):
        return None
    try:
        wrong = why_not_json(dict(answer.note))
    except FAULTS as error:  # a note that can't even be copied
        wrong = f"{shown(answer.note)} is not JSON: {shown_error(error)}"
    return None if wrong is None else f"its note {wrong}"


def _type_for(dist: Distribution, value: Any) -> type:
    if isinstance(dist, CategoricalDistribution):
        index = dist.member(value)
        return type(value if index is None else dist.choices[index])
    return type(dist.to_external(0))
