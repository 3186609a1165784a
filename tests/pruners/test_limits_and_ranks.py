"""Percentiles, thresholds, patience, the signed-rank test, successive halving, Hyperband, and combinations of pruners."""

import math
from collections import Counter

import pytest

import hpo
from hpo.core import StudyState, TrialState, ask, report, tell
from hpo.errors import InvalidArgument, InvalidType, SeveralObjectives
from hpo.pruners import (
    AfterStep,
    All,
    Any,
    BracketSampler,
    ByMetric,
    Decision,
    HyperbandPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    RushPruner,
    SuccessiveHalvingPruner,
    ThresholdPruner,
    Verdict,
    WilcoxonPruner,
)
from hpo.samplers import RandomSampler, TPESampler
from hpo.study.replaying.rebuild import rebuild_advisor

NAN, INF = math.nan, math.inf
SAMPLER = RandomSampler()


def finished(*histories, direction="minimize", outcome=TrialState.COMPLETE, values=None):
    state = StudyState.create(direction=direction)
    for index, history in enumerate(histories):
        state, number = running(state, history)
        value = None if outcome is not TrialState.COMPLETE else 0.0 if values is None else values[index]
        state = tell(state, number, value, state=outcome)
    return state


def running(state, history):
    state, trial = ask(state, SAMPLER)
    for step, value in history.items() if isinstance(history, dict) else enumerate(history):
        state = report(state, trial.number, value, step)
    return state, trial.number


def decided(pruner, state, number):
    answer = pruner(state, state.running[number])
    return answer.decision if isinstance(answer, Verdict) else answer


def stops(pruner, history, state=None):
    state, number = running(StudyState.create() if state is None else state, history)
    return decided(pruner, state, number) is Decision.STOP


def stops_at(pruner, values, state=None):
    """The steps at which a trial that reports these values one after another is told to stop."""
    values = values if isinstance(values, dict) else dict(enumerate(values))
    steps = [*values]
    return [step for i, step in enumerate(steps) if stops(pruner, {s: values[s] for s in steps[: i + 1]}, state)]


class TestPercentile:
    def test_the_best_quarter_goes_on(self):
        state = finished(*[[float(value)] for value in range(1, 6)])
        pruner = PercentilePruner(25.0, 0)
        assert [stops(pruner, [value], state) for value in (2.0, 2.1)] == [False, True]
        state = finished(*[[float(value)] for value in range(1, 6)], direction="maximize")
        assert [stops(pruner, [value], state) for value in (4.0, 3.9)] == [False, True]

    def test_zero_keeps_the_best_and_a_hundred_all_but_the_worst(self):
        state = finished([1.0], [2.0], [NAN])
        assert [stops(PercentilePruner(0.0, 0), [value], state) for value in (1.0, 1.1)] == [False, True]
        assert not stops(PercentilePruner(100.0, 0), [1e9], state)
        assert stops(PercentilePruner(100.0, 0), [2.1], finished([1.0], [2.0]))

    def test_the_reason_has_the_values_that_were_compared(self):
        state, number = running(finished([1.0], [3.0]), [7.0])
        verdict = PercentilePruner(25.0, 0)(state, state.running[number])
        assert verdict.reason == {"rule": "percentile", "step": 0, "value": 7.0, "limit": 1.5, "trials": 2}

    @pytest.mark.parametrize("percentile", [-0.1, 100.1, NAN])
    def test_other_percentiles_are_refused(self, percentile):
        with pytest.raises(InvalidArgument, match="percentile is a number from 0 to 100"):
            PercentilePruner(percentile)

    @pytest.mark.parametrize("percentile", ["25", None, True])
    def test_a_percentile_is_a_number(self, percentile):
        with pytest.raises(InvalidType, match="percentile"):
            PercentilePruner(percentile)


class TestThreshold:
    def test_a_value_beyond_a_limit_ends_the_trial_and_one_at_it_does_not(self):
        assert stops_at(ThresholdPruner(upper=1.0), [0, 0.1, 0.2, 1.0, 1.2]) == [4]
        assert stops_at(ThresholdPruner(lower=0.0), [100, 90, 0.1, 0, -1]) == [4]
        assert stops_at(ThresholdPruner(0.0, 1.0), [-0.1, 0.5, 1.1]) == [0, 2]

    def test_nan_ends_the_trial(self):
        assert stops_at(ThresholdPruner(lower=-INF), [1.0, NAN, 1.0]) == [1]

    def test_the_newest_value_counts_and_not_the_best(self):
        assert stops_at(ThresholdPruner(upper=1.0), [5.0, 0.5]) == [0]

    def test_warm_up_and_interval_are_those_of_the_median(self):
        assert stops_at(ThresholdPruner(upper=0.0, n_warmup_steps=2, interval_steps=3), [1.0] * 9) == [2, 5, 8]
        assert stops_at(ThresholdPruner(upper=0.0, interval_steps=10), dict.fromkeys([3, 4, 12, 13, 20], 1.0)) == [
            3,
            12,
            20,
        ]

    def test_directions_do_not_count(self):
        for direction in ("minimize", "maximize"):
            assert stops(ThresholdPruner(upper=1.0), [2.0], StudyState.create(direction=direction))

    def test_a_limit_is_needed_and_must_be_a_number(self):
        with pytest.raises(InvalidType, match="needs a limit"):
            ThresholdPruner()
        with pytest.raises(InvalidType, match="upper is a number"):
            ThresholdPruner(upper="much")
        with pytest.raises(InvalidType, match="lower is a number"):
            ThresholdPruner(lower=NAN)
        with pytest.raises(InvalidArgument, match="at most upper"):
            ThresholdPruner(lower=2.0, upper=1.0)


class TestPatience:
    def test_a_trial_that_gets_worse_is_stopped_when_patience_is_at_its_end(self):
        assert stops_at(PatientPruner(None, patience=0), [1.0, 2.0]) == [1]
        assert stops_at(PatientPruner(None, patience=2), [1.0, 2.0, 2.0, 2.0, 0.5, 2.0]) == [3]

    def test_a_plateau_is_not_worse(self):
        assert stops_at(PatientPruner(None, patience=0), [1.0] * 5) == []

    def test_small_losses_are_forgiven(self):
        assert stops_at(PatientPruner(None, patience=0, min_delta=1.0), [1.0, 2.0, 2.5]) == [2]

    def test_steps_count_in_their_order_and_not_in_that_of_the_reports(self):
        assert stops(PatientPruner(None, patience=0), {5: 2.0, 1: 1.0})
        assert not stops(PatientPruner(None, patience=0), {5: 1.0, 1: 2.0})

    def test_the_other_pruner_decides_then(self):
        assert stops_at(PatientPruner(NopPruner(), patience=0), [1.0, 2.0]) == []
        assert stops_at(PatientPruner(ThresholdPruner(upper=2.5), patience=0), [9.0, 1.0, 2.0, 3.0]) == [3]

    def test_maximization_and_nan(self):
        state = StudyState.create(direction="maximize")
        assert stops_at(PatientPruner(None, patience=0), [1.0, 0.5], state) == [1]
        assert stops_at(PatientPruner(None, patience=0), [1.0, NAN, NAN]) == [1, 2]
        assert stops_at(PatientPruner(None, patience=0), [NAN, 1.0]) == []

    def test_options_are_checked(self):
        with pytest.raises(InvalidArgument, match="patience"):
            PatientPruner(None, -1)
        with pytest.raises(InvalidArgument, match="min_delta"):
            PatientPruner(None, 1, -0.1)
        with pytest.raises(InvalidType, match="pass an instance"):
            PatientPruner(NopPruner, 1)


class TestWilcoxon:
    def best(self, *reports, direction="minimize", value=0.0):
        return finished([*reports], direction=direction, values=[value])

    def test_a_trial_that_is_worse_on_every_instance_is_stopped_once_that_is_certain(self):
        state = self.best(*[1.0] * 8)
        assert stops_at(WilcoxonPruner(p_threshold=0.05), [2.0 + i for i in range(6)], state) == [4, 5]
        assert stops_at(WilcoxonPruner(p_threshold=0.2), [2.0 + i for i in range(6)], state) == [2, 3, 4, 5]

    def test_a_better_one_goes_on_in_both_directions(self):
        assert stops_at(WilcoxonPruner(), [0.5] * 8, self.best(*[1.0] * 8)) == []
        state = self.best(*[1.0] * 8, direction="maximize")
        assert stops_at(WilcoxonPruner(), [2.0 + i for i in range(8)], state) == []
        assert stops_at(WilcoxonPruner(), [0.5 - i for i in range(5)], state)[0] == 3

    def test_instances_that_the_best_trial_lacks_do_not_count(self):
        state = finished({0: 1.0, 7: 1.0}, values=[0.0])
        assert not stops(WilcoxonPruner(p_threshold=0.3), {step: 9.0 + step for step in range(1, 7)}, state)
        assert stops(WilcoxonPruner(p_threshold=0.3), {step: 9.0 + step for step in range(8)}, state)

    def test_one_that_is_better_on_average_goes_on(self):
        state = self.best(*[1.0] * 8)
        assert not stops(WilcoxonPruner(p_threshold=0.5), [1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, -99.0], state)

    def test_few_pairs_decide_nothing(self):
        state = self.best(*[1.0] * 8)
        assert stops_at(WilcoxonPruner(p_threshold=0.6, n_startup_steps=3), [2.0, 3.0, 4.0], state) == [2]

    def test_nan_is_the_worst_value_and_two_of_them_are_equal(self):
        state = self.best(*[1.0] * 6)
        assert stops(WilcoxonPruner(), [NAN] * 6, state)
        assert not stops(WilcoxonPruner(), [0.5] * 6, self.best(*[NAN] * 6))
        assert not stops(WilcoxonPruner(), [NAN] * 6, self.best(*[NAN] * 6))

    def test_without_a_best_trial_or_its_reports_nothing_is_decided(self):
        assert not stops(WilcoxonPruner(), [1.0] * 9)
        assert not stops(WilcoxonPruner(), [1.0] * 9, finished({}, values=[0.0]))

    @pytest.mark.parametrize("option", [{"p_threshold": -0.1}, {"p_threshold": 1.1}, {"n_startup_steps": -1}])
    def test_options_are_checked(self, option):
        with pytest.raises(InvalidArgument, match=next(iter(option))):
            WilcoxonPruner(**option)


class TestSuccessiveHalving:
    def test_the_first_trial_goes_on_and_a_worse_one_is_stopped(self):
        state, first = running(StudyState.create(), {1: 1.0})
        pruner = SuccessiveHalvingPruner(1, 2)
        assert decided(pruner, state, first) is Decision.CONTINUE
        assert [stops(pruner, {1: value}, state) for value in (0.9, 1.0, 1.1)] == [False, False, True]

    def test_one_in_so_many_goes_on(self):
        state = finished(*[{1: float(value)} for value in range(8)], outcome=TrialState.FAIL)
        pruner = SuccessiveHalvingPruner(1, 3)
        assert [stops(pruner, {1: value}, state) for value in (2.0, 2.5, 3.5)] == [False, True, True]

    def test_milestones_grow_by_the_factor(self):
        state = finished([0.0] * 100)
        assert stops_at(SuccessiveHalvingPruner(2, 3), [1.0] * 60, state) == [2, 6, 18, 54]
        assert stops_at(SuccessiveHalvingPruner(2, 3, 1), [1.0] * 60, state) == [6, 18, 54]

    def test_sparse_reports_are_judged_once_per_rung_and_never_late(self):
        state = finished({1: 0.0, 30: 0.0})  # no value at the rungs of 4 and 16 for factor 4: 30 counts for 16
        pruner = SuccessiveHalvingPruner(1, 4)
        assert stops_at(pruner, dict.fromkeys([2, 3, 5, 17, 40, 63], 1.0), state) == [2, 17]
        assert not stops(pruner, {5: 1.0}, state)

    def test_a_late_report_is_not_compared_with_earlier_ones_at_rungs_that_it_skipped(self):
        state = finished({1: 5.0}, {1: 5.0})
        state, late = running(state, {100: 9.0})
        assert decided(SuccessiveHalvingPruner(1, 2), state, late) is Decision.CONTINUE
        state = tell(state, late, 0.0)
        assert not stops(SuccessiveHalvingPruner(1, 2), {1: 4.0}, state)

    def test_running_and_paused_trials_count(self):
        state, _ = running(StudyState.create(), {1: 0.0})
        state, number = running(state, {1: 0.5})
        state = hpo.pause(state, number)
        assert stops(SuccessiveHalvingPruner(1, 3), {1: 0.7}, state)

    def test_nan_is_stopped_at_a_milestone_and_counts_as_the_worst(self):
        assert stops_at(SuccessiveHalvingPruner(2, 2), [NAN] * 5) == [2, 4]
        state = finished({1: NAN}, {1: NAN}, {1: NAN}, outcome=TrialState.PRUNED)
        state, _ = running(state, {1: 0.0})
        assert not stops(SuccessiveHalvingPruner(1, 2), {1: 1.0}, state)  # second of five, of which two go on

    def test_the_first_trials_at_a_rung_can_be_stopped_to_fill_it(self):
        pruner = SuccessiveHalvingPruner(1, 2, bootstrap_count=1)
        assert stops(pruner, {1: 1.0})
        state, _ = running(StudyState.create(), {1: 1.0})
        assert not stops(pruner, {1: 1.0}, state)

    def test_the_smallest_resource_can_be_learned_from_the_first_complete_trial(self):
        pruner = SuccessiveHalvingPruner(reduction_factor=2)
        assert stops_at(pruner, [NAN] * 9) == []
        assert stops_at(pruner, [NAN] * 9, finished([0.0] * 100)) == [1, 2, 4, 8]
        state = finished([0.0] * 301)
        assert stops_at(pruner, [NAN] * 9, state) == [3, 6]
        state, number = running(state, {9000: 0.0})
        assert stops_at(pruner, [NAN] * 9, tell(state, number, 0.0)) == [3, 6]  # later ones do not move the rungs

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"min_resource": 0}, InvalidArgument),
            ({"min_resource": "100"}, InvalidType),
            ({"reduction_factor": 1}, InvalidArgument),
            ({"min_early_stopping_rate": -1}, InvalidArgument),
            ({"min_resource": 1, "bootstrap_count": -1}, InvalidArgument),
            ({"bootstrap_count": 1}, InvalidArgument),
        ],
    )
    def test_options_are_checked(self, options, error):
        with pytest.raises(error):
            SuccessiveHalvingPruner(**options)


class TestHyperband:
    @pytest.mark.parametrize(
        ("least", "most", "factor", "n"), [(1, 100, 3, 5), (1, 243, 3, 6), (1, 81, 3, 5), (5, 5, 2, 1)]
    )
    def test_the_number_of_brackets(self, least, most, factor, n):
        assert HyperbandPruner(least, most, factor).n_brackets(StudyState.create()) == n

    def test_brackets_depend_on_the_seed_and_the_number_alone(self):
        pruner = HyperbandPruner(1, 27)
        one = [pruner.bracket(StudyState.create(seed=1, name="a"), n) for n in range(200)]
        assert one == [pruner.bracket(StudyState.create(seed=1, name="b"), n) for n in range(200)]
        assert one != [pruner.bracket(StudyState.create(seed=2, name="a"), n) for n in range(200)]
        counts = Counter(one)
        assert {*counts} == {0, 1, 2, 3}
        assert counts[0] > counts[1] > counts[2]  # 27, 12, 6 and 4 of 49

    def test_each_bracket_starts_at_its_own_rung_and_looks_at_its_own_trials(self):
        pruner = HyperbandPruner(1, 27)
        state = StudyState.create(seed=3)
        by_bracket = {}
        for number in range(40):
            state, trial = running(state, [0.0] * 28)
            state = tell(state, trial, 0.0)
            by_bracket.setdefault(pruner.bracket(state, number), []).append(number)
        for bracket in range(4):
            number = next(n for n in range(40, 400) if pruner.bracket(state, n) == bracket)
            later = state
            while later.n_trials < number:
                later, other = running(later, {})
                later = tell(later, other, state="fail")
            expected = [step for step in (1, 3, 9, 27) if step >= 3**bracket]
            assert stops_at(pruner, [1.0] * 28, later) == expected
            seen = pruner.seen_from(later, number)
            assert [t.number for t in seen.finished if t.state is TrialState.COMPLETE] == by_bracket[bracket]

    def test_nothing_is_stopped_before_the_largest_resource_is_known(self):
        pruner = HyperbandPruner()
        assert stops_at(pruner, [NAN] * 9) == []
        assert pruner.n_brackets(finished([0.0] * 27)) == 4

    def test_a_sampler_can_be_shown_its_bracket_alone(self):
        pruner = HyperbandPruner(1, 9)
        seen = []

        def looking(state, trial, space, key):
            seen.append((trial.number, [other.number for other in state.finished]))
            return SAMPLER(state, trial, space, key)

        study = hpo.create_study(sampler=BracketSampler(looking, pruner), pruner=pruner, seed=5)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=12)
        bracket = {n: pruner.bracket(study.state, n) for n in range(12)}
        for number, others in seen:
            assert others == [n for n in range(number) if bracket[n] == bracket[number]]

    def test_model_based_samplers_work_in_brackets_and_can_be_verified(self):
        pruner = HyperbandPruner(1, 9)
        sampler = BracketSampler(TPESampler(n_startup_trials=3), pruner)
        study = hpo.create_study(sampler=sampler, pruner=pruner, seed=5)

        def objective(trial):
            x = trial.suggest_float("x", -1, 1)
            for step in range(10):
                trial.report(x * x / (step + 1), step)
                if trial.should_prune():
                    raise hpo.TrialPruned
            return x * x

        study.optimize(objective, n_trials=40)
        assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}
        assert hpo.verify(study, sampler, pruner).clean

    def test_options_are_checked(self):
        for options in ({"min_resource": 0}, {"max_resource": 0}, {"min_resource": 9, "max_resource": 8}):
            with pytest.raises(InvalidArgument):
                HyperbandPruner(**options)
        with pytest.raises(InvalidArgument, match="bootstrap_count"):
            HyperbandPruner(bootstrap_count=1)
        with pytest.raises(InvalidType):
            HyperbandPruner(max_resource="all")
        with pytest.raises(InvalidType):
            BracketSampler(SAMPLER, NopPruner())


def always(decision):
    return lambda state, trial: Verdict(decision, {"rule": decision.value})


class TestCombinations:
    @pytest.mark.parametrize("one", [*Decision])
    @pytest.mark.parametrize("other", [*Decision])
    def test_any_takes_the_strongest_decision_and_all_the_weakest(self, one, other):
        strength = [Decision.CONTINUE, Decision.PAUSE, Decision.STOP]
        state, number = running(StudyState.create(), [1.0])
        pruners = always(one), always(other)
        assert decided(Any(*pruners), state, number) is max(one, other, key=strength.index)
        assert decided(All(*pruners), state, number) is min(one, other, key=strength.index)

    def test_the_reason_is_that_of_the_pruner_that_counts(self):
        state, number = running(StudyState.create(), [1.0])
        pruner = Any(always(Decision.CONTINUE), always(Decision.STOP))
        assert pruner(state, state.running[number]).reason == {"rule": "stop"}

    def test_a_combination_of_nothing_is_refused(self):
        for kind in (Any, All):
            with pytest.raises(InvalidType, match="at least one"):
                kind()
            with pytest.raises(InvalidType, match="pass an instance"):
                kind(NopPruner)

    def test_a_pruner_can_start_late(self):
        pruner = AfterStep(ThresholdPruner(upper=0.0), 3)
        assert stops_at(pruner, [1.0] * 5) == [3, 4]

    @pytest.mark.parametrize(
        "pruner",
        [
            Any(NopPruner(), ThresholdPruner(upper=1.0)),
            All(AfterStep(NopPruner(), 3), PatientPruner(HyperbandPruner(), 2)),
            PatientPruner(None, 2),
            ByMetric(RushPruner(SuccessiveHalvingPruner()), "loss"),
        ],
    )
    def test_combinations_are_rebuilt_from_what_the_journal_records(self, pruner):
        assert rebuild_advisor(hpo.core.identity_of(pruner)) == pruner


class TestMetrics:
    def study(self, pruner, **options):
        study = hpo.create_study(directions=["minimize", "maximize"], pruner=pruner, sampler=SAMPLER)
        study.set_metric_names(["loss", "accuracy"])
        for value in (1.0, 2.0, 3.0):
            trial = study.ask()
            trial.report({"loss": value, "accuracy": -value, "latency": 5.0}, 0)
            study.tell(trial, [value, -value])
        return study

    @pytest.mark.parametrize(("metric", "sign"), [("loss", 1.0), ("accuracy", -1.0)])
    def test_a_rule_of_one_objective_is_applied_to_a_metric(self, metric, sign):
        study = self.study(ByMetric(hpo.pruners.MedianPruner(0), metric))
        for value, expected in ((1.9, False), (2.1, True)):
            trial = study.ask()
            trial.report({metric: sign * value}, 0)
            assert trial.should_prune() is expected
            assert trial.ask_pruner().reason["metric"] == metric

    def test_a_metric_that_is_no_objective_is_minimized_unless_told_otherwise(self):
        for direction, values in ((None, (4.0, 6.0)), ("maximize", (6.0, 4.0))):
            study = self.study(ByMetric(hpo.pruners.MedianPruner(0), "latency", direction))
            for value, expected in zip(values, (False, True), strict=True):
                trial = study.ask()
                trial.report({"latency": value}, 0)
                assert trial.should_prune() is expected

    def test_trials_without_the_metric_go_on(self):
        study = self.study(ByMetric(ThresholdPruner(upper=0.0), "memory"))
        trial = study.ask()
        trial.report({"loss": 9.0}, 0)
        assert not trial.should_prune()

    def test_pruners_of_one_objective_refuse_several(self):
        state, trial = ask(StudyState.create(directions=["minimize"] * 2), SAMPLER)
        for pruner in (PercentilePruner(50), ThresholdPruner(1.0), SuccessiveHalvingPruner(), HyperbandPruner()):
            with pytest.raises(SeveralObjectives, match="ByMetric"):
                pruner(state, trial)


class TestRush:
    def test_only_an_enqueued_trial_that_went_on_sets_a_hurdle(self):
        study = hpo.create_study(pruner=RushPruner(NopPruner()), sampler=SAMPLER)
        study.enqueue_trial({"x": 1})
        good, other = study.ask(), study.ask()
        good.report(1.0, 1)
        other.report(2.0, 1)
        assert not other.should_prune()  # the enqueued trial may still be stopped at this very rung
        good.report(1.0, 2)
        assert other.should_prune()
        assert not good.should_prune()
        third = study.ask()
        third.report(1.0, 1)
        assert not third.should_prune()  # equal to the hurdle is good enough

    def test_a_stopped_one_sets_none(self):
        study = hpo.create_study(pruner=RushPruner(NopPruner()), sampler=SAMPLER)
        study.enqueue_trial({"x": 1})
        good = study.ask()
        good.report(1.0, 1)
        study.tell(good, state="pruned")
        other = study.ask()
        other.report(2.0, 1)
        assert not other.should_prune()

    def test_the_other_pruner_decides_too(self):
        assert stops(RushPruner(ThresholdPruner(upper=1.0)), {1: 2.0})
