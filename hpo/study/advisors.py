"""The sampler and the pruner of a study, and what the journal records about them."""

from __future__ import annotations

import attrs

from hpo.core import Pruner, Sampler, SetAdvisor, checked_pruner, checked_sampler, identity_of


@attrs.frozen
class Advisors:
    """A sampler and a pruner, with the commands that record which ones they are.

    Attributes:
        sampler: Suggests parameters.
        pruner: Decides whether running trials go on.
        set_sampler: The command that records the sampler, given before each of its suggestions.
        set_pruner: The command that records the pruner, given before each of its decisions.

    Raises:
        InvalidType: one of the two cannot be called, or is a class.
    """

    sampler: Sampler = attrs.field(converter=checked_sampler)
    pruner: Pruner = attrs.field(converter=checked_pruner)
    set_sampler: SetAdvisor = attrs.field(init=False, repr=False)
    set_pruner: SetAdvisor = attrs.field(init=False, repr=False)

    @set_sampler.default
    def _sampler_command(self) -> SetAdvisor:
        return SetAdvisor("sampler", identity_of(self.sampler))

    @set_pruner.default
    def _pruner_command(self) -> SetAdvisor:
        return SetAdvisor("pruner", identity_of(self.pruner))
