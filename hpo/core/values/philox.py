"""Philox generators that begin at a given key. Only `hpo.core.values.key` imports it, when it needs numpy."""

from __future__ import annotations

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import NDArray


class _Words(ISeedSequence):
    """The words of a Philox key, where numpy otherwise keeps a seed."""

    __slots__ = ("_words",)

    def __init__(self, words: NDArray[np.uint64]) -> None:
        self._words = words

    def generate_state(self, n_words: int, dtype: object = None) -> NDArray[np.uint64]:
        """Return the key; `Philox` asks for nothing else."""
        return self._words


def philox_generator(key: bytes) -> np.random.Generator:
    """Return a new generator at the start of the stream that a key of 16 bytes names.

    Its numbers are those of ``Philox(key=int.from_bytes(key, "little"))``.

    Example:
        >>> a, b = philox_generator(bytes([7] + [0] * 15)), np.random.Generator(np.random.Philox(key=7))
        >>> a.random() == b.random()
        True
    """
    # `Philox(key=...)` takes three times as long: it also asks the system for a random seed, which it does not use
    words = np.frombuffer(key, dtype="<u8")
    return np.random.Generator(np.random.Philox(_Words(words)))  # type: ignore[arg-type]
