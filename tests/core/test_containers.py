"""Immutable containers. The property tests check that their versions never mix."""

from __future__ import annotations

import copy
import json
import math
import pickle

import attrs
import pytest

from hpo.core import FrozenDict, FrozenTrial, History, InsertOnlyDict, NumberMap, TrialState
from hpo.core.memory.containers import FrozenList


def finished(number: int, value: float = 0.0) -> FrozenTrial:
    return FrozenTrial(number, TrialState.COMPLETE, (value,))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.__setitem__("a", 1),
        lambda d: d.__delitem__("a"),
        lambda d: d.__ior__({"a": 1}),
        lambda d: d.update(a=1),
        lambda d: d.setdefault("b", 1),
        lambda d: d.pop("a"),
        lambda d: d.popitem(),
        lambda d: d.clear(),
    ],
)
def test_a_frozen_dict_refuses_every_change(change) -> None:
    frozen = FrozenDict({"a": 0})
    with pytest.raises(TypeError) as caught:
        change(frozen)
    assert (
        str(caught.value)
        == "this dict belongs to an immutable value: copy it with dict(...) to change it, and record an attribute with set_user_attr"
    )
    assert frozen == {"a": 0}


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.__setitem__(0, 1),
        lambda x: x.__delitem__(0),
        lambda x: x.__iadd__([1]),
        lambda x: x.__imul__(2),
        lambda x: x.append(1),
        lambda x: x.extend([1]),
        lambda x: x.insert(0, 1),
        lambda x: x.pop(),
        lambda x: x.remove(0),
        lambda x: x.clear(),
        lambda x: x.sort(),
        lambda x: x.reverse(),
    ],
)
def test_a_frozen_list_refuses_every_change(change) -> None:
    frozen = FrozenList([0, 2])
    with pytest.raises(TypeError) as caught:
        change(frozen)
    assert str(caught.value) == "this list belongs to an immutable value: copy it with list(...) to change it"
    assert frozen == [0, 2]


def test_frozen_containers_equal_the_builtin_ones() -> None:
    frozen = FrozenDict({"a": FrozenList([1, FrozenDict()])})
    assert json.dumps(frozen) == '{"a": [1, {}]}'
    assert frozen == {"a": [1, {}]}
    assert {**frozen, "b": 2} == {"a": [1, {}], "b": 2}
    changed = dict(frozen)
    changed["a"] = 3
    assert frozen["a"] == [1, {}]
    assert copy.deepcopy(frozen) is copy.copy(frozen) is frozen
    assert copy.deepcopy(frozen["a"]) is copy.copy(frozen["a"]) is frozen["a"]


def test_pickled_containers_are_equal_even_with_nan() -> None:
    for value in (
        FrozenDict({"a": math.nan, "b": FrozenList([math.nan])}),
        InsertOnlyDict({1: math.nan}),
        NumberMap({5: "x", 3: "y"}),
        History([finished(0), finished(1)]),
    ):
        twin = pickle.loads(pickle.dumps(value))
        assert twin == value
        assert type(twin) is type(value)


def test_an_insert_only_dict_keeps_first_values_in_order() -> None:
    old = InsertOnlyDict({"b": 1})
    new = old.with_item("a", 2).with_item("b", 3)
    assert list(new.items()) == [("b", 1), ("a", 2)]
    assert dict(old) == {"b": 1}
    assert [new.key_at(0), new.key_at(1)] == ["b", "a"]
    for position in (-1, 2):
        with pytest.raises(IndexError):
            new.key_at(position)
    with pytest.raises(IndexError):
        old.key_at(1)
    assert repr(new) == "{'b': 1, 'a': 2}"


def test_an_older_insert_only_dict_forks() -> None:
    old = InsertOnlyDict({0: 0})
    new = old.with_item(1, 1)
    fork = old.with_item(1, "other")
    assert new._buffer is old._buffer
    assert fork._buffer is not old._buffer
    assert (new[1], fork[1], old.get(1)) == (1, "other", None)


def test_the_empty_mapping_that_all_share_never_grows() -> None:
    empty: InsertOnlyDict[str, int] = InsertOnlyDict()
    assert empty.with_item("a", 1)._buffer is not empty._buffer
    assert empty._buffer.entries == []


def test_a_number_map_reads_in_ascending_order() -> None:
    numbers = NumberMap({70: "c", 5: "a", 5000: "d", 64: "b"})
    assert list(numbers.values()) == ["a", "b", "c", "d"]
    assert numbers.first() == 5
    assert numbers.without(5).first() == 64
    assert NumberMap().first() is None
    assert repr(numbers.without(64)) == "{5: 'a', 70: 'c', 5000: 'd'}"
    emptied = numbers
    for number in (5, 64, 70, 5000):
        emptied = emptied.without(number)
    assert emptied._root == {}
    assert len(numbers) == 4


@attrs.frozen
class Steps:
    """Fold: how many trials, and a note of every step that was computed."""

    log: list[int] = attrs.field(factory=list, eq=False, hash=False)

    def init(self) -> int:
        return 0

    def step(self, carry: int, trial: FrozenTrial) -> int:
        self.log.append(trial.number)
        return carry + 1


def test_a_fold_takes_each_trial_once_as_the_history_grows() -> None:
    fold, history = Steps(), History()
    for number in range(50):
        history = history.append(finished(number))
        assert history.fold(fold) == number + 1
        assert history.fold(fold) == number + 1
    assert fold.log == list(range(50))


def test_equal_folds_share_their_memory() -> None:
    history = History([finished(0), finished(1)])
    first, second = Steps(), Steps()
    assert history.fold(first) == history.fold(second) == 2
    assert second.log == []


def test_a_fork_starts_from_what_was_folded_before_it() -> None:
    fold = Steps()
    history = History([finished(i) for i in range(10)])
    history.fold(fold)
    longer = history.append(finished(10))
    longer.fold(fold)
    fold.log.clear()
    fork = history.append(finished(99))
    assert fork.fold(fold) == 11
    assert fold.log == [99]
    assert longer.fold(fold) == 11
    assert fold.log == [99]


def test_snapshots_a_little_behind_find_their_summaries() -> None:
    fold, history = Steps(), History()
    versions = []
    for number in range(40):
        history = history.append(finished(number))
        history.fold(fold)
        versions.append(history)
    fold.log.clear()
    assert [version.fold(fold) for version in versions[-16:]] == list(range(25, 41))
    assert fold.log == []


def test_the_memory_of_a_fold_is_bounded() -> None:
    history = History()
    for number in range(200):
        history = history.append(finished(number))
        history.fold(Steps())
    for old in (History(), history):
        for carries in old._buffer.memo.values():
            assert len(carries) <= 16
    assert history.fold(Steps()) == 200


def test_the_empty_history_that_all_share_remembers_nothing() -> None:
    empty = History()
    assert empty.fold(Steps()) == 0
    assert empty._buffer.memo == {}


def test_a_fold_that_fails_can_be_asked_again() -> None:
    @attrs.frozen
    class Fragile:
        broken: list[bool] = attrs.field(eq=False, hash=False)

        def init(self) -> int:
            return 0

        def step(self, carry: int, trial: FrozenTrial) -> int:
            if self.broken[0]:
                raise RuntimeError("not now")
            return carry + 1

    fold = Fragile([True])
    history = History([finished(0), finished(1)])
    with pytest.raises(RuntimeError, match="not now"):
        history.fold(fold)
    fold.broken[0] = False
    assert history.fold(fold) == 2


def test_a_fold_may_fold_the_same_history() -> None:
    history = History([finished(0), finished(1)])

    @attrs.frozen
    class Nested:
        def init(self) -> int:
            return 0

        def step(self, carry: int, trial: FrozenTrial) -> int:
            return carry + history.fold(Steps())

    assert history.fold(Nested()) == 4


def test_a_history_is_a_sequence() -> None:
    history = History([finished(i) for i in range(4)])
    longer = history.append(finished(4))
    assert [trial.number for trial in history] == [0, 1, 2, 3]
    assert [trial.number for trial in history[1:]] == [1, 2, 3]
    assert [trial.number for trial in longer[::-2]] == [4, 2, 0]
    assert (history[-1].number, longer[-1].number, history[0].number) == (3, 4, 0)
    for index in (4, -5):
        with pytest.raises(IndexError) as caught:
            history[index]
        assert str(caught.value) == f"no trial {index} in a history of 4"
    assert finished(4) in longer
    assert finished(4) not in history
    assert repr(longer) == "<History of 5 finished trials>"
    assert history != longer
    assert longer == History([finished(i) for i in range(5)])
    assert history != [*history]
    assert copy.deepcopy(history) is copy.copy(history) is history
    assert len({History(), History(), history, History([*history])}) == 2


def test_histories_of_one_line_share_their_trials() -> None:
    history = History([finished(0)])
    longer = history.append(finished(1))
    fork = history.append(finished(2))
    assert longer._buffer is history._buffer
    assert fork._buffer is not history._buffer
    assert longer != fork
