"""What the laws of samplers are tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import attrs

from hpo.core import Sampler, SearchSpace, checked_sampler
from hpo.testing._engine.cases import Question
from hpo.testing._engine.edge_ranges import edge_questions
from hpo.testing._engine.own_history import lived, own_run
from hpo.testing._engine.runner import Verdict, for_each, for_every_question
from hpo.testing.scenarios import MIXED, ORDINARY, are_whole, scenarios

_RUNS, _TRIALS = 2, 30


@attrs.frozen
class SamplerCase:
    """What a law is tried on.

    Args:
        sampler: The sampler.
        space: What it is asked for; None means generated spaces.
        max_examples: How many generated questions each law asks.

    Raises:
        InvalidType: the sampler can't be called, or is a class.
    """

    asks: ClassVar[str] = "sampler(state, trial, space, key)"
    sampler: Sampler = attrs.field(converter=checked_sampler)
    space: SearchSpace | None = None
    max_examples: int = 100

    def every_question(self, check: Callable[[Question], Verdict], *, whole_values: bool = False) -> None:
        """Make sure that `check` finds nothing wrong; see `for_every_question`.

        Half of the studies are as the sampler would have `lived` them.
        """

        def retold(question: Question) -> Question:
            return lived(question, self.sampler) if question.state.seed % 2 else question

        for_every_question(
            check, space=self.space, max_examples=self.max_examples, whole_values=whole_values, retold=retold
        )

    def every_question_and_scenario(self, check: Callable[[Question], Verdict], *, whole_values: bool = False) -> None:
        """Make sure that `check` finds nothing wrong with generated questions, and with the named ones."""
        self.every_question(check, whole_values=whole_values)
        named = self.scenarios().items()
        for_each(check, [each for each in named if not whole_values or are_whole(each[1].state)])

    def every_hard_question(self, check: Callable[[Question], Verdict]) -> None:
        """The same; and with `EDGES`, and with all questions of runs of its own."""
        self.every_question_and_scenario(check)
        for_each(check, edge_questions(self.space))
        for_each(check, self.own_runs())

    def may_ask_for(self, space: SearchSpace) -> bool:
        """Whether the sampler should be able to suggest all of a space that history has shown."""
        return self.space is None or all(self.space.get(name) == dist for name, dist in space.items())

    def own_runs(self) -> Iterator[tuple[str, Question]]:
        """The questions of two studies that the sampler lives from the first trial on, each with a name."""
        space = ORDINARY if self.space is None else self.space
        for seed in range(_RUNS):
            for question in own_run(self.sampler, space, most=_TRIALS, seed=seed):
                yield f"trial {question.number} of a run of its own", question

    def longest_runs(self) -> list[tuple[str, Question]]:
        """The last question of each of them."""
        last = {each[1].state.seed: each for each in self.own_runs()}
        return [*last.values()]

    def scenarios(self) -> dict[str, Question]:
        """The named studies of `hpo.testing.scenarios` as questions."""
        space = MIXED if self.space is None else self.space
        return {name: Question(state, max(state.running), space) for name, state in scenarios(space).items()}
