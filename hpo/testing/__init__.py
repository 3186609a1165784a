"""Property-based test suites for your own samplers, pruners and storages: the ones that hpo's own are tested with.

A law is a function that checks one promise, such as "the same question gets the same answer". Each kind of part has a
class for pytest, with one test per law, and a function that does the same without pytest:

==================  ==========================  =======================  ==========================================
part                class                       function                 where the laws are
==================  ==========================  =======================  ==========================================
sampler             `SamplerLaws`               `check_sampler`          `samplers`
wrapper of samplers `WrapperLaws`               `check_wrapper`          `samplers.composition`
pruner              `PrunerLaws`                `check_pruner`           `pruners`
promoter            `PromoterLaws`              `check_promoter`         `pruners.promoter_laws`
stopping rule       `StoppingLaws`              `check_stopping_rule`    `stopping`
fold                                            `check_fold`             `folds`
storage             `StorageLaws`               `check_storage`          `journals`
executor                                        `check_executor`         `executors`
objective                                       `check_objective`        `objectives`
==================  ==========================  =======================  ==========================================

`StudyMachine` (in `study_machine`) lets several workers live and die on one study, for any storage, sampler and pruner;
`agreement_machine` (in `journals`) compares storages with one in memory.

For tests of your own: `strategies` generates distributions, spaces, trials and whole studies with hypothesis;
`scenarios` has named studies; `options` draws samplers and pruners with all kinds of options.

`simulate` runs whole studies on a virtual clock: any sampler, pruner and promoter on learning curves, with several workers.

To add a law, write a function of a case that raises AssertionError, with the promise as its docstring, and put it into
``BASIC`` or ``CLAIMS`` of its part; then add a subject that breaks it to ``tests/slow/laws``. `_engine` runs the laws.

The names of `__all__` are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpo.testing.executors import check_executor as check_executor
    from hpo.testing.folds import check_fold as check_fold
    from hpo.testing.journals import (
        StorageLaws as StorageLaws,
        agreement_machine as agreement_machine,
        backup_of_files as backup_of_files,
        check_storage as check_storage,
    )
    from hpo.testing.objectives import check_objective as check_objective
    from hpo.testing.pruners import (
        PromoterLaws as PromoterLaws,
        PrunerLaws as PrunerLaws,
        check_promoter as check_promoter,
        check_pruner as check_pruner,
    )
    from hpo.testing.samplers import (
        SamplerLaws as SamplerLaws,
        WrapperLaws as WrapperLaws,
        check_sampler as check_sampler,
        check_wrapper as check_wrapper,
    )
    from hpo.testing.simulation import CurveTable as CurveTable, Simulation as Simulation, simulate as simulate
    from hpo.testing.stopping import StoppingLaws as StoppingLaws, check_stopping_rule as check_stopping_rule
    from hpo.testing.study_machine import StudyMachine as StudyMachine

_HOME = {
    "CurveTable": "simulation",
    "PromoterLaws": "pruners",
    "PrunerLaws": "pruners",
    "SamplerLaws": "samplers",
    "Simulation": "simulation",
    "StoppingLaws": "stopping",
    "StorageLaws": "journals",
    "StudyMachine": "study_machine",
    "WrapperLaws": "samplers",
    "agreement_machine": "journals",
    "backup_of_files": "journals",
    "check_executor": "executors",
    "check_fold": "folds",
    "check_objective": "objectives",
    "check_promoter": "pruners",
    "check_pruner": "pruners",
    "check_sampler": "samplers",
    "check_stopping_rule": "stopping",
    "check_storage": "journals",
    "check_wrapper": "samplers",
    "simulate": "simulation",
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
