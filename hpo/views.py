"""Pure questions about a `hpo.StudyState`: the best trials, the spaces that its history shows, who runs what."""

from hpo.core import (
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
    "best_trial",
    "best_trials",
    "intersection_space",
    "joint_space",
    "losses",
    "running_by_worker",
    "trials_in",
    "violation",
]
