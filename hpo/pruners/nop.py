"""The pruner that never stops a trial."""

from __future__ import annotations

import attrs

from hpo.core import BuiltInPruner, Decision, FrozenTrial, StudyState


@attrs.frozen
class NopPruner(BuiltInPruner):
    """Lets every trial run to its end, whatever it reports and however many objectives there are.

    Example:
        >>> from hpo.core.ask_tell import ask, report, should_prune
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> should_prune(report(state, trial.number, float("nan"), step=0), NopPruner(), trial.number)
        False
    """

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision:
        """Return `Decision.CONTINUE`."""
        return Decision.CONTINUE
