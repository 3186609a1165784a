"""Ask and tell as pure functions, for schedulers that own their loop, storage and clock.

Each function takes a state and returns the next one; the old one stays what it was. Nothing here waits, writes or reads
a clock: pass `at` if times should be shown. Where a trial is meant, pass it or its number.

- `asking`: starting, resuming and enqueueing trials, and `events_since`, the events that a command took
- `telling`: what became of trials
"""

from hpo.core.ask_tell.asking import ask, checked_batch_size, enqueue, events_since, resume
from hpo.core.ask_tell.telling import pause, report, set_constraint, set_user_attr, should_prune, tell, what_if

__all__ = [
    "ask",
    "checked_batch_size",
    "enqueue",
    "events_since",
    "pause",
    "report",
    "resume",
    "set_constraint",
    "set_user_attr",
    "should_prune",
    "tell",
    "what_if",
]
