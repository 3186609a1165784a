"""Pruners in Optuna's style: classes with one method that says whether to stop a trial."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

from hpo.core import Decision, FrozenTrial, StudyState, StudyView
from hpo.errors import InvalidType


class BasePruner(ABC):
    """A base class for pruners in Optuna's style: one method, which reads the study and the trial.

    A plain function or a frozen class with `__call__` does the same (see `hpo.extend.Pruner`), and the journal records
    the options of a frozen class.

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
        """Return whether to stop `trial`.

        Args:
            study: The study at this moment; ``study.trials`` includes `trial`.
            trial: The running trial with everything that it has reported.
        """

    @final
    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision:
        """Return the decision of `prune`.

        Raises:
            InvalidType: `prune` returns something other than True or False.
        """
        stop = self.prune(StudyView(state), trial)
        # bools of numpy and of pandas are fine; what else is true or false, such as a list, is more likely a mistake
        if not isinstance(stop, bool) and getattr(getattr(stop, "dtype", None), "kind", None) != "b":
            raise InvalidType(f"{type(self).__name__}.prune returns True or False, got {stop!r}")
        return Decision.STOP if stop else Decision.CONTINUE
