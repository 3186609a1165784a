"""The exceptions that programs catch and raise most, under the module name that Optuna uses too; `hpo.errors` has all."""

from hpo.errors import DuplicatedStudyError, HpoError, TrialPruned

__all__ = ["DuplicatedStudyError", "HpoError", "TrialPruned"]
