"""The exceptions that programs catch and raise most, under the module name that Optuna uses too; `hpo.errors` has all."""

from hpo.errors import (
    DuplicatedStudyError,
    HpoError,
    HpoError as OptunaError,
    StorageInternalError,
    TrialNotRunning as UpdateFinishedTrialError,
    TrialPruned,
)

__all__ = [
    "CLIUsageError",
    "DuplicatedStudyError",
    "ExperimentalWarning",
    "HpoError",
    "OptunaError",
    "StorageInternalError",
    "TrialPruned",
    "UpdateFinishedTrialError",
]


class CLIUsageError(HpoError):
    """Never raised: the command line reports errors itself. Programs may name it."""


class ExperimentalWarning(Warning):
    """Never issued: nothing is experimental. Programs may silence it."""
