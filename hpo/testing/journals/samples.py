"""Names and events for the laws of journals, including many awkward ones."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.core import (
    FORMAT,
    AdvisorSet,
    AnyEvent,
    Artifact,
    ArtifactAdded,
    ArtifactRemoved,
    CategoricalDistribution,
    ConstraintSet,
    FloatDistribution,
    Identity,
    IntDistribution,
    MetricNamesSet,
    Origin,
    ParamsSuggested,
    PruningDecided,
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
    to_json_tree,
)

NAMES: Sequence[str] = (
    "digits",
    "",
    " ",
    ".",
    "..",
    "../x",
    "/etc/x",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "-rf",
    "CON",
    "%2e%2e%2f",
    "%s%n{0}",
    "Digits",
    "DIGITS",
    "\u00e9",
    "e\u0301",
    "\u540d\u524d",
    "\U0001f389" * 200,
    "n" * 5000,
    "'); DROP TABLE events; --",
    "' OR '1'='1",
    '"; DELETE FROM studies; --',
    "a'b\"c`d]e",
    "?",
    ":name",
    "NULL",
    "$HOME",
    "; rm -rf /",
    "\u202edesrever",
    "__class__",
    "0",
    "1e5",
)
"""Names that a storage must keep apart, and must not treat as special."""

FLOATS: Sequence[float] = (0.0, -0.0, 0.1, 5e-324, -1.7976931348623157e308, 1.0, 3.0e16, 2.2250738585072014e-308)
"""Floats that a careless writer would change."""

VALUES: Sequence[object] = (
    None,
    True,
    0,
    -(2**63),
    2**64,
    10**299,
    *FLOATS,
    float("nan"),
    float("inf"),
    "",
    "\0",
    "\u2028\U0001f389\x7f\x1b[2J",
    *NAMES[22:27],
    "x" * 1_000_000,
    {"$float": "nan"},
    {"$dict": {"$dict": {}}},
    {"": [[], {}, [None, {"a": -0.0}]], "__class__": "os.system"},
)
"""Attributes that a careless writer would change."""


def created(name: str = "s") -> list[AnyEvent]:
    """Return the events of a study that was just created."""
    return [StudyCreated(FORMAT, name, ("minimize",), 7)]


def nested(depth: int) -> object:
    """Return lists in dicts in lists, `depth` levels deep."""
    tree: object = 1.5
    for level in range(depth):
        tree = {"k": tree} if level % 2 else [tree]
    return tree


def every_kind() -> list[AnyEvent]:
    """Return an event of every kind that can follow a study's creation, most of them with all of their fields."""
    space = SearchSpace(
        {
            "a'b\0": FloatDistribution(-1.5, 2.5),
            "log": FloatDistribution(1e-300, 1e300, log=True),
            "grid": FloatDistribution(0.0, 1.0, step=0.25),
            "whole": IntDistribution(-(2**70), 2**70),
            "choice": CategoricalDistribution((None, True, 1, 1.5, "1", float("nan"), float("-inf"))),
        }
    )
    origin = Origin("a'nn", "dashboard-2", "7f3a\0")
    weights = Artifact("3f'78", "w\u00e9ights.pt", 2**40, "0" * 64, "image/png", "gzip", "s3://bucket/")
    return [
        StudyAttributeSet("k", to_json_tree({"a": [1, 2.5, None]}), origin),
        MetricNamesSet(("loss",), origin),
        AdvisorSet("promoter", Identity("a'b.Halving", 1, to_json_tree({"factor": 3}))),
        ArtifactAdded(weights),
        AdvisorSet("sampler", Identity("a'b.Sampler", 3, to_json_tree({"seed": None, "rate": float("inf")}))),
        AdvisorSet("pruner", Identity("judge")),
        SpaceDefined(space),
        TrialEnqueued(0, to_json_tree({"log": 0.5, "n": float("nan")}), to_json_tree({"by": "hand"})),
        TrialStarted(0, 1732190185.123, "worker'1", origin),
        TrialEnqueued(3, to_json_tree({"log": 0.5}), None, 0, to_json_tree({"rung": 1}), origin),
        ArtifactAdded(weights, 0, 1732190185.5, origin),
        ParamsSuggested(0, 0, (0.1, -0.0, 5e-324, 2**70, 3), to_json_tree({"generation": 4})),
        ParamsSuggested(0, 0, (0.0, 1.0, 0.25, 0, 6), None, True),
        ValueReported(0, 2**40, "nan"),
        ValueReported(0, 7, {"lo'ss": -0.0, "": "inf"}, origin),
        PruningDecided(0, False),
        PruningDecided(0, "stop", True, to_json_tree({"rule": "median", "values": [0.9, float("nan")]})),
        PruningDecided(0, "pause"),
        TrialPaused(0, 1732190185.6, "weights'10.pt", origin),
        TrialResumed(0, 1732190185.7, "worker 2", to_json_tree({"rung": 1}), origin),
        TrialPaused(0, reason="promotion: step 1"),
        TrialResumed(0),
        ValueReported(0, -1, -0.0),
        TrialAttributeSet(0, "k", to_json_tree([float("inf")])),
        ConstraintSet(0, "c", "-inf"),
        TrialFinished(0, TrialState.FAIL, None, 1732190186.0, "it broke;\nbadly", ("log",)),
        TrialStarted(1),
        TrialFinished(1, TrialState.COMPLETE, (-0.0, "nan", "inf", 5e-324)),
        TrialFinished(1, TrialState.COMPLETE, (0.5,), 1.5, None, (), (5e-324,), -0.0, origin),
        ArtifactRemoved("3f'78", 0, 1732190186.0, origin),
        ArtifactRemoved("3f'78"),
        TrialAdded(
            2,
            TrialState.PRUNED,
            (1e-300,),
            0,
            (0.1, 2.0, 0.25, -(2**70), 6),
            to_json_tree({"a": 1}),
            (("c", "inf"),),
            ((0, "nan"), (1, -0.0)),
            to_json_tree({"log": 0.5}),
            to_json_tree({"n": 1}),
            "too slow",
            "w",
            1.5,
            2.5,
            (1e-300,),
            "inf",
            ((3, {"loss": "nan", "x": 1.5}),),
            "weights.pt",
            0,
            origin,
        ),
    ]


def hostile_values() -> list[AnyEvent]:
    """Return events with all of `VALUES` and `NAMES` as attributes, and with all of `FLOATS` as numbers."""
    values = [*VALUES, nested(99)]
    return [
        *(StudyAttributeSet("k", to_json_tree(value)) for value in values),
        *(TrialAttributeSet(0, name, name) for name in NAMES),
        *(ValueReported(0, step, value) for step, value in enumerate(FLOATS)),
        *(ConstraintSet(0, "c", value) for value in FLOATS),
        ParamsSuggested(0, 0, tuple(FLOATS)),
        TrialFinished(0, TrialState.COMPLETE, tuple(FLOATS)),
        *(TrialStarted(number, abs(value)) for number, value in enumerate(FLOATS, 1)),
    ]
