"""Studies: the shell around the core, which waits, writes and calls objectives.

- `study`, `trial`, `fixed_trial`: what users hold in their hands; `studies`: making, finding and deleting them
- `plan`, `optimize`, `evaluation`, `executors`: the loops, from checked arguments down to one call of an objective
- `recorder`, `desk`, `advisors`, `workers`: who writes, where trials are handed out, who suggests, who is at work
- `retries`, `max_trials`: callbacks; `progress`, `narration`: what people see meanwhile
- `enqueued`, `moments`, `copying`: questions to a study, versions of it, and its copies
- `built_in`, `dataframe`: its advisors again, and its table
- `verification`, `explanation`: proofs, and where parameters came from

The names of `__all__` are here too, and imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpo._lazy import attach

if TYPE_CHECKING:
    from hpo.core import StudyDirection as StudyDirection
    from hpo.study.callbacks.max_trials import MaxTrialsCallback as MaxTrialsCallback
    from hpo.study.studies import StudySummary as StudySummary
    from hpo.study.studies import copy_study as copy_study
    from hpo.study.studies import create_study as create_study
    from hpo.study.studies import delete_study as delete_study
    from hpo.study.studies import get_all_study_names as get_all_study_names
    from hpo.study.studies import get_all_study_summaries as get_all_study_summaries
    from hpo.study.studies import load_study as load_study
    from hpo.study.study import Study as Study

_HOMES = {
    "hpo.core.values.direction": ("StudyDirection",),
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
