"""Every registered stopping rule, with the options that matter, keeps the laws of stopping rules and those that it claims."""

from hypothesis import settings

from hpo.stopping import (
    EMMR,
    AllRules,
    AnyRule,
    BestValueStagnation,
    Budget,
    ExpectedImprovement,
    MaxTrials,
    NoImprovement,
    RegretBound,
    TargetReached,
    Timeout,
)
from hpo.stopping.registry import STOPPING_RULES
from hpo.testing import StoppingLaws

EXAMPLES = settings.default.max_examples
SUBJECTS = {
    "MaxTrials": MaxTrials(4),
    "Timeout": Timeout(1.0),
    "NoImprovement": NoImprovement(patience=2),
    "BestValueStagnation": BestValueStagnation(1),
    "TargetReached": TargetReached(0.0),
    "Budget": Budget(seconds=5.0, cost=3.0),
    "RegretBound": RegretBound(0.5, min_trials=5),
    "ExpectedImprovement": ExpectedImprovement(0.1, min_trials=5),
    "EMMR": EMMR(0.5, min_trials=5),
    "AnyRule": AnyRule([MaxTrials(6), NoImprovement(patience=2)]),
    "AllRules": AllRules([MaxTrials(3), NoImprovement(patience=2)]),
}


def claims_of(rule):
    """The laws that a rule claims; a combination keeps those that its parts do."""
    if isinstance(rule, AnyRule | AllRules):
        return claims_of(rule.rules[0])
    return STOPPING_RULES.find(type(rule).__name__).claims


for name, rule in SUBJECTS.items():
    laws = {"rule": rule, "claims": claims_of(rule), "max_examples": max(5, EXAMPLES // 10)}
    if isinstance(rule, RegretBound | ExpectedImprovement | EMMR):
        # a decision costs tens of milliseconds; tests/stopping holds them to two more laws
        laws |= {"claims": (), "max_examples": max(2, EXAMPLES // 100)}
        laws |= {test: None for test in dir(StoppingLaws) if test.startswith("test_") and test != "test_total"}
    if isinstance(rule, Timeout | Budget):  # these read the clocks that the law of relabelling changes
        laws["test_relabel"] = None
    globals()[f"Test{name}"] = type(f"Test{name}", (StoppingLaws,), laws)


def test_every_registered_stopping_rule_is_tried():
    assert {entry.name for entry in STOPPING_RULES} <= {type(rule).__name__ for rule in SUBJECTS.values()}
