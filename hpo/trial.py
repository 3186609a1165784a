"""The classes of trials, under the module name that Optuna uses too."""

from hpo.core import FrozenTrial, TrialState, create_trial
from hpo.study.fixed_trial import FixedTrial
from hpo.study.trial import Trial

__all__ = ["FixedTrial", "FrozenTrial", "Trial", "TrialState", "create_trial"]
