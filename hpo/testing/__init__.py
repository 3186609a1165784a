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

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

_HOME = {
    "PrunerLaws": "pruners",
    "SamplerLaws": "samplers",
    "StoppingLaws": "stopping",
    "StorageLaws": "journals",
    "StudyMachine": "study_machine",
    "agreement_machine": "journals",
    "check_fold": "folds",
    "check_pruner": "pruners",
    "check_sampler": "samplers",
    "check_stopping_rule": "stopping",
    "check_storage": "journals",
}

__all__ = [*_HOME]  # noqa: PLE0604 - names all


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'hpo.testing' has no attribute {name!r}")
    value = getattr(import_module(f"hpo.testing.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__]
