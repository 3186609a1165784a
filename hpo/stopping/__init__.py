"""Stopping rules: pure functions of a study's state that say when a study has had enough trials (see `StoppingRule`).

Those of this library and of installed packages are listed in `hpo.stopping.registry`. Each is imported when its name is
first used; `__init__.pyi` shows the names to type checkers.
"""

from hpo._lazy import attach
from hpo.stopping.registry import STOPPING_RULES

_OTHERS = {"hpo.core": ("Stop", "StoppingRule")}

__getattr__, __dir__, __all__ = attach(__name__, {**_OTHERS, **STOPPING_RULES.homes()}, plugin=STOPPING_RULES.attribute)
