"""Search spaces from what people have: classes with annotations, and spaces of other libraries.

No other library is imported: what belongs to one is known by its class, and read by its attributes. Nothing is approximated.
What has no equal here, such as a normal distribution or a condition, is refused with the name of the parameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpo.spaces.conversion import space_of as space_of

__all__ = ["space_of"]


def __getattr__(name: str) -> object:
    if name != "space_of":
        raise AttributeError(f"module 'hpo.spaces' has no attribute {name!r}")
    from hpo.spaces.conversion import space_of

    return space_of
