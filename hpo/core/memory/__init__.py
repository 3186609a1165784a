"""Immutable containers whose versions share memory.

- `containers`: dicts, lists and maps of trials; `history`: finished trials, and the folds over them
- `rows`: tables of numbers that grow row by row (imported where it is used: it needs numpy)
- `sorted_runs`: sorted numbers with one more
- `growing`: how versions share what only grows; `event_log`: the newest events of a state
"""

from hpo.core.memory.containers import FrozenDict, FrozenList, InsertOnlyDict, NumberMap
from hpo.core.memory.event_log import EventLog
from hpo.core.memory.history import History
from hpo.core.memory.sorted_runs import SortedRuns

__all__ = ["EventLog", "FrozenDict", "FrozenList", "History", "InsertOnlyDict", "NumberMap", "SortedRuns"]
