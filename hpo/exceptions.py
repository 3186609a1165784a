"""The exceptions that programs of the field catch and raise, under the name that they look for; `hpo.errors` has all."""

from hpo.errors import DuplicatedStudyError, HpoError, TrialPruned

__all__ = ["DuplicatedStudyError", "HpoError", "TrialPruned"]
