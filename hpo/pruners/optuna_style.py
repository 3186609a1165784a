"""Pruners as classes with one method that is asked whether to stop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

from hpo.core import Decision, FrozenTrial, StudyState, StudyView
from hpo.errors import InvalidType


class BasePruner(ABC):
    """A pruner for subclassing: one method, which reads the study and the trial.

    A plain function or a frozen class with `__call__` says the same (see `hpo.core.contracts.pruner.Pruner`), and the journal
    keeps the options of a frozen class.

    Example:
        >>> class NotBelow(BasePruner):
        ...     def __init__(self, limit):
        ...         self.limit = limit
        ...     def prune(self, study, trial):
        ...         return trial.intermediate_values[trial.last_step] < self.limit
        >>> import hpo
        >>> study = hpo.create_study(pruner=NotBelow(0.5))
        >>> trial = study.ask()
        >>> trial.report(0.4, step=0)
        >>> trial.should_prune()
        True
    """

    @abstractmethod
    def prune(self, study: StudyView, trial: FrozenTrial) -> bool:
        """Whether to stop `trial`.

        Args:
            study: The study now; ``study.trials`` has `trial` too.
            trial: The running trial with all that it has reported, as a copy.
        """

    @final
    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision:
        """See `Pruner`.

        Raises:
            InvalidType: `prune` answers with something else than True or False.
        """
        stop = self.prune(StudyView(state), trial)
        if not isinstance(stop, bool) and getattr(getattr(stop, "dtype", None), "kind", None) != "b":
            raise InvalidType(f"{type(self).__name__}.prune answers with True or False, got {stop!r}")
        return Decision.STOP if stop else Decision.CONTINUE
