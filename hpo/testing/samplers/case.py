"""A sampler with the questions that its laws ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import attrs

from hpo.core import Sampler, SearchSpace, checked_sampler
from hpo.testing._engine import (
    Finding,
    Question,
    edge_questions,
    for_each_named,
    for_every_question,
    full_answer_of,
    own_run,
    with_own_history,
)
from hpo.testing.scenarios import MIXED, ORDINARY, are_whole, scenarios

_RUNS, _TRIALS = 2, 30


@attrs.frozen
class SamplerCase:
    """A sampler with the questions that its laws ask it.

    Args:
        sampler: The sampler.
        space: The space that it is asked for; None means generated spaces.
        max_examples: The number of generated questions per law.
        ask: Asks the sampler a question.

    Raises:
        InvalidType: the sampler can't be called, or is a class.
    """

    asks: ClassVar[str] = "sampler(state, trial, space, key)"
    verb: ClassVar[str] = "answers"
    sampler: Sampler = attrs.field(converter=checked_sampler)
    space: SearchSpace | None = None
    max_examples: int = 100
    ask: Callable[[Sampler, Question], object] = full_answer_of

    @property
    def subject(self) -> Sampler:
        """The sampler."""
        return self.sampler

    def every_question(self, check: Callable[[Question], Finding], *, whole_values: bool = False) -> None:
        """Run `check` on generated questions; half of the studies have the sampler's own suggestions and notes."""

        def transform(question: Question) -> Question:
            return with_own_history(question, self.sampler) if question.state.seed % 2 else question

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
        for_each_named(check, edge_questions(self.space))
        for_each_named(check, self.own_runs())

    def may_ask_for(self, space: SearchSpace) -> bool:
        """Return whether the sampler should be able to suggest all of a space that the history has shown."""
        return self.space is None or all(self.space.get(name) == dist for name, dist in space.items())

    def own_runs(self) -> Iterator[tuple[str, Question]]:
        """Yield the questions of two studies in which the sampler suggests everything, each with a name."""
        space = ORDINARY if self.space is None else self.space
        for seed in range(_RUNS):
            for question in own_run(self.sampler, space, most=_TRIALS, seed=seed):
                yield f"trial {question.number} of a run of its own", question

    def longest_runs(self) -> list[tuple[str, Question]]:
        """Return the last question of each of these studies."""
        last = {each[1].state.seed: each for each in self.own_runs()}
        return [*last.values()]

    def scenarios(self) -> dict[str, Question]:
        """Return the named studies of `hpo.testing.scenarios` as questions."""
        space = MIXED if self.space is None else self.space
        return {name: Question(state, max(state.running), space) for name, state in scenarios(space).items()}
