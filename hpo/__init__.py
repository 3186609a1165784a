"""Hyperparameter optimization with a functional core.

Three ways in:

- ``study = hpo.create_study(); study.optimize(objective, n_trials=100)``
- ``state, trial = hpo.ask(state, sampler, space); state = hpo.tell(state, trial.number, value)``
- a sampler of your own is a function: ``def mine(state, trial, space, key): return hpo.Suggestion({...})``

Names are imported when they are first used, so that ``import hpo`` costs next to nothing; `__init__.pyi` shows
them to type checkers.
"""

from __future__ import annotations

from hpo._lazy import attach

__version__ = "0.1.0"

_HOMES = {
    "hpo.core": (
        "Artifact",
        "ask",
        "best_trial",
        "best_trials",
        "CategoricalDistribution",
        "decide",
        "Decision",
        "Distribution",
        "enqueue",
        "events_since",
        "evolve",
        "Exhausted",
        "FloatDistribution",
        "ForkTrial",
        "FrozenTrial",
        "IntDistribution",
        "Key",
        "Origin",
        "pause",
        "Promoter",
        "Pruner",
        "replay",
        "report",
        "Resume",
        "resume",
        "Sampler",
        "SearchSpace",
        "set_constraint",
        "set_user_attr",
        "should_prune",
        "Stop",
        "StoppingRule",
        "StudyDirection",
        "StudyState",
        "Suggestion",
        "tell",
        "TrialState",
        "Verdict",
        "what_if",
    ),
    "hpo.errors": ("DuplicatedStudyError", "HpoError", "SearchSpaceExhausted", "TrialFailed", "TrialPruned"),
    "hpo.journal": ("open_journal",),
    "hpo.pruners.curves": ("FinalPrediction", "predict_final"),
    "hpo.study.replaying.certificate": ("Certificate", "certificate", "check_certificate"),
    "hpo.study.replaying.comparison": ("Parting", "diff"),
    "hpo.study.replaying.audit": ("audit_pruning",),
    "hpo.study.replaying.backtest": ("backtest",),
    "hpo.study.replaying.explanation": ("Explanation", "explain"),
    "hpo.study.fixed_trial": ("FixedTrial",),
    "hpo.study.made_trials": ("create_trial",),
    "hpo.study.callbacks.retries": ("RetryFailedTrials",),
    "hpo.study.studies": (
        "StudySummary",
        "copy_study",
        "create_study",
        "delete_study",
        "get_all_study_names",
        "get_all_study_summaries",
        "load_study",
    ),
    "hpo.study.study": ("Study",),
    "hpo.study.replaying.verification": ("Verification", "verify"),
    "hpo.study.trial": ("Trial",),
}
_ROOMS = (
    "distributions",
    "errors",
    "exceptions",
    "extend",
    "importance",
    "integration",
    "journal",
    "logging",
    "pareto",
    "pruners",
    "samplers",
    "search_space",
    "spaces",
    "stopping",
    "storages",
    "study",
    "terminator",
    "testing",
    "transfer",
    "trial",
    "version",
    "views",
    "visualization",
)

__getattr__, __dir__, __all__ = attach(__name__, _HOMES, eager=["__version__"], rooms=_ROOMS)
