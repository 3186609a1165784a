"""Random numbers without a generator that remembers: streams are named, not drawn from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import force_setattr

from hpo.core.values.checks import as_int
from hpo.errors import InvalidType

if TYPE_CHECKING:
    import numpy as np


class Key(Struct, frozen=True, gc=False):
    """A position in the tree of random streams rooted at a study's seed.

    Equal keys give equal numbers, in any process and in any order of calls; different names give independent
    ones. The path is hashed with BLAKE2b rather than `hash`, which differs between processes.

    Args:
        seed: The study's seed, any int.
        path: The names from the root to this stream: ints and texts.

    Raises:
        InvalidType: the seed is no int, or a name neither an int nor a text.

    Example:
        >>> key = Key(7).child("trial", 3)
        >>> key.generator().random() == key.generator().random()
        True
    """

    seed: int
    path: tuple[int | str, ...] = ()

    def __post_init__(self) -> None:
        if type(self.seed) is not int:
            force_setattr(self, "seed", _whole(self.seed, "a seed is an int"))
        for name in self.path:
            if type(name) is not int and type(name) is not str:  # one that is equal and written in another way
                force_setattr(self, "path", tuple(map(_builtin, self.path)))
                break

    def child(self, *names: int | str) -> Key:
        """The stream for a named purpose below this one; equal names give equal streams."""
        return Key(self.seed, self.path + names)

    @property
    def parent(self) -> Key:
        """The stream that this one is a child of, by its last name; the root is its own parent."""
        return Key(self.seed, self.path[:-1])

    def generator(self) -> np.random.Generator:
        """A fresh Philox generator at the start of this stream."""
        import numpy as np

        key = int.from_bytes(self._hash(b"generator", size=16).digest(), "little")
        return np.random.Generator(np.random.Philox(key=key))

    def uniforms(self, names: Iterable[str]) -> list[float]:
        """One number in [0, 1) for each name, a multiple of 2**-53, independent of the other names.

        Ten times cheaper than a generator when a handful of numbers is needed.
        """
        copy_stem = self._hash(b"uniform", size=8).copy
        numbers = []
        for name in names:
            leaf = copy_stem()
            leaf.update(name.encode())
            numbers.append((int.from_bytes(leaf.digest(), "little") >> 11) * 2.0**-53)
        return numbers

    def _hash(self, purpose: bytes, size: int) -> hashlib.blake2b:
        text = repr((self.seed, self.path)).encode("utf-8", "backslashreplace")
        return hashlib.blake2b(text, digest_size=size, person=purpose)


def _builtin(name: int | str) -> int | str:
    return str.__str__(name) if isinstance(name, str) else _whole(name, "a stream is named by ints and texts")


def _whole(given: object, what: str) -> int:
    whole = int(given) if isinstance(given, bool) else as_int(given)
    if whole is None:
        raise InvalidType(f"{what}, got {given!r}")
    return whole
