"""Histories to write, and what to compare states by."""

import hashlib
import json
import math

from hpo.core import (
    AddArtifact,
    AddTrial,
    Artifact,
    Ask,
    CategoricalDistribution,
    CreateStudy,
    Enqueue,
    FloatDistribution,
    Identity,
    IntDistribution,
    Origin,
    PauseTrial,
    RecordPruning,
    RemoveArtifact,
    Report,
    ResumeTrial,
    SetAdvisor,
    SetConstraint,
    SetMetricNames,
    SetStudyAttribute,
    SetTrialAttribute,
    StartFork,
    StudyState,
    Suggest,
    Tell,
    TrialState,
    create_trial,
    decide,
    replay,
)

HOSTILE_TEXTS = [
    "",
    "a\nb\r\n",
    "nul \0 byte",
    "\x1b[2J\x1b]0;title\x07",
    "\u202eright to left",
    "e\u0301 and é",
    "🎉" * 20,
    "'); DROP TABLE event;--",
    "__proto__",
    "constructor",
    "; rm -rf /",
    "%s%n{0}",
    "$float",
    "</script>",
]
HOSTILE_NUMBERS = [
    math.nan,
    math.inf,
    -math.inf,
    -0.0,
    5e-324,
    1.7976931348623157e308,
    0.1 + 0.2,
    2**53 + 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10**299,
    True,
    False,
    1,
    1.0,
    0,
    None,
]

SPACE = {
    "rate": FloatDistribution(1e-5, 1.0, log=True),
    "share": FloatDistribution(0.0, 1.0, step=0.25),
    "layers": IntDistribution(1, 9, step=2),
    "width": IntDistribution(1, 10**300, log=True),
    "kind": CategoricalDistribution([None, True, 1, 1.0, "1", -0.0, "a\nb", math.inf]),
}
VALUES = {"rate": 0.001, "share": 0.75, "layers": 5, "width": 2**64 + 1, "kind": 1.0}


def all_kinds_of_events():
    """A history with every kind of event, and the numbers and texts that are easily spoiled."""
    other = {"extra": FloatDistribution(-1.0, 1.0)}
    commands = [
        CreateStudy("golden ünï\n", ("minimize", "maximize"), 2**80 + 7, SPACE, ("loss", "speed"), 1732190185.5),
        SetStudyAttribute("texts", HOSTILE_TEXTS),
        SetStudyAttribute("numbers", HOSTILE_NUMBERS),
        SetStudyAttribute("nested", {"$float": {"": [[], {}, [None]]}, "b": {"c": 1}}),
        SetMetricNames(("error", "rate")),
        SetAdvisor("sampler", Identity("RandomSampler", 1, {"seed": None})),
        SetAdvisor("pruner", Identity("my.module.f", 3)),
        Enqueue({"rate": 0.5, "kind": True, "later": "x"}, {"from": "a person"}),
        Enqueue({}),
        Ask(1732190186.0, "host/1/\x1b"),
        Suggest(0, {k: v for k, v in SPACE.items() if k not in {"rate", "kind"}}, VALUES, {"generation": 3}),
        Suggest(0, other, {"extra": -0.0}, lone=True),
        Report(0, math.nan, 0),
        Report(0, -0.0, 7),
        Report(0, math.inf, 10**12),
        RecordPruning(0, "continue"),
        RecordPruning(0, "stop", {"rule": "median", "value": math.inf}, True),
        SetTrialAttribute(0, "numbers", HOSTILE_NUMBERS),
        SetConstraint(0, "memory", -math.inf),
        SetConstraint(0, "time", 5e-324),
        Tell(0, (-math.inf, 1.7e308), at=1732190187.25),
        Ask(None, None),
        Ask(-1.5, "w"),
        Suggest(2, SPACE, VALUES, {}),
        Tell(2, None, TrialState.FAIL, 0.0, "it broke\n", ("rate", "kind")),
        Ask(3.0),
        Report(3, 0.25, 3),
        Tell(3, (0.5, 0.25), TrialState.PRUNED, 4.0),
        AddTrial(
            create_trial(
                state=TrialState.COMPLETE,
                values=[0.0, -0.0],
                params=VALUES,
                distributions=SPACE,
                user_attrs={"n": HOSTILE_NUMBERS},
                intermediate_values={0: math.nan, 5: -0.0},
            )
        ),
        AddTrial(create_trial(state=TrialState.FAIL)),
        Enqueue({"share": 0.25}),
        SetAdvisor("promoter", Identity("PromotionHalving", 2, {"factor": 3})),
        Ask(5.0, "w"),
        Report(1, {"loss": math.nan, "latency": 1e-300}, 2),
        PauseTrial(1, "weights/10.pt", 5.5),
        ResumeTrial(1, 6.0, "v", {"rule": "halving", "rung": [1, 0.25]}),
        PauseTrial(1),
        StartFork(1, {"rate": 0.125}, {"rule": "exploit"}, 6.5, "u"),
        AddArtifact(Artifact("3f78", "model.pkl", 2**40, "ab" * 32, "image/png", "gzip", "s3://b/"), 1, 7.0),
        AddArtifact(Artifact("9a", "whole-study.json")),
        AddArtifact(Artifact("9b", "gone.json"), None, 7.5),
        RemoveArtifact("9b"),
        Tell(7, (1.0, 2.0), at=8.0, sem=(0.0, 5e-324), cost=12.5, origin=Origin("ann", "dashboard", "req-1")),
        SetStudyAttribute("by", 1, Origin(request="req-2")),
        AddTrial(
            create_trial(values=[1.0, 2.0], params={}, distributions={}, sem=[0.1, math.inf], cost=0.0),
            Origin(author="bob"),
        ),
    ]
    events, state = [], StudyState()
    for command in commands:
        decided = decide(state, command)
        events.append(decided)
        state = replay(decided, state)
    return events


def state_digest(state):
    """A hash of all that a state says in public, whatever it is made of inside.

    What old states do not have counts only where there is some, so that their digests stay.
    """
    study = {
        "name": state.name,
        "directions": [*state.directions],
        "metric_names": repr(state.metric_names),
        "seed": state.seed,
        "space": _space(state.space),
        "attributes": _plain(state.user_attrs),
        "version": state.version,
        "created_at": repr(state.created_at),
        "finished": [trial.number for trial in state.finished],
        "trials": [_trial(trial) for trial in state.trials],
    }
    if state.parent is not None:
        study["parent"] = [*state.parent]
    if state.requests:
        study["requests"] = [*state.requests.items()]
    if state.artifacts:
        study["artifacts"] = repr([(owner, [*by_id.values()]) for owner, by_id in state.artifacts.items()])
    if state.uses:
        study["uses"] = sorted([kind, repr(identity)] for kind, identity in state.uses.items())
    return hashlib.sha256(json.dumps(study, sort_keys=True).encode()).hexdigest()


def _trial(trial):
    newer = {name: getattr(trial, name) for name in ("sem", "cost", "metrics", "checkpoint", "parent")}
    newer = {name: repr(value) for name, value in newer.items() if value is not None and value != {}}
    return newer | {
        "number": trial.number,
        "state": trial.state.value,
        "values": repr(trial.values),
        "params": _plain(trial.params),
        "distributions": _space(trial.distributions),
        "attributes": _plain(trial.user_attrs),
        "reports": _plain(trial.intermediate_values),
        "constraints": _plain(trial.constraints),
        "fixed": _plain(trial.fixed_params),
        "note": _plain(trial.note),
        "times": repr((trial.started_at, trial.finished_at)),
        "reason": trial.reason,
        "worker": trial.worker,
    }


def _space(space):
    return None if space is None else [[name, repr(distribution)] for name, distribution in space.items()]


def _plain(value):
    """`value` for JSON, with types and signs of zero told apart."""
    if hasattr(value, "items"):
        return [[repr(key), _plain(item)] for key, item in value.items()]
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else repr(value)
