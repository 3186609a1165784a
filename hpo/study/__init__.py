"""Studies: the shell around the core, which waits, writes to journals, and calls objectives.

- `study`, `trial`, `fixed_trial`: the objects that users work with; `studies`: creating, loading and deleting them
- `asking`: the methods of a study for programs with a loop of their own; `coroutines`: for objectives that wait
- `recorder`: writes to the journal; `open_trials`: starts and finishes trials; `advisors`: the sampler and the pruner
- `current`: what the current thread works for; `series`: trials of one program, which may ask for more than those before
- `running`: the loops behind `Study.optimize`, executors, workers and log messages
- `replaying`: versions and forks, verification, explanations
- `callbacks`: callbacks for `Study.optimize`
- `dataframe`, `duplicates`: questions to the trials of a study

The names in `__all__` can be imported from here. They are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpo._lazy import attach

if TYPE_CHECKING:
    from hpo.core import StudyDirection as StudyDirection
    from hpo.study.callbacks.max_trials import MaxTrialsCallback as MaxTrialsCallback
    from hpo.study.studies import (
        StudySummary as StudySummary,
        copy_study as copy_study,
        create_study as create_study,
        delete_study as delete_study,
        get_all_study_names as get_all_study_names,
        get_all_study_summaries as get_all_study_summaries,
        load_study as load_study,
    )
    from hpo.study.study import Study as Study

_HOMES = {
    "hpo.core.values.checks": ("StudyDirection",),
    "hpo.study.callbacks.max_trials": ("MaxTrialsCallback",),
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
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
