"""Contracts: what samplers, pruners, promoters, stopping rules and folds are, and how the library asks them.

- `sampler`, `pruner`, `promoter`, `stopping`: a protocol each, its answers, and how it is asked
- `fold`: summaries of finished trials
- `class_based`: samplers and pruners as classes with a few methods, which built-in ones have as well; `subclasses` of these
- `study_view`: a state with the attributes of a study, for class-based samplers and pruners
"""

from hpo.core.contracts.class_based import BasePruner, BaseSampler, BuiltInPruner, BuiltInSampler
from hpo.core.contracts.fold import Fold
from hpo.core.contracts.promoter import ForkTrial, Promoter, Resume, checked_promoter, promotion
from hpo.core.contracts.pruner import Decision, Pruner, Verdict, ask_pruner, checked_pruner
from hpo.core.contracts.sampler import (
    AGAIN,
    Answer,
    Exhausted,
    Sampler,
    Suggestion,
    ask_sampler,
    checked_sampler,
    checked_seed,
    is_replayable,
    misfits,
    needs_pending,
    nothing_left,
    space_to_ask,
    suggest_again,
    suggest_joint,
    suggest_lone,
    suggest_probe,
    trial_key,
)
from hpo.core.contracts.stopping import Stop, StoppingRule, checked_stopping_rule
from hpo.core.contracts.study_view import HasState, StudyQuestions, StudyView, state_of
from hpo.core.contracts.subclasses import hook

__all__ = [
    "AGAIN",
    "Answer",
    "BasePruner",
    "BaseSampler",
    "BuiltInPruner",
    "BuiltInSampler",
    "Decision",
    "Exhausted",
    "Fold",
    "ForkTrial",
    "HasState",
    "Promoter",
    "Pruner",
    "Resume",
    "Sampler",
    "Stop",
    "StoppingRule",
    "StudyQuestions",
    "StudyView",
    "Suggestion",
    "Verdict",
    "ask_pruner",
    "ask_sampler",
    "checked_promoter",
    "checked_pruner",
    "checked_sampler",
    "checked_seed",
    "checked_stopping_rule",
    "hook",
    "is_replayable",
    "misfits",
    "needs_pending",
    "nothing_left",
    "promotion",
    "space_to_ask",
    "state_of",
    "suggest_again",
    "suggest_joint",
    "suggest_lone",
    "suggest_probe",
    "trial_key",
]
