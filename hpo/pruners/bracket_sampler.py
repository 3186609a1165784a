"""Samplers that see one bracket of Hyperband only."""

from __future__ import annotations

from typing import Any

import attrs

from hpo.core import (
    Answer,
    BuiltInSampler,
    FrozenTrial,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    ask_sampler,
    checked_sampler,
    is_replayable,
    needs_pending,
    space_to_ask,
)
from hpo.errors import InvalidType
from hpo.pruners.hyperband import HyperbandPruner


@attrs.frozen
class BracketSampler(BuiltInSampler):
    """Shows another sampler the trials of one Hyperband bracket only: that of the trial which it suggests for.

    A model needs its trials to start from in every bracket: with four brackets, `TPESampler` draws about 40 trials at random.

    Args:
        base_sampler: The sampler to ask.
        pruner: The `HyperbandPruner` of the study.

    Raises:
        InvalidType: an argument is not a sampler, or not a `HyperbandPruner`.

    Example:
        >>> import hpo
        >>> pruner = HyperbandPruner(max_resource=27)
        >>> study = hpo.create_study(sampler=BracketSampler(hpo.samplers.TPESampler(), pruner), pruner=pruner)
        >>> 0 <= study.ask({"x": hpo.FloatDistribution(0, 1)}).params["x"] <= 1
        True
    """

    base_sampler: Sampler = attrs.field(converter=checked_sampler)
    pruner: HyperbandPruner = attrs.field()

    @pruner.validator
    def _check(self, attribute: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, HyperbandPruner):
            raise InvalidType(f"pruner is the HyperbandPruner of the study, got {value!r}")

    @property
    def seed(self) -> int | None:
        """The seed of the other sampler."""
        return getattr(self.base_sampler, "seed", None)

    @property
    def replayable(self) -> bool:  # type: ignore[override]
        """Whether the other sampler is replayable."""
        return is_replayable(self.base_sampler)

    @property
    def needs_pending(self) -> bool:
        """Whether the other sampler needs earlier suggestions on record before the next one."""
        return needs_pending(self.base_sampler)

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return the joint space that the other sampler infers from the whole history."""
        # from all brackets: what the parameters are does not depend on how long a trial ran
        return space_to_ask(state, self.base_sampler, trial)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the answer of the other sampler in the trial's bracket."""
        return ask_sampler(self.base_sampler, self.pruner.seen_from(state, trial.number), trial, space, key)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the answer of the other sampler in the trial's bracket for a lone parameter."""
        return ask_sampler(self.base_sampler, self.pruner.seen_from(state, trial.number), trial, space, key, lone=True)
