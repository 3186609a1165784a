"""Optimization history and slices, as data: which trials are in which layer, and where."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from studies import STUDIES, lively, study_of, trial_with

import hpo
from hpo import CategoricalDistribution, create_trial
from hpo.errors import InvalidArgument, InvalidType
from hpo.visualization.data import optimization_history, slices


def layers_of(panel):
    return {layer.role: layer for layer in panel.layers}


def numbers_in(panel):
    return sorted(
        int(n) for layer in panel.layers if layer.role != "best" and layer.number is not None for n in layer.number
    )


def test_every_trial_is_in_the_layer_of_its_state():
    study = lively()
    for panel in (optimization_history(study).panels[0], *slices(study).panels):
        assert numbers_in(panel) == [trial.number for trial in study.trials]
        layers = layers_of(panel)
        for role, state in (("failed", "fail"), ("pruned", "pruned"), ("running", "running"), ("waiting", "waiting")):
            assert layers[role].number.tolist() == [t.number for t in study.get_trials(states=[state])]
        infeasible = [t.number for t in study.get_trials(states=["complete"]) if not t.feasible]
        assert layers["infeasible"].number.tolist() == infeasible


def test_the_best_line_starts_with_the_first_feasible_trial_and_ends_at_the_best_value():
    for direction, expected in (("minimize", [4.0, 4.0, 2.0]), ("maximize", [4.0, 5.0, 5.0])):
        trials = [create_trial(value=9.0, constraints={"c": 1.0})] + [create_trial(value=v) for v in (4.0, 5.0, 2.0)]
        study = study_of(trials, direction=direction)
        line = layers_of(optimization_history(study).panels[0])["best so far"]
        assert line.mark == "steps"
        assert line.x.tolist() == [1.0, 2.0, 3.0]
        assert line.y.tolist() == expected
        assert line.y[-1] == study.best_value


def test_a_target_has_a_best_line_if_its_direction_is_known():
    study = study_of([trial_with(1.0, x=x) for x in (2.0, -1.0)])
    target = {"target": lambda trial: trial.params["x"], "target_name": "x squared"}
    assert "best so far" not in layers_of(optimization_history(study, **target).panels[0])
    panel = optimization_history(study, **target, direction="maximize").panels[0]
    assert layers_of(panel)["best so far"].y.tolist() == [2.0, 2.0]
    assert panel.y.title == "x squared"


def test_values_without_a_place_stand_in_the_margin():
    study = STUDIES["infinite"]()
    plot = optimization_history(study)
    points = layers_of(plot.panels[0])["complete"]
    low, high = plot.panels[0].y.range
    assert points.y[0] == points.y[3] == max(points.y) < high
    assert points.y[1] == points.y[4] == min(points.y) > low
    assert points.y[2] == 1.0
    assert plot.notes == ("4 values that are not finite are at the edge.",)


def test_the_best_of_many_trials_is_always_drawn():
    rng = np.random.default_rng(3)
    values = (rng.random(8_000) + 1.0).tolist()
    values[5_432] = 0.999
    study = study_of([create_trial(value=value) for value in values])
    plot = optimization_history(study)
    layers = layers_of(plot.panels[0])
    assert 5_432 in layers["complete"].number
    assert layers["best"].number.tolist() == [5_432]
    drawn = len(layers["complete"])
    assert drawn <= 5_000
    assert plot.notes == (f"{drawn:,} of 8,000 trials drawn: of those in one place the best.",)
    line = layers["best so far"]
    assert line.y[-1] == 0.999
    assert line.x[-1] == 7_999


def test_several_studies_have_a_series_each_and_more_than_six_a_mean():
    studies = {f"seed {seed}": study_of([create_trial(value=v + seed) for v in (3.0, 1.0, 2.0)]) for seed in range(3)}
    panel = optimization_history(studies).panels[0]
    assert [(x.name, x.role) for x in panel.layers if x.mark == "steps"] == [
        (f"seed {seed}", f"series {seed}") for seed in range(3)
    ]
    mean = optimization_history([*studies.values()], error_bar=True)
    layers = layers_of(mean.panels[0])
    assert layers["series 0"].y.tolist() == pytest.approx([4.0, 2.0, 3.0])
    assert (layers["series 0"].high - layers["series 0"].y).tolist() == pytest.approx([np.std([0, 1, 2])] * 3)
    assert layers["best so far"].y.tolist() == pytest.approx([4.0, 2.0, 2.0])
    assert layers["interval 1"].low.tolist() == pytest.approx([3.0, 1.0, 1.0])
    assert layers["interval 1"].high.tolist() == pytest.approx([5.0, 3.0, 3.0])
    many = optimization_history([*studies.values()] * 3)
    assert many.notes[0] == "Means of 9 studies."


def test_several_objectives_have_a_panel_each():
    study = lively(20, directions=["minimize", "maximize"])
    study.set_metric_names(["loss", "speed"])
    panels = optimization_history(study).panels
    assert [panel.y.title for panel in panels] == ["loss", "speed"]
    assert [panel.y.title for panel in slices(study, ["x", "lr"]).panels] == ["loss", "loss", "speed", "speed"]


def test_a_log_axis_has_what_is_not_positive_at_its_low_end():
    study = study_of([create_trial(value=value) for value in (1.0, 100.0, 0.0, -5.0)])
    axis = optimization_history(study, log=True).panels[0].y
    assert axis.scale == "log"
    assert axis.range[0] > 0
    points = layers_of(optimization_history(study, log=True).panels[0])["complete"]
    assert points.y[:2].tolist() == [1.0, 100.0]
    assert points.y[2] == points.y[3] < 1.0


@pytest.mark.parametrize("values", [(5e-324, 1.0), (1e-300, 1e-299), (5e-324, 5e-324), (1e-90, 1e99)])
def test_a_log_axis_of_extreme_numbers_has_two_ends_above_zero(values):
    space = {"x": hpo.FloatDistribution(5e-324, 1e300, log=True)}
    (panel,) = slices(study_of([trial_with(1.0, space, x=x) for x in values])).panels
    low, high = panel.x.range
    assert low < high
    assert panel.x.scale != "log" or low > 0
    points = layers_of(panel)["complete"].x
    assert all(low <= x <= high for x in points)
    assert points[0] <= points[1], "too small a number stands at the low end"


def test_slices_show_trials_without_the_parameter_under_not_set():
    study = lively()
    panel = next(panel for panel in slices(study).panels if panel.x.title == "momentum")
    position, text = panel.x.ticks[0]
    assert text == "not set"
    without = {trial.number for trial in study.trials if "momentum" not in trial.params}
    for layer in panel.layers:
        for x, number in zip(layer.x, layer.number, strict=True):
            assert (x == position) == (number in without)


def test_choices_stay_distinct_and_in_their_order():
    (panel,) = slices(STUDIES["alike choices"]()).panels
    texts = [text for _, text in panel.x.ticks]
    assert texts == ["1", "'1'", "None", "'None'", "True", "1.0", "''", "'not set'"]
    assert layers_of(panel)["complete"].x.tolist() == [*range(8)]


def test_long_choices_that_are_cut_alike_stay_distinct():
    space = {"c": CategoricalDistribution(["a" * 50 + "1", "a" * 50 + "2"])}
    (panel,) = slices(study_of([trial_with(1.0, space, c=space["c"].choices[0])])).panels
    texts = [text for _, text in panel.x.ticks]
    assert len({*texts}) == 2


def test_a_parameter_that_was_log_and_linear_is_drawn_on_an_axis_that_shows_all():
    (panel,) = slices(STUDIES["changed ranges"]()).panels
    assert panel.x.scale == "category", "it was categorical once"
    space = {"x": hpo.FloatDistribution(1e-3, 1, log=True)}
    zero = trial_with(1.0, {"x": hpo.FloatDistribution(0, 1)}, x=0.0)
    assert slices(study_of([trial_with(1.0, space, x=0.1)])).panels[0].x.scale == "log"
    assert slices(study_of([zero, trial_with(1.0, space, x=0.1)])).panels[0].x.scale == "linear"


def test_slices_draw_what_a_model_says():
    study = lively(20)
    calls = []

    class Said:
        mean, deviation = 2.0, 0.5

    def predict(many):
        calls.extend(many)
        return [(Said(),) for _ in many]

    panel = slices(study, ["x"], predict=predict).panels[0]
    layers = layers_of(panel)
    assert {*layers["model"].y} == {2.0}
    assert {*layers["model interval"].low} == {1.0}
    best = dict(study.best_trial.params)
    assert all({**call, "x": best["x"]} == best for call in calls)


def test_the_posterior_of_the_gaussian_process_is_drawn_under_slices():
    study = study_of([trial_with(x * x, x=x) for x in np.linspace(-5, 5, 11).tolist()])
    layers = layers_of(slices(study, predict=True).panels[0])
    near_zero = abs(layers["model"].x) < 1e-9
    assert abs(layers["model"].y[near_zero]) < 1.0


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ({"last": 2}, [2, 3]),
        ({"top": 2}, [1, 3]),
        ({"trials": [0, 3]}, [0, 3]),
        ({"states": ["complete"]}, [0, 1, 3]),
        ({"states": ["complete"], "last": 1}, [3]),
    ],
)
def test_trials_are_selected(select, expected):
    study = study_of([create_trial(value=3.0), create_trial(value=1.0), create_trial(state=hpo.TrialState.FAIL)])
    study.add_trial(create_trial(value=2.0))
    plot = optimization_history(study, **select)
    assert numbers_in(plot.panels[0]) == expected
    assert plot.notes[-1].startswith(f"{4 - len(expected)} trial")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"last": 0}, InvalidArgument, "last is a number of trials of at least 1, got 0"),
        ({"top": "x"}, InvalidType, "top is a number of trials, got 'x'"),
        ({"trials": "12"}, InvalidType, "trials is a collection of numbers, got '12'"),
        ({"target": 3}, InvalidType, "target is a function of a trial, got 3"),
        ({"target": lambda trial: "y"}, InvalidType, "target returns a number, got 'y' for trial 0"),
        ({"direction": "up"}, InvalidArgument, "'minimize' or 'maximize', got 'up'"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    study = study_of([create_trial(value=3.0)])
    with pytest.raises(error, match=message):
        optimization_history(study, **arguments)


def test_unknown_parameters_are_named():
    study = study_of([trial_with(1.0, x=1.0)])
    with pytest.raises(InvalidArgument, match="no trial has a parameter 'y'; there are 'x'"):
        slices(study, ["y"])
    with pytest.raises(InvalidType, match="params is a sequence of names, got 'x'"):
        slices(study, "x")


def test_plots_with_nothing_to_draw_say_so():
    study = hpo.create_study()
    assert optimization_history(study).sentence == "There is nothing to draw yet: the study has no trials."
    assert optimization_history([]).sentence == "There is nothing to draw: no study was given."
    failed = study_of([create_trial(state=hpo.TrialState.FAIL)])
    assert optimization_history(failed).notes == ("No trial is complete yet.",)
    assert optimization_history(failed, trials=[5]).sentence == "There is nothing to draw: no trial was selected."
    assert slices(failed).sentence == "There is nothing to draw: no trial has a parameter."


def test_hover_texts_name_the_trial_its_value_and_its_parameters():
    (panel,) = slices(study_of([trial_with(0.5, x=2.0)])).panels
    assert layers_of(panel)["complete"].text == ("trial 0 (complete)\nObjective Value 0.5\nx 2",)


def test_a_best_line_over_infinities_stays_on_the_axis():
    study = study_of([create_trial(value=value) for value in (math.inf, 3.0, -math.inf)])
    panel = optimization_history(study).panels[0]
    line = layers_of(panel)["best so far"]
    assert line.y.tolist() == [panel.y.range[1], 3.0, panel.y.range[0]]
