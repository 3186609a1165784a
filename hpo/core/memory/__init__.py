"""Immutable containers whose versions share memory.

- `growing`: the buffer that versions of one append-only container share, and dicts that grow in it
- `lazy`: lists whose items are made when they are asked for
- `containers`: small dicts and lists, and maps by trial number; `history`: finished trials, and the folds over them
- `event_log`: the newest events of a state; `sorted_runs`: sorted numbers that gain one at a time
- `rows`: tables of numbers that grow row by row (imported where it is used, because it needs numpy)
"""

from hpo.core.memory.containers import FrozenDict, FrozenList, NumberMap, settled, with_items, without_item
from hpo.core.memory.event_log import EventLog
from hpo.core.memory.growing import InsertOnlyDict, VersionedDict
from hpo.core.memory.history import History
from hpo.core.memory.lazy import LazyList
from hpo.core.memory.sorted_runs import SortedRuns

__all__ = [
    "EventLog",
    "FrozenDict",
    "FrozenList",
    "History",
    "InsertOnlyDict",
    "LazyList",
    "NumberMap",
    "SortedRuns",
    "VersionedDict",
    "settled",
    "with_items",
    "without_item",
]
