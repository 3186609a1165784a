"""Named random streams: random numbers without a generator that has a state."""

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

    Equal keys give equal numbers, in any process and in any order of calls; different names give independent numbers.

    Args:
        seed: The study's seed: any int.
        path: The names from the root to this stream: ints and strings.

    Raises:
        InvalidType: the seed is not an int, or a name is neither an int nor a string.

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
            # The stream depends on how the path is written: np.int64(3) equals 3 but would name another stream.
            if type(name) is not int and type(name) is not str:
                force_setattr(self, "path", tuple(map(_builtin_name, self.path)))
                break

    def child(self, *names: int | str) -> Key:
        """Return the stream for a named purpose below this one; equal names give equal streams."""
        return Key(self.seed, self.path + names)

    @property
    def parent(self) -> Key:
        """The stream that this one is a direct child of; the root is its own parent."""
        return Key(self.seed, self.path[:-1])

    def generator(self) -> np.random.Generator:
        """Return a new Philox generator at the start of this stream."""
        from hpo.core.values.philox import philox_generator  # studies that only draw with `uniforms` never load numpy

        # Philox is counter-based: its stream is a function of a 128-bit key, and any two keys give independent streams.
        # So a hash of the path can be the key itself, without a seed sequence that spreads it over a larger state.
        return philox_generator(self._hash(b"generator", size=16).digest())

    def uniforms(self, names: Iterable[str]) -> list[float]:
        """Return one number in [0, 1) for each name: a multiple of 2**-53, independent of the other names.

        It is ten times cheaper than a generator when only a handful of numbers is needed.
        """
        # The numbers are digests themselves. The path is hashed once, and each name goes on from a copy of that hash.
        copy_stem, from_bytes = self._hash(b"uniform", size=8).copy, int.from_bytes
        numbers = []
        for name in names:
            leaf = copy_stem()
            leaf.update(name.encode())
            # a float has 53 bits: of the 64, the upper 53 give equally spaced numbers that never round up to 1.0
            numbers.append((from_bytes(leaf.digest(), "little") >> 11) * 2.0**-53)
        return numbers

    def _hash(self, purpose: bytes, size: int) -> hashlib.blake2b:
        # BLAKE2b is the same in every process and every version of Python, which `hash` is not, and it is fast for
        # short inputs. `person` keeps the two purposes apart, so that a generator and the uniforms of one key are
        # independent. `repr` tells 1 from "1" and quotes names, so that no two paths are the same string.
        text = repr((self.seed, self.path)).encode("utf-8", "backslashreplace")
        return hashlib.blake2b(text, digest_size=size, person=purpose)


def _builtin_name(name: int | str) -> int | str:
    return str.__str__(name) if isinstance(name, str) else _whole(name, "a stream is named by ints and strings")


def _whole(given: object, what: str) -> int:
    # True names the stream that 1 names, because the two are equal
    whole = int(given) if isinstance(given, bool) else as_int(given)
    if whole is None:
        raise InvalidType(f"{what}, got {given!r}")
    return whole
