"""Versions of one container share memory, and none ever shows what another one did."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import attrs
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule
from strategies import attributes, examples, names

from hpo.core import FrozenDict, FrozenTrial, History, InsertOnlyDict, NumberMap, TrialState
from hpo.core.memory import VersionedDict

keys = st.integers(0, 5) | names
numbers = st.integers(0, 5) | st.integers(0, 2**14) | st.integers(0, 2**40)


class Insertions(RuleBasedStateMachine):
    """Versions of an `InsertOnlyDict`, each with the plain dict that it should equal."""

    versions = Bundle("versions")

    @initialize(target=versions, entries=st.dictionaries(keys, st.integers(), max_size=2))
    def start(self, entries: dict[Any, int]) -> tuple[InsertOnlyDict[Any, int], dict[Any, int]]:
        self.all: list[tuple[InsertOnlyDict[Any, int], dict[Any, int]]] = []
        return self.kept(InsertOnlyDict(entries), entries)

    def kept(self, version: InsertOnlyDict[Any, int], model: dict[Any, int]) -> Any:
        self.all.append((version, model))
        return version, model

    @rule(target=versions, version=versions, key=keys, value=st.integers())
    def insert(self, version: Any, key: Any, value: int) -> Any:
        old, model = version
        return self.kept(old.with_item(key, value), model if key in model else {**model, key: value})

    @rule(version=versions, key=keys)
    def look_up(self, version: Any, key: Any) -> None:
        found, model = version
        assert (key in found) == (key in model)
        assert found.get(key, "nothing") == model.get(key, "nothing")
        if key not in model:
            with pytest.raises(KeyError):
                found[key]

    @rule(version=versions)
    def copies_are_equal(self, version: Any) -> None:
        found, model = version
        for twin in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found), copy.copy(found)):
            assert twin == found
            assert list(twin.items()) == list(model.items())

    def teardown(self) -> None:
        for version, model in self.all:
            assert list(version.items()) == list(model.items())
            assert version == model
            assert [version.key_at(i) for i in range(len(version))] == list(model)
            assert len(version) == len(model)


class Changes(RuleBasedStateMachine):
    """Versions of a `VersionedDict`, each with the plain dict that it should equal, in the same order."""

    versions = Bundle("versions")

    @initialize(target=versions, entries=st.dictionaries(keys, st.integers(), max_size=3))
    def start(self, entries: dict[Any, int]) -> Any:
        self.all: list[tuple[VersionedDict[Any, int], dict[Any, int]]] = []
        return self.kept(VersionedDict(entries), entries)

    def kept(self, version: VersionedDict[Any, int], model: dict[Any, int]) -> Any:
        self.all.append((version, model))
        return version, model

    @rule(target=versions, version=versions, new=st.dictionaries(keys, st.integers(), max_size=3))
    def put(self, version: Any, new: dict[Any, int]) -> Any:
        return self.kept(version[0].with_items(new), {**version[1], **new})

    @rule(target=versions, version=versions, key=keys, times=st.integers(60, 200))
    def put_often(self, version: Any, key: Any, times: int) -> Any:
        found, model = version
        for value in range(times):
            found = found.with_items({key: value})
        return self.kept(found, {**model, key: times - 1})

    @rule(target=versions, version=versions, data=st.data())
    def take(self, version: Any, data: st.DataObject) -> Any:
        found, model = version
        if not model:
            return version
        key = data.draw(st.sampled_from(list(model)))
        return self.kept(found.without(key), {k: v for k, v in model.items() if k != key})

    @rule(version=versions, key=keys)
    def look_up(self, version: Any, key: Any) -> None:
        found, model = version
        assert (key in found) == (key in model)
        assert found.get(key, "nothing") == model.get(key, "nothing")
        if key not in model:
            for missing in (found.__getitem__, found.without):
                with pytest.raises(KeyError):
                    missing(key)

    def teardown(self) -> None:
        for version, model in self.all:
            assert list(version.items()) == list(model.items())
            assert [*reversed(version)] == [*reversed(model)]
            assert version == model == FrozenDict(model) == version
            assert len(version) == len(model)
            assert repr(version) == repr(model)
            for twin in (pickle.loads(pickle.dumps(version)), copy.deepcopy(version), copy.copy(version)):
                assert list(twin.items()) == list(model.items())


class Numbers(RuleBasedStateMachine):
    """Versions of a `NumberMap`, each with the plain dict that it should equal."""

    versions = Bundle("versions")

    @initialize(target=versions, entries=st.dictionaries(numbers, st.integers(), max_size=3))
    def start(self, entries: dict[int, int]) -> Any:
        self.all: list[tuple[NumberMap[int], dict[int, int]]] = []
        return self.kept(NumberMap(entries), entries)

    def kept(self, version: NumberMap[int], model: dict[int, int]) -> Any:
        self.all.append((version, model))
        return version, model

    @rule(target=versions, version=versions, number=numbers, value=st.integers())
    def put(self, version: Any, number: int, value: int) -> Any:
        return self.kept(version[0].with_item(number, value), {**version[1], number: value})

    @rule(target=versions, version=versions, data=st.data())
    def take(self, version: Any, data: st.DataObject) -> Any:
        found, model = version
        if not model:
            with pytest.raises(KeyError):
                found.without(0)
            return version
        number = data.draw(st.sampled_from(sorted(model)))
        return self.kept(found.without(number), {n: v for n, v in model.items() if n != number})

    @rule(version=versions, number=numbers)
    def look_up(self, version: Any, number: int) -> None:
        found, model = version
        assert (number in found) == (number in model)
        assert found.get(number, "nothing") == model.get(number, "nothing")
        if number not in model:
            for missing in (found.__getitem__, found.without):
                with pytest.raises(KeyError):
                    missing(number)

    def teardown(self) -> None:
        for version, model in self.all:
            assert list(version) == sorted(model)
            assert version == model
            assert version == pickle.loads(pickle.dumps(version))
            assert (len(version), version.first()) == (len(model), min(model, default=None))


@attrs.frozen
class Told:
    """Fold: the numbers of the trials, in order."""

    def init(self) -> tuple[int, ...]:
        return ()

    def step(self, carry: tuple[int, ...], trial: FrozenTrial) -> tuple[int, ...]:
        return (*carry, trial.number)


@attrs.frozen
class Ring:
    """Fold that depends on the order of everything: a hash of the numbers."""

    base: int

    def init(self) -> int:
        return 1

    def step(self, carry: int, trial: FrozenTrial) -> int:
        return (carry * self.base + trial.number) % 1_000_003


def finished(number: int) -> FrozenTrial:
    return FrozenTrial(number, TrialState.COMPLETE, (float(number),))


class Histories(RuleBasedStateMachine):
    """Histories that branch anywhere; folds asked for in any order, by any of them."""

    versions = Bundle("versions")

    @initialize(target=versions, n=st.integers(0, 3))
    def start(self, n: int) -> Any:
        self.all: list[tuple[History, list[int]]] = []
        return self.kept(History([finished(i) for i in range(n)]), list(range(n)))

    def kept(self, version: History, model: list[int]) -> Any:
        self.all.append((version, model))
        return version, model

    @rule(target=versions, version=versions, number=st.integers(0, 99))
    def append(self, version: Any, number: int) -> Any:
        return self.kept(version[0].append(finished(number)), [*version[1], number])

    @rule(target=versions, version=versions, n=st.integers(15, 40))
    def append_many(self, version: Any, n: int) -> Any:
        history, model = version
        for number in range(n):
            history, model = history.append(finished(number)), [*model, number]
            if number % 3 == 0:
                history.fold(Ring(7))
        return self.kept(history, model)

    @rule(version=versions, base=st.sampled_from([7, 11]))
    def fold(self, version: Any, base: int) -> None:
        history, model = version
        assert history.fold(Told()) == tuple(model)
        assert history.fold(Ring(base)) == History([finished(n) for n in model]).fold(Ring(base))

    @rule(version=versions, part=st.slices(50))
    def slice(self, version: Any, part: slice) -> None:
        history, model = version
        assert [trial.number for trial in history[part]] == model[part]

    def teardown(self) -> None:
        for history, model in self.all:
            assert [trial.number for trial in history] == model
            assert history.fold(Told()) == tuple(model)
            fresh = History([finished(n) for n in model])
            assert history.fold(Ring(7)) == fresh.fold(Ring(7))
            assert history == fresh == pickle.loads(pickle.dumps(history))
            assert hash(history) == hash(fresh)
            for carries in history._buffer.memo.values():
                assert len(carries) <= 16


for machine in (Insertions, Changes, Numbers, Histories):
    machine.TestCase.settings = settings(examples(0.5), stateful_step_count=25)
test_versions_of_an_insert_only_dict = Insertions.TestCase
test_versions_of_a_versioned_dict = Changes.TestCase
test_versions_of_a_number_map = Numbers.TestCase
test_versions_of_a_history = Histories.TestCase


@given(old=st.dictionaries(names, attributes), key=names, value=attributes)
@examples(0.5)
def test_a_frozen_dict_with_one_more_item_leaves_the_old_one(old, key, value) -> None:
    frozen = FrozenDict(old)
    assert frozen.with_item(key, value) == {**old, key: value}
    assert frozen == old
    assert type(frozen.with_item(key, value)) is FrozenDict


def in_threads(n: int, work: Any) -> list[Any]:
    """The results of ``work(0)`` to ``work(n - 1)``, begun at the same moment."""
    barrier = threading.Barrier(n)
    results: list[Any] = [None] * n

    def run(i: int) -> None:
        barrier.wait()
        results[i] = work(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_threads_that_append_to_one_history_each_get_their_own() -> None:
    start = History([finished(0)])
    for _ in range(30):

        def branch(i: int, start: History = start) -> History:
            history = start
            for number in range(20):
                history = history.append(finished(100 * i + number))
                history.fold(Told())
            return history

        branches = in_threads(4, branch)
        for i, history in enumerate(branches):
            expected = (*(trial.number for trial in start), *range(100 * i, 100 * i + 20))
            assert tuple(trial.number for trial in history) == expected
            assert history.fold(Told()) == expected
        start = branches[-1]
        start = History(start[:5])


def test_threads_that_add_to_one_mapping_each_get_their_own() -> None:
    for _ in range(50):
        start = InsertOnlyDict({"first": 0})

        def branch(i: int, start: InsertOnlyDict[Any, int] = start) -> InsertOnlyDict[Any, int]:
            mapping = start
            for k in range(20):
                mapping = mapping.with_item((i, k), k)
            return mapping

        for i, mapping in enumerate(in_threads(4, branch)):
            assert dict(mapping) == {"first": 0} | {(i, k): k for k in range(20)}
        assert dict(start) == {"first": 0}
