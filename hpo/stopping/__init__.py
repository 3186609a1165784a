"""Stopping rules: pure functions of a study's state that say whether the whole study should end.

A rule is given the `StudyState` and returns the reason to stop, or None to go on. The rules of this library and of
installed packages are in `hpo.stopping.registry`, and their names are attributes of this module.
"""

from hpo._lazy import attach
from hpo.stopping.registry import STOPPING_RULES

__getattr__, __dir__, __all__ = attach(__name__, STOPPING_RULES.homes(), plugin=STOPPING_RULES.attribute)
