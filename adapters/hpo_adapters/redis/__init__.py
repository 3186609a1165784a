"""Journals in Redis and its relatives, as streams; ``pip install 'purehpo[redis]'``.

One hash leads from the names of studies to streams, and an entry of a stream is an event: number ``n``, counted from 0,
has the id ``<n + 1>-0``. Beside each stream is a hash from workers to their leases: when each runs out, in milliseconds
since 1970 by the server's clock, and how many milliseconds it lasts from a renewal on.

- `storage`: the place for studies; `journal`: one of them
- `server`: from a URL to answers; `scripts`: what the server runs
"""

from hpo.errors import MissingExtra

try:
    import redis  # noqa: F401 - it may not be installed
except ModuleNotFoundError as missing:
    raise MissingExtra("a journal in Redis", "redis") from missing

from hpo_adapters.redis.journal import RedisJournal
from hpo_adapters.redis.storage import RedisStorage

open_storage = RedisStorage
"""The function that `hpo.open_journal` calls for ``redis://`` and ``rediss://``."""

__all__ = ["RedisJournal", "RedisStorage", "open_storage"]
