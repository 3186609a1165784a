"""Immutable containers whose versions share memory.

- `containers`: dicts, lists and maps of trials; `history`: finished trials, append-only, and the folds over them
- `rows`: columns of numbers that grow row by row (imported where it is used: it needs numpy)
"""

from hpo.core.memory.containers import FrozenDict, FrozenList, InsertOnlyDict, NumberMap, VersionedDict
from hpo.core.memory.event_log import EventLog
from hpo.core.memory.history import History

__all__ = ["EventLog", "FrozenDict", "FrozenList", "History", "InsertOnlyDict", "NumberMap", "VersionedDict"]
