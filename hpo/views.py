"""Pure functions that answer questions about a `hpo.StudyState`: best trials, spaces, and which worker runs what."""

from hpo.core import (
    best_or_none,
    best_trial,
    best_trials,
    intersection_space,
    joint_space,
    losses,
    running_by_worker,
    trials_in,
    violation,
)

__all__ = [
    "best_or_none",
    "best_trial",
    "best_trials",
    "intersection_space",
    "joint_space",
    "losses",
    "running_by_worker",
    "trials_in",
    "violation",
]
