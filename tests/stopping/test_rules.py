"""Stopping rules: what each one waits for, in `optimize` and as pure functions, and their laws."""

import math

import pytest

import hpo
from hpo.core import StudyState, TrialState
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives
from hpo.samplers import RandomSampler
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
    Stop,
    TargetReached,
    Timeout,
)
from hpo.stopping.registry import STOPPING_RULES
from hpo.terminator import (
    BaseImprovementEvaluator,
    BestValueStagnationEvaluator,
    CrossValidationErrorEvaluator,
    EMMREvaluator,
    MedianErrorEvaluator,
    RegretBoundEvaluator,
    StaticErrorEvaluator,
    Terminator,
    TerminatorCallback,
    report_cross_validation_scores,
)
from hpo.testing import check_stopping_rule

MINIMIZE = hpo.study.StudyDirection.MINIMIZE


def study_of(*values, direction="minimize", **trials):
    study = hpo.create_study(direction=direction, sampler=RandomSampler(), seed=1)
    study.add_trials([hpo.create_trial(value=value, **trials) for value in values])
    return study


def stops(rule, state):
    return rule(state) is not None


def x(trial):
    return trial.suggest_float("x", 0, 1)


def test_optimize_stops_by_a_rule_and_says_why(caplog):
    study = study_of()
    hpo.logging.enable_propagation()
    with caplog.at_level("INFO"):
        study.optimize(x, n_trials=50, stop=MaxTrials(3))
    hpo.logging.disable_propagation()
    assert len(study.trials) == 3
    assert "The study stops: max trials: trials 3, limit 3" in caplog.text


def test_a_study_that_has_had_enough_starts_no_trial():
    study = study_of(1.0, 2.0, 3.0)
    study.optimize(x, n_trials=50, stop=MaxTrials(3))
    assert len(study.trials) == 3


def test_rules_work_with_parallel_trials():
    study = study_of()
    study.optimize(x, n_trials=50, n_jobs=2, stop=MaxTrials(5))
    assert 5 <= len(study.trials) <= 6


def test_a_rule_may_be_any_function_of_the_state():
    study = study_of()
    study.optimize(x, n_trials=50, stop=lambda state: Stop("seven") if state.n_trials >= 7 else None)
    assert len(study.trials) == 7
    with pytest.raises(InvalidType, match="a stopping rule is a function"):
        study.optimize(x, n_trials=1, stop=7)


def test_rules_are_pure_functions_for_a_loop_of_ones_own():
    state, rule = StudyState.create(), MaxTrials(4)
    while rule(state) is None:
        state, trial = hpo.ask(state, RandomSampler())
        state = hpo.tell(state, trial, 1.0)
    assert len(state.finished) == 4


def test_trials_are_counted_by_their_states():
    study = study_of(1.0)
    study.ask()
    study.tell(study.ask(), state="fail")
    assert [stops(MaxTrials(n), study.state) for n in (1, 2)] == [True, False]
    assert [stops(MaxTrials(n, None), study.state) for n in (3, 4)] == [True, False]
    assert stops(MaxTrials(2, (TrialState.FAIL, "running")), study.state)


def test_time_is_that_of_the_journal():
    state = StudyState.create()
    for start, end in ((100.0, 110.0), (105.0, 130.0)):
        state, trial = hpo.ask(state, RandomSampler(), at=start)
        state = hpo.tell(state, trial, 1.0, at=end)
    assert [stops(Timeout(seconds), state) for seconds in (30.0, 30.5)] == [True, False]
    state, _ = hpo.ask(state, RandomSampler(), at=140.0)
    assert stops(Timeout(40.0), state)
    assert [stops(Budget(seconds=seconds), state) for seconds in (35.0, 35.5)] == [True, False]


def test_trials_without_times_take_no_time():
    state, trial = hpo.ask(StudyState.create(), RandomSampler())
    state = hpo.tell(state, trial, 1.0)
    assert not stops(Timeout(0.1), state)
    assert not stops(Budget(seconds=0.1), state)


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1), ("maximize", -1)])
def test_patience_counts_complete_trials_since_the_best_one(direction, sign):
    study = study_of(*(sign * value for value in (5.0, 3.0, 3.0, 4.0)), direction=direction)
    study.tell(study.ask(), state="fail")
    assert [stops(NoImprovement(n), study.state) for n in (1, 2, 3)] == [True, True, False]
    study.add_trial(hpo.create_trial(value=sign * 2.9))
    assert [stops(NoImprovement(1, min_delta), study.state) for min_delta in (0.0, 0.5)] == [False, True]


def test_feasibility_is_an_improvement():
    study = study_of(1.0, constraints={"c": 2.0})
    study.add_trial(hpo.create_trial(value=9.0, constraints={"c": 0.0}))
    assert not stops(NoImprovement(1), study.state)
    study.add_trial(hpo.create_trial(value=1.0, constraints={"c": 1.0}))
    assert stops(NoImprovement(1), study.state)
    assert [stops(TargetReached(target), study.state) for target in (5.0, 9.0)] == [False, True]


def test_stagnation_forgives_one_trial_more():
    study = study_of(1.0, 2.0, 2.0)
    assert [stops(BestValueStagnation(n), study.state) for n in (1, 2)] == [True, False]


def test_rules_can_be_combined():
    few, many = study_of(5.0).state, study_of(5.0, 4.0, 3.0).state
    either, both = MaxTrials(3) | TargetReached(5.0), MaxTrials(3) & TargetReached(5.0)
    assert [stops(either, few), stops(both, few), stops(both, many)] == [True, False, True]
    assert both(many).reason["rule"] == "all"
    assert [reason["rule"] for reason in both(many).reason["reasons"]] == ["max trials", "target"]
    assert stops((lambda state: Stop("now")) | MaxTrials(9), few)
    assert not stops((lambda state: Stop("now")) & MaxTrials(9), few)
    for kind in (AnyRule, AllRules):
        with pytest.raises(InvalidType, match="at least one"):
            kind([])


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: MaxTrials(-1), InvalidArgument),
        (lambda: Timeout(-1.0), InvalidArgument),
        (lambda: Timeout("1h"), InvalidType),
        (lambda: NoImprovement(0), InvalidArgument),
        (lambda: NoImprovement(1, -1.0), InvalidArgument),
        (lambda: TargetReached(math.nan), InvalidArgument),
        (Budget, InvalidArgument),
        (lambda: Budget(cost=math.inf), InvalidArgument),
        (lambda: BestValueStagnation(-1), InvalidArgument),
    ],
)
def test_options_are_checked(make, error):
    with pytest.raises(error):
        make()


def test_rules_of_one_objective_refuse_several():
    state = StudyState.create(directions=["minimize", "minimize"])
    for rule in (NoImprovement(1), BestValueStagnation(), TargetReached(0.0)):
        with pytest.raises(SeveralObjectives):
            rule(state)


RULES = [
    BestValueStagnation(2),
    Budget(cost=3.0),
    MaxTrials(4),
    NoImprovement(3, 0.5),
    TargetReached(1.0),
    RegretBound(0.5, min_trials=4),
    ExpectedImprovement(0.1, min_trials=4),
    EMMR(0.5, min_trials=4),
    MaxTrials(9) | NoImprovement(2),
    MaxTrials(3) & NoImprovement(2),
    Terminator(BestValueStagnationEvaluator(3), min_n_trials=2),
]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_rules_keep_the_laws(rule):
    laws = ["total", "survives_every_scenario", "begins", "same_decision_twice", "relabel", "fold"]
    if not isinstance(rule, TargetReached):  # a target has a sign
        laws.append("mirror")
    if isinstance(rule, RegretBound | ExpectedImprovement | EMMR):  # a decision costs tens of milliseconds
        check_stopping_rule(rule, laws=["survives_every_scenario", "mirror"], max_examples=2)
    else:
        check_stopping_rule(rule, laws=laws, max_examples=10)


@pytest.mark.parametrize("rule", [Timeout(3.0), Budget(seconds=3.0)], ids=repr)
def test_rules_of_time_keep_the_laws_that_do_not_change_clocks(rule):
    check_stopping_rule(rule, laws=["total", "begins", "same_decision_twice", "fold", "mirror"], max_examples=10)


def test_every_registered_rule_is_tried():
    tried = {type(rule).__name__ for rule in RULES} | {"Timeout"}
    assert {registration.name for registration in STOPPING_RULES} <= tried


class TestTerminator:
    def test_it_stops_a_run_as_a_callback_and_as_a_rule(self):
        terminator = Terminator(BestValueStagnationEvaluator(4), min_n_trials=3)
        one, other = study_of(), study_of()
        one.optimize(x, n_trials=200, callbacks=[TerminatorCallback(terminator)])
        other.optimize(x, n_trials=200, stop=terminator)
        assert len(one.trials) == len(other.trials) < 200
        assert stops(BestValueStagnation(4), one.state)

    def test_the_error_of_a_cross_validation_counts(self):
        study = study_of()
        trial = study.ask()
        report_cross_validation_scores(trial, [0.0, 1.0])
        study.tell(trial, 0.5)
        error = CrossValidationErrorEvaluator().evaluate(study.trials, MINIMIZE)
        assert error == pytest.approx(math.sqrt(1.5 * 0.25))

        class Left(BaseImprovementEvaluator):
            def evaluate(self, trials, study_direction):
                return 0.5

        assert Terminator(Left(), min_n_trials=1).should_terminate(study)
        assert not Terminator(Left(), StaticErrorEvaluator(0.4), min_n_trials=1).should_terminate(study)
        assert not Terminator(Left(), min_n_trials=2).should_terminate(study)

    def test_the_median_error_is_a_share_of_what_was_seen_first(self):
        trials = study_of(*[1.0] * 7).trials
        evaluator = MedianErrorEvaluator(BestValueStagnationEvaluator(10), 2, 5, 0.1)
        assert evaluator.evaluate(trials, MINIMIZE) == pytest.approx(0.8)
        assert evaluator.evaluate(trials[:6], MINIMIZE) < 0

    def test_scores_are_needed_and_checked(self):
        study = study_of(1.0)
        with pytest.raises(InvalidArgument, match="report_cross_validation_scores"):
            CrossValidationErrorEvaluator().evaluate(study.trials, MINIMIZE)
        with pytest.raises(InvalidArgument, match="at least two"):
            report_cross_validation_scores(study.ask(), [1.0])
        with pytest.raises(InvalidType, match="numbers"):
            report_cross_validation_scores(study.ask(), ["a", "b"])

    @pytest.mark.parametrize(
        "terminator",
        [
            Terminator(error_evaluator=StaticErrorEvaluator(0.01)),
            Terminator(EMMREvaluator(), MedianErrorEvaluator(EMMREvaluator(), 0, 5, 0.1)),
        ],
    )
    def test_a_gaussian_process_ends_a_study_that_has_found_its_best(self, terminator):
        study = hpo.create_study(sampler=hpo.samplers.GPSampler(n_startup_trials=5), seed=3)
        study.optimize(lambda trial: (trial.suggest_float("x", 0, 1) - 0.3) ** 2, n_trials=60, stop=terminator)
        assert 20 <= len(study.trials) < 60
        assert study.best_value < 1e-3

    def test_the_default_compares_the_regret_bound_with_the_folds(self):
        study = hpo.create_study(sampler=hpo.samplers.GPSampler(n_startup_trials=5), seed=3)

        def objective(trial):
            loss = (trial.suggest_float("x", 0, 1) - 0.3) ** 2
            report_cross_validation_scores(trial, [loss - 0.1, loss + 0.1])
            return loss

        study.optimize(objective, n_trials=60, callbacks=[TerminatorCallback()])
        assert len(study.trials) == 20

    def test_too_few_trials_are_no_reason_to_stop(self):
        assert RegretBoundEvaluator().evaluate(study_of(1.0, 2.0).trials, MINIMIZE) > 1e300  # without parameters
        assert EMMREvaluator().evaluate(study_of(1.0).trials, MINIMIZE) > 1e300
        with pytest.raises(InvalidArgument, match="no complete trial"):
            RegretBoundEvaluator().evaluate([], MINIMIZE)

    @pytest.mark.parametrize(
        ("make", "options"),
        [
            (RegretBoundEvaluator, {"top_trials_ratio": 0.0}),
            (RegretBoundEvaluator, {"min_n_trials": 0}),
            (EMMREvaluator, {"min_n_trials": 1}),
            (EMMREvaluator, {"delta": 2.0}),
        ],
    )
    def test_options_out_of_range_are_refused(self, make, options):
        with pytest.raises(InvalidArgument, match=next(iter(options))):
            make(**options)
