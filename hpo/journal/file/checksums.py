"""Checksums of many parts of one string, from one pass over it.

A damaged line may hold a record that lost the line end before it, behind any of many places that look like the beginning
of one. A checksum of the rest of the line for each of them would take time quadratic in the line's length, which whoever
can write the file decides.

A CRC is linear: with ``crc(A + B)`` and ``crc(A)`` known, ``crc(B) = crc(A + B) ^ crc(A) * x^(8 * len(B))``, where the
product is one of polynomials over two elements, modulo the polynomial of CRC-32. `zlib` computes it in
``crc32_combine``, which Python does not offer.
"""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

_POLYNOMIAL = 0xEDB88320  # of CRC-32, with the lowest power of x in the highest bit, as in all numbers here
_ONE, _X = 1 << 31, 1 << 30


class PartialChecksums:
    """The CRC-32 of any part of a string that begins and ends at one of the given places.

    O(length) time for all of them, and a few microseconds for each part, if those that are asked for grow longer.

    Args:
        text: The string.
        places: Where parts may begin and end.

    Example:
        >>> checksums = PartialChecksums(b"0123456789", [3, 7])
        >>> checksums.between(3, 7) == crc32(b"3456")
        True
    """

    def __init__(self, text: bytes, places: Iterable[int]) -> None:
        self._before: dict[int, int] = {}
        self._powers: dict[int, int] = {}  # of the steps between lengths that were asked for
        self._squares = [_power_of_two(3)]
        self._last = 0, _ONE
        view, checksum, last = memoryview(text), 0, 0
        for place in sorted({*places}):
            checksum, last = crc32(view[last:place], checksum), place
            self._before[place] = checksum

    def between(self, start: int, end: int) -> int:
        """Return the checksum of the part from place `start` to place `end`."""
        return self._before[end] ^ _product(self._power(end - start), self._before[start])

    def _power(self, n: int) -> int:
        """Return ``x^(8 * n)``: of lengths that grow, each is one product away from the one before it."""
        length, power = self._last if self._last[0] <= n else (0, _ONE)
        step = n - length
        if step not in self._powers:
            self._powers[step] = self._power_by_squares(step)
        power = _product(self._powers[step], power)
        self._last = n, power
        return power

    def _power_by_squares(self, n: int) -> int:
        power = _ONE
        for k in range(n.bit_length()):
            if k == len(self._squares):
                self._squares.append(_product(self._squares[-1], self._squares[-1]))
            if n >> k & 1:
                power = _product(self._squares[k], power)
        return power


def _power_of_two(k: int) -> int:
    power = _X
    for _ in range(k):
        power = _product(power, power)
    return power


def _product(a: int, b: int) -> int:
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = (a << 1) & 0xFFFFFFFF
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return product
