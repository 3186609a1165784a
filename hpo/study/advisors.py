"""Who suggests and who judges in a study, with what the journal records of them."""

from __future__ import annotations

import attrs

from hpo.core import Pruner, Sampler, SetAdvisor, checked_pruner, checked_sampler, identity_of


@attrs.frozen
class Advisors:
    """A sampler and a pruner.

    Attributes:
        sampler: Who suggests parameters.
        pruner: Who judges running trials.
        sampler_use: The command that records the sampler, before each of its suggestions.
        pruner_use: The command that records the pruner, before each of its decisions.

    Raises:
        InvalidType: one of them can't be called, or is a class.
    """

    sampler: Sampler = attrs.field(converter=checked_sampler)
    pruner: Pruner = attrs.field(converter=checked_pruner)
    sampler_use: SetAdvisor = attrs.field(init=False, repr=False)
    pruner_use: SetAdvisor = attrs.field(init=False, repr=False)

    @sampler_use.default
    def _use_of_sampler(self) -> SetAdvisor:
        return SetAdvisor("sampler", identity_of(self.sampler))

    @pruner_use.default
    def _use_of_pruner(self) -> SetAdvisor:
        return SetAdvisor("pruner", identity_of(self.pruner))
