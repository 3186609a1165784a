"""The stopping rules of this library: one entry each, from which everything that lists stopping rules derives.

It has no entries yet; packages can register theirs by entry points of the group ``hpo.stopping_rules``.
"""

from __future__ import annotations

from hpo.registration import Registry

STOPPING_RULES = Registry("hpo.stopping_rules", "stopping rule")
