"""For those who write parts of their own: laws that ours are tested by, for theirs.

- `samplers`, `pruner_laws`, `stopping_laws`, `fold_laws`: laws of those, basic ones and ones that may be claimed
- `journals`: laws of storages and their journals; `expectations`: how one of them says that it is broken
- `study_machine`: several workers on one study, for any storage, sampler and pruner; `objectives`: what their trials do
- `options`: samplers and pruners with all kinds of options
- `strategies`: strategies of hypothesis for distributions, spaces, trials and whole studies; `scenarios`: named studies;
  `edges`: ranges that are hard to stay inside of
- `questions`, `pruner_questions`, `retelling`, `lived`, `other_process`, `proving`, `counterexamples`, `showing`: what the
  laws are made of

The names of `__all__` are here too, and imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpo._lazy import attach

if TYPE_CHECKING:
    from hpo.testing.folds import check_fold as check_fold
    from hpo.testing.journals import StorageLaws as StorageLaws
    from hpo.testing.journals import agreement_machine as agreement_machine
    from hpo.testing.journals import check_storage as check_storage
    from hpo.testing.pruners import PrunerLaws as PrunerLaws
    from hpo.testing.pruners import check_pruner as check_pruner
    from hpo.testing.samplers import SamplerLaws as SamplerLaws
    from hpo.testing.samplers import check_sampler as check_sampler
    from hpo.testing.stopping import StoppingLaws as StoppingLaws
    from hpo.testing.stopping import check_stopping_rule as check_stopping_rule
    from hpo.testing.study_machine import StudyMachine as StudyMachine

_HOMES = {
    "hpo.testing.folds": ("check_fold",),
    "hpo.testing.journals": (
        "StorageLaws",
        "agreement_machine",
        "check_storage",
    ),
    "hpo.testing.pruners": (
        "PrunerLaws",
        "check_pruner",
    ),
    "hpo.testing.samplers": (
        "SamplerLaws",
        "check_sampler",
    ),
    "hpo.testing.stopping": (
        "StoppingLaws",
        "check_stopping_rule",
    ),
    "hpo.testing.study_machine": ("StudyMachine",),
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
