"""Sorted numbers are what sorting gives, and their versions stay as they are."""

import math
import random
import statistics

import pytest

from hpo.core.memory.sorted_runs import SortedRuns


def numbers_of(runs):
    return [runs.at(rank) for rank in range(len(runs))]


@pytest.mark.parametrize("order", ["random", "rising", "falling", "equal"])
def test_numbers_come_out_sorted(order):
    rng = random.Random(1)
    numbers = {
        "random": [rng.choice([rng.random(), 0.5, -0.0, math.inf, -math.inf]) for _ in range(1400)],
        "rising": [float(n) for n in range(1400)],
        "falling": [float(-n) for n in range(1400)],
        "equal": [1.0] * 1400,
    }[order]
    runs = SortedRuns()
    for n, number in enumerate(numbers):
        runs = runs.with_number(number)
        if n in {0, 1, 511, 512, 513, 600}:
            assert runs.median() == statistics.median(numbers[: n + 1])
    assert numbers_of(runs) == sorted(numbers)
    assert max(map(len, runs._runs)) <= 512


def test_an_earlier_version_stays_as_it_is():
    versions = [SortedRuns()]
    for number in range(1100):
        versions.append(versions[-1].with_number(float(-number)))
    assert [len(version) for version in versions] == [*range(1101)]
    assert versions[2].median() == -0.5


def test_equal_numbers_added_in_the_same_order_are_equal_values():
    one, other = (SortedRuns().with_number(1.0).with_number(2.0) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)


def test_the_median_of_huge_numbers_is_finite():
    assert SortedRuns().with_number(1.7e308).with_number(1.6e308).median() == pytest.approx(1.65e308)
    assert math.isnan(SortedRuns().with_number(math.inf).with_number(-math.inf).median())


def test_what_is_not_there_is_an_index_error():
    with pytest.raises(IndexError):
        SortedRuns().median()
    with pytest.raises(IndexError):
        SortedRuns().with_number(1.0).at(1)


def test_a_rank_is_the_number_of_smaller_numbers():
    rng = random.Random(2)
    numbers = [float(rng.randrange(40)) for _ in range(1400)]
    runs = SortedRuns()
    assert runs.rank(0.0) == 0
    for number in numbers:
        runs = runs.with_number(number)
    for number in [-1.0, 0.0, 7.0, 7.5, 39.0, 40.0, math.inf, -math.inf]:
        assert runs.rank(number) == sum(other < number for other in numbers)
    with pytest.raises(IndexError):
        runs.at(1400)
