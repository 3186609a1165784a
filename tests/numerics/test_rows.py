"""Tables that grow: versions share memory and never see each other's rows."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hpo.core.memory.rows import Rows


def grown(values, rows=None):
    rows = Rows(1) if rows is None else rows
    for value in values:
        rows = rows.with_row([value])
    return rows


def test_every_version_keeps_what_it_held():
    versions = [Rows(1)]
    for value in range(300):
        versions.append(versions[-1].with_row([value]))
    for length, version in enumerate(versions):
        assert version.array[:, 0].tolist() == list(range(length))


def test_the_newest_version_grows_in_place_and_an_older_one_forks():
    base = grown(range(5))
    first, second = base.with_row([10.0]), base.with_row([20.0])
    assert np.shares_memory(base.array, first.array)
    assert not np.shares_memory(base.array, second.array)
    assert first.array[:, 0].tolist() == [0, 1, 2, 3, 4, 10]
    assert second.array[:, 0].tolist() == [0, 1, 2, 3, 4, 20]
    assert len(base) == 5


def test_versions_with_equal_rows_are_equal():
    assert grown([1.0, float("nan")]) == grown([1.0, float("nan")])
    assert grown([1.0]) != grown([2.0])
    assert hash(grown([1.0])) == hash(grown([1.0]))
    assert grown([1.0]) != [[1.0]]


def test_rows_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        grown([1.0]).array[0, 0] = 2.0


def test_threads_that_extend_one_version_get_their_own_row():
    base = grown(range(10))
    with ThreadPoolExecutor(8) as pool:
        tables = list(pool.map(lambda value: grown([value] * 50, base), range(100, 140)))
    for value, table in zip(range(100, 140), tables, strict=True):
        assert table.array[:, 0].tolist() == [*range(10), *[value] * 50]
