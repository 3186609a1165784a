"""The classes of trials, under the module name that Optuna uses too."""

from hpo.core import BaseTrial, FrozenTrial, TrialState
from hpo.study.fixed_trial import FixedTrial
from hpo.study.made_trials import create_trial
from hpo.study.trial import Trial

__all__ = ["BaseTrial", "FixedTrial", "FrozenTrial", "Trial", "TrialState", "create_trial"]
