"""From events to states: nothing else makes states.

- `transitions`: `evolve` and `replay`, and what each event means
- `loading`: the same for the events of a long journal; `snapshots`: what was loaded, as bytes for the next one to load
"""

from hpo.core.evolve.loading import Loader
from hpo.core.evolve.snapshots import decode_snapshot, encode_snapshot
from hpo.core.evolve.transitions import evolve, replay

__all__ = ["Loader", "decode_snapshot", "encode_snapshot", "evolve", "replay"]
