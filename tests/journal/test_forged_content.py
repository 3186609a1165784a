"""Records with right checksums whose events are impossible, nested or huge: refused by name and place, in short words."""

import msgspec
import pytest
from hypothesis import example, given, settings, strategies as st

import hpo
from hpo.core import (
    AdvisorSet,
    FloatDistribution,
    MetricNamesSet,
    ParamsSuggested,
    SearchSpace,
    SpaceDefined,
    StudyAttributeSet,
    StudyCreated,
    TrialAdded,
    TrialAttributeSet,
    TrialEnqueued,
    TrialFinished,
    TrialPaused,
    TrialResumed,
    TrialStarted,
    TrialState,
    ValueReported,
    decode_events,
)
from hpo.errors import HpoError, InconsistentEvents
from hpo.journal.file.lines import line_of, unpack
from hpo.journal.records import payload_of
from hpo.journal.repair import check_file, repair_file

CREATED = StudyCreated(2, "s", ("minimize",), 7)
SPACE = SearchSpace.of({"x": FloatDistribution(0.0, 1.0)})
BEGINNING = [
    CREATED,
    SpaceDefined(SPACE),
    TrialStarted(0),
    ParamsSuggested(0, 0, (0.5,)),
    TrialFinished(0, TrialState.COMPLETE, (1.0,)),
    TrialEnqueued(1, {"x": 0.25}),
    TrialStarted(1),
]
COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def nested(depth):
    tree = 1
    for _ in range(depth):
        tree = [tree]
    return tree


def written(payloads):
    """Lines with right checksums, in a chain, from the written form of each event."""
    lines, previous = [], 0
    for sequence, payload in enumerate(payloads, 1):
        line, previous = line_of(payload, sequence, previous)
        lines.append(line)
    return lines


def forged(path, events):
    lines = written([payload_of([event]) for event in events])
    path.write_bytes(b"".join(lines))
    return lines


def every_use(path):
    """Each way in which somebody meets a study, by name; what it raises, or None."""

    def used(act):
        try:
            act()
        except (HpoError, ValueError) as error:
            return error
        return None

    def load():
        return hpo.load_study(storage=path, sampler=hpo.samplers.RandomSampler())

    return {
        "load": used(load),
        "trials": used(lambda: load().trials),
        "best": used(lambda: load().best_trial),
        "front": used(lambda: load().best_trials),
        "bytes": used(lambda: hpo.StudyState.from_bytes(load().state.to_bytes())),
        "ask": used(lambda: load().ask({"x": FloatDistribution(0.0, 1.0)})),
        "summaries": used(lambda: hpo.get_all_study_summaries(path)),
    }


IMPOSSIBLE = {
    "complete with NaN": TrialFinished(1, COMPLETE, ("nan",)),
    "complete without values": TrialFinished(1, COMPLETE),
    "complete with no value": TrialFinished(1, COMPLETE, ()),
    "two values for one objective": TrialFinished(1, COMPLETE, (1.0, 2.0)),
    "pruned with two values": TrialFinished(1, PRUNED, (1.0, 2.0)),
    "told as running": TrialFinished(1, TrialState.RUNNING, (1.0,)),
    "told as waiting": TrialFinished(1, TrialState.WAITING),
    "told as paused": TrialFinished(1, TrialState.PAUSED),
    "told twice": TrialFinished(0, COMPLETE, (1.0,)),
    "told and never started": TrialFinished(2, COMPLETE, (1.0,)),
    "started twice": TrialStarted(1),
    "started after its end": TrialStarted(0),
    "number -1": TrialStarted(-1),
    "number 10**12": TrialStarted(10**12),
    "a gap": TrialStarted(3),
    "enqueued under a number that is taken": TrialEnqueued(1, {}),
    "enqueued as -1": TrialEnqueued(-1, {}),
    "enqueued as 10**12": TrialEnqueued(10**12, {}),
    "enqueued after a trial that is not there": TrialEnqueued(2, {}, parent=9),
    "added under a number that is taken": TrialAdded(0, COMPLETE, (1.0,), None, ()),
    "added as 10**12": TrialAdded(10**12, COMPLETE, (1.0,), None, ()),
    "added with NaN": TrialAdded(2, COMPLETE, ("nan",), None, ()),
    "added without values": TrialAdded(2, COMPLETE, None, None, ()),
    "added as running": TrialAdded(2, TrialState.RUNNING, None, None, ()),
    "paused and never started": TrialPaused(2),
    "resumed and never paused": TrialResumed(1),
    "values of a space that is not there": ParamsSuggested(1, 3, (0.5,)),
    "more values than the space has": ParamsSuggested(1, 0, (0.5, 0.5)),
    "a report of a finished trial": ValueReported(0, 1, 0.5),
    "created again": CREATED,
    "too many names": MetricNamesSet(("a", "b")),
    "params nested 600 deep": TrialEnqueued(2, {"x": nested(600)}),
    "an attribute nested 300 deep": StudyAttributeSet("k", nested(300)),
    "an attribute nested 101 deep": TrialAttributeSet(1, "k", nested(101)),
}


@pytest.mark.parametrize("event", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_is_impossible_is_refused_with_its_place(tmp_path, event):
    path = tmp_path / "s.jsonl"
    lines = forged(path, [*BEGINNING, event, StudyAttributeSet("k", 1)])
    offset = len(b"".join(lines[:7]))
    for how, error in every_use(path).items():
        assert isinstance(error, InconsistentEvents), (how, error)
        assert f"{path}, line 8 (byte {offset})" in str(error)
        assert (error.position, type(error.event)) == (7, type(event))
    [found] = check_file(path)
    assert (found.flaw.kind, found.flaw.line, found.flaw.offset) == ("inconsistent", 8, offset)
    [done] = repair_file(path, tmp_path / "repaired.jsonl")
    assert (done.events, done.salvaged_events) == (7, 1 + 1)
    assert len(hpo.load_study(storage=done.output).trials) == 2


@pytest.mark.parametrize(
    "created",
    [
        StudyCreated(2, "s", (), 7),
        StudyCreated(2, "s", ("up",), 7),
        StudyCreated(2, "s", ("minimize",), 7, metric_names=("a", "b")),
        StudyCreated(2, "s", ("minimize", "minimize"), 7, metric_names=("a", "a")),
    ],
)
def test_a_study_that_cannot_be_is_refused_with_its_place(tmp_path, created):
    path = tmp_path / "s.jsonl"
    forged(path, [created, TrialStarted(0)])
    for how, error in every_use(path).items():
        assert isinstance(error, InconsistentEvents), (how, error)
        assert f"{path}, line 1 (byte 0)" in str(error)
    [found] = check_file(path)
    assert (found.flaw.kind, found.flaw.line) == ("inconsistent", 1)


def test_what_is_possible_is_read(tmp_path):
    path = tmp_path / "s.jsonl"
    events = [
        *BEGINNING,
        TrialFinished(1, PRUNED),
        TrialAdded(2, FAIL, None, None, ()),
        TrialAdded(3, COMPLETE, ("inf",), None, ()),
        StudyAttributeSet("k", nested(99)),
        TrialEnqueued(4, {}),
        TrialFinished(4, FAIL),
        TrialStarted(5),
        TrialPaused(5),
        TrialResumed(5),
        TrialFinished(5, PRUNED, (1.0,)),
    ]
    forged(path, events)
    assert {how: error for how, error in every_use(path).items() if error} == {}
    [found] = check_file(path)
    assert found.healthy


HUGE = "x" * 5_000_000
HUGE_PAYLOADS = {
    "event": payload_of([TrialStarted(99, worker=HUGE)]),
    "attribute of no trial": payload_of([TrialAttributeSet(99, "k", HUGE)]),
    "key": payload_of([TrialAttributeSet(99, HUGE, 1)]),
    "names": payload_of([MetricNamesSet((HUGE, "b"))]),
    "many values": payload_of([TrialFinished(1, COMPLETE, (1.0,) * 1_000_000)]),
    "tag": msgspec.json.encode([[HUGE, 1]]),
    "state": msgspec.json.encode([["finished", 1, HUGE, [1.0]]]),
    "advisor": msgspec.json.encode([["uses", HUGE, ["RandomSampler", 1, {}]]]),
    "space": msgspec.json.encode([["space", {HUGE: {"name": HUGE, "attributes": {}}}]]),
    "no space": msgspec.json.encode([["space", HUGE]]),
    "choices": msgspec.json.encode([["space", {"x": {"name": "CategoricalDistribution", "attributes": {"c": HUGE}}}]]),
    "datetime": msgspec.json.encode([["study_attribute", "k", {"$datetime": HUGE}]]),
    "float": msgspec.json.encode([["study_attribute", "k", {"$float": HUGE}]]),
}


@pytest.mark.parametrize("payload", HUGE_PAYLOADS.values(), ids=HUGE_PAYLOADS)
def test_errors_about_huge_content_are_short(tmp_path, payload):
    path = tmp_path / "s.jsonl"
    lines = written([*(payload_of([event]) for event in BEGINNING), payload])
    path.write_bytes(b"".join(lines))
    for how, error in every_use(path).items():
        assert isinstance(error, HpoError), how
        assert len(str(error)) < 5000, how
        assert f"line 8 (byte {len(b''.join(lines[:7]))})" in str(error)
    [found] = check_file(path)
    assert found.flaw.line == 8
    assert len(str(found.flaw)) < 5000


NAMES = st.sampled_from(["x", "k", "s", ""])
SMALL = st.integers(-2, 4) | st.sampled_from([10**12, 2**63, -(2**40)])
VALUES = st.none() | st.lists(st.sampled_from([0.5, -1.0, "nan", "inf"]), max_size=2).map(tuple)
STATES = st.sampled_from(TrialState)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "nan", 0.5]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES | st.just("$float"), inner, max_size=2),
    max_leaves=4,
)
EVENTS = st.one_of(
    st.builds(TrialStarted, SMALL),
    st.builds(TrialEnqueued, SMALL, TREES, TREES, st.none() | SMALL),
    st.builds(TrialFinished, SMALL, STATES, VALUES, unused=st.lists(NAMES, max_size=1).map(tuple)),
    st.builds(TrialAdded, SMALL, STATES, VALUES, st.none() | SMALL, st.lists(st.floats(-1, 2), max_size=2).map(tuple)),
    st.builds(TrialPaused, SMALL),
    st.builds(TrialResumed, SMALL),
    st.builds(ParamsSuggested, SMALL, SMALL, st.lists(st.floats(-1, 2), max_size=2).map(tuple), TREES),
    st.builds(ValueReported, SMALL, SMALL, st.sampled_from([0.5, "nan", "inf", {"a": 0.5}, {}])),
    st.builds(TrialAttributeSet, SMALL, NAMES, TREES),
    st.builds(StudyAttributeSet, NAMES, TREES),
    st.builds(MetricNamesSet, st.lists(NAMES, max_size=2).map(tuple)),
    st.builds(AdvisorSet, st.sampled_from(["sampler", "pruner", "promoter"]), st.just(("x", 1, {}))),
    st.just(SpaceDefined(SPACE)),
    st.just(CREATED),
)


@given(st.lists(EVENTS, max_size=6), st.integers(0, len(BEGINNING)))
@example([TrialEnqueued(2, 7)], 7)
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_whatever_is_folded_is_a_study_or_an_error_with_its_place(tmp_path_factory, events, n):
    path = tmp_path_factory.mktemp("fuzz") / "s.jsonl"
    forged(path, [*BEGINNING[: max(n, 1)], *events])
    used = every_use(path)
    [found] = check_file(path)
    if found.healthy:
        assert {type(error) for error in used.values()} <= {type(None), hpo.errors.NoCompletedTrial}, used
        return
    for how, error in used.items():
        assert isinstance(error, HpoError), (how, error)
        assert f"line {found.flaw.line} (byte {found.flaw.offset})" in str(error), how


def test_the_written_form_of_what_is_forged_is_what_it_says(tmp_path):
    path = tmp_path / "s.jsonl"
    lines = forged(path, BEGINNING)
    assert [decode_events(unpack(line[:-1]).payload)[0] for line in lines] == BEGINNING
    assert path.stat().st_size == sum(map(len, lines))
