"""What each kind of plot shows, as data, and that Optuna shows the same of the same trials."""

import math
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from studies import STUDIES, lively, study_of, trial_with

import hpo
from hpo import CategoricalDistribution, FloatDistribution, create_trial
from hpo.errors import InvalidArgument, InvalidType
from hpo.visualization import data


def layers_of(panel):
    return {layer.name or layer.mark: layer for layer in panel.layers}


@pytest.fixture(scope="module")
def study():
    return lively()


@pytest.fixture(scope="module")
def two():
    return lively(40, directions=["minimize", "maximize"])


@pytest.fixture(scope="module")
def optuna():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = pytest.importorskip("optuna")
    package.logging.set_verbosity(package.logging.ERROR)
    return package


def as_optuna(optuna, study):
    """The finished trials of a study, told to one of Optuna."""
    directions = [str(direction.value) for direction in study.directions]
    other = optuna.create_study(directions=directions)
    kinds = {kind.__name__: kind for kind in vars(optuna.distributions).values() if isinstance(kind, type)}
    for trial in study.trials:
        distributions = {
            name: kinds[type(d).__name__](**{field: getattr(d, field) for field in d.__struct_fields__})
            for name, d in trial.distributions.items()
        }
        made = optuna.trial.create_trial(
            state=getattr(optuna.trial.TrialState, trial.state.name),
            values=trial.values,
            params=dict(trial.params),
            distributions=distributions,
            intermediate_values=dict(trial.intermediate_values),
            system_attrs={"constraints": list(trial.constraints.values()) or [0.0]},
        )
        if trial.state.is_finished():
            other.add_trial(made)
    return other


def test_edf_shows_the_values_of_optuna(optuna):
    study = study_of([create_trial(value=value) for value in np.random.default_rng(1).random(50).tolist()])
    (layer,) = data.edf(study).panels[0].layers
    figure = optuna.visualization.plot_edf(as_optuna(optuna, study))
    x, y = (np.array(figure.data[0][side], dtype=float) for side in "xy")
    ours = np.append(0.0, layer.y)[np.searchsorted(layer.x, x, side="right")]
    assert ours.tolist() == pytest.approx(y.tolist())


def test_edf_of_infeasible_and_unfinished_trials(study):
    plot = data.edf(study)
    layers = layers_of(plot.panels[0])
    complete = [t for t in study.trials if t.state is hpo.TrialState.COMPLETE]
    feasible = [t.value for t in complete if t.feasible]
    assert layers["complete"].x.tolist() == sorted(feasible)
    assert layers["with infeasible trials"].x.tolist() == sorted(t.value for t in complete)
    assert plot.notes[0].startswith("Not drawn: ")
    assert "failed" in plot.notes[0]


def test_the_front_and_the_hypervolume_are_those_of_optuna(optuna, two):
    other = as_optuna(optuna, two)
    by_values = {trial.values: trial.number for trial in two.trials if trial.values}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = {by_values[tuple(trial.values)] for trial in other.best_trials}
        history = optuna.visualization.plot_hypervolume_history(other, [40.0, -9.0])
    front = layers_of(data.pareto_front(two).panels[0])["Pareto front"]
    assert {*front.number} == theirs == {trial.number for trial in two.best_trials}
    finished = [trial for trial in two.trials if trial.state.is_finished()]
    line = data.hypervolume_history(two, [40.0, -9.0]).panels[0].layers[0]
    expected = {finished[int(x)].number: y for x, y in zip(history.data[0].x, history.data[0].y, strict=True)}
    ours = dict(zip(line.x.tolist(), line.y.tolist(), strict=True))
    common = [number for number in expected if number in ours]
    assert len(common) > 20
    assert [ours[n] for n in common] == pytest.approx([expected[n] for n in common])


def test_the_default_reference_point_is_said(two):
    values = np.array([t.values for t in two.trials if t.state is hpo.TrialState.COMPLETE and t.feasible])
    worst = values[:, 0].max() + 0.1 * np.ptp(values[:, 0])
    note = data.hypervolume_history(two).notes[0]
    assert note.startswith(f"Reference point: Objective 0 {worst:.4g}, Objective 1 ")


def test_three_objectives_are_in_space_and_four_in_pairs():
    three = data.pareto_front(lively(20, directions=["minimize"] * 3))
    assert [panel.z.title for panel in three.panels] == ["Objective 2"]
    four = data.pareto_front(STUDIES["four objectives"]())
    assert len(four.panels) == 6
    names = data.pareto_front(lively(9, directions=["minimize"] * 2), target_names=["a", "b"])
    assert (names.panels[0].x.title, names.panels[0].y.title) == ("a", "b")


def test_fronts_need_two_objectives_and_names_for_each(study, two):
    assert data.pareto_front(study).sentence == "There is nothing to draw: a Pareto front needs two objectives."
    with pytest.raises(InvalidArgument, match=r"one name for each of 2 objectives, got \['a'\]"):
        data.pareto_front(two, target_names=["a"])
    with pytest.raises(InvalidArgument, match="a finite number for each of 2 objectives"):
        data.hypervolume_history(two, [1.0])
    with pytest.raises(InvalidType, match="a sequence of numbers, got 'ab'"):
        data.hypervolume_history(two, "ab")


def test_dominated_trials_can_be_left_out_and_are_counted(two):
    plot = data.pareto_front(two, include_dominated_trials=False)
    assert {layer.name for layer in plot.panels[0].layers} == {"bound of the front", "Pareto front"}
    assert any(note.endswith("dominated trials not drawn.") for note in plot.notes)


def test_a_function_may_say_which_trials_are_feasible(two):
    plot = data.pareto_front(two, constraints_func=lambda trial: [trial.params["x"]])
    layers = layers_of(plot.panels[0])
    complete = [t for t in two.trials if t.state is hpo.TrialState.COMPLETE]
    assert layers["infeasible"].number.tolist() == [t.number for t in complete if t.params["x"] > 0]
    assert all(two.trials[int(n)].params["x"] <= 0 for n in layers["Pareto front"].number)
    with pytest.raises(InvalidType, match="a sequence of numbers, got 3"):
        data.pareto_front(two, constraints_func=lambda trial: 3)


def test_targets_of_a_front_may_be_anything(two):
    plot = data.pareto_front(two, targets=lambda trial: (trial.params["x"], trial.params["layers"]))
    front = layers_of(plot.panels[0])["Pareto front"]
    assert front.x.tolist() == [two.trials[int(n)].params["x"] for n in front.number]


def test_ranks_share_their_mean_and_leave_out_infeasible_trials():
    values = [(3.0, 0.0), (1.0, 0.0), (3.0, 0.0), (0.0, 1.0)]
    space = {"x": FloatDistribution(0, 9), "y": FloatDistribution(0, 9)}
    trials = [
        create_trial(value=v, constraints={"c": c}, params={"x": float(i), "y": 1.0}, distributions=space)
        for i, (v, c) in enumerate(values)
    ]
    layers = layers_of(data.rank(study_of(trials)).panels[0])
    assert layers["complete"].color.tolist() == [2.5, 1.0, 2.5]
    assert layers["infeasible"].number.tolist() == [3.0]
    assert layers["infeasible"].color is None


def test_trials_without_a_rank_are_drawn_in_the_colour_of_their_state():
    study = study_of([trial_with(1.0, x=1.0, lr=1e-3), trial_with(2.0, x=2.0, lr=1e-3)])
    plot = data.rank(study, target=lambda trial: math.nan if trial.number else 1.0)
    points = [layer for layer in plot.panels[0].layers if layer.role == "complete"]
    assert [(layer.number.tolist(), layer.color is None) for layer in points] == [([0.0], False), ([1.0], True)]


def test_each_cell_of_a_contour_has_its_best_value():
    rng = np.random.default_rng(2)
    points = rng.random((300, 2))
    space = {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}
    trials = [trial_with(float(x - y), space, x=float(x), y=float(y)) for x, y in points]
    for direction, best in (("minimize", np.min), ("maximize", np.max)):
        plot = data.contour(study_of(trials, direction=direction))
        cells = layers_of(plot.panels[0])["cells"]
        grid = cells.color.reshape(len(cells.y) - 1, len(cells.x) - 1)
        for row, column in ((0, 0), (3, 7), (len(grid) - 1, 5)):
            inside = (points[:, 0] >= cells.x[column]) & (points[:, 0] < cells.x[column + 1])
            inside &= (points[:, 1] >= cells.y[row]) & (points[:, 1] < cells.y[row + 1])
            values = (points[:, 0] - points[:, 1])[inside]
            assert grid[row, column] == (best(values) if len(values) else pytest.approx(math.nan, nan_ok=True))
        assert plot.color.reverse == (direction == "maximize")


def test_contours_show_conditional_and_categorical_parameters(study):
    (panel,) = data.contour(study, ["kind", "momentum"]).panels
    assert panel.x.scale == "category"
    assert panel.y.ticks[0][1] == "not set"
    shown = sorted(
        int(n) for layer in panel.layers if layer.mark == "points" and layer.name != "best" for n in layer.number
    )
    assert shown == [trial.number for trial in study.trials]


def test_one_parameter_has_the_trial_as_its_other_axis(study):
    for plot in (data.contour(study, ["x"]), data.rank(study, ["x"])):
        assert [(panel.x.title, panel.y.title) for panel in plot.panels] == [("x", "Trial")]


def test_a_model_takes_the_place_of_the_best_values():
    study = study_of([trial_with(x * x, x=x, lr=1e-3) for x in (-4.0, 0.5, 2.0)])

    class Said:
        deviation = 0.0

        def __init__(self, mean):
            self.mean = mean

    plot = data.contour(study, predict=lambda many: [(Said(params["x"]),) for params in many])
    cells = layers_of(plot.panels[0])["cells"]
    middle = (cells.x[1:] + cells.x[:-1]) / 2
    assert cells.color[: len(middle)].tolist() == pytest.approx(middle.tolist())


def test_the_model_of_the_study_is_drawn_where_it_has_one(study):
    cells = layers_of(data.contour(study, ["x", "layers"], predict=True).panels[0])["cells"]
    grid = cells.color.reshape(len(cells.y) - 1, len(cells.x) - 1)
    assert np.isfinite(grid).all()
    assert grid.mean(axis=0).argmin() in range(5, 10), "the best x is near 0"
    note = "The model can't predict anything yet."
    failed = study_of(
        [create_trial(state=hpo.TrialState.FAIL, params={"x": 1.0}, distributions={"x": FloatDistribution(0, 1)})]
    )
    for plot in (data.contour(failed, predict=True), data.slices(failed, predict=True)):
        assert note in plot.notes
    with pytest.raises(InvalidType, match="predict is True for a study, or a function"):
        data.slices(study.state, predict=True)


def test_learning_curves_are_lines_with_gaps_that_end_where_trials_were_pruned(study):
    layers = layers_of(data.intermediate_values(study).panels[0])
    for role, state in (("pruned", "pruned"), ("complete", "complete")):
        line = next(x for x in data.intermediate_values(study).panels[0].layers if x.name == role and x.mark == "line")
        numbers = {int(n) for n in line.number if n == n}
        expected = {t.number for t in study.get_trials(states=[state]) if t.feasible}
        assert numbers == expected
        assert np.isnan(line.x).sum() == len(expected)
    ends = next(x for x in data.intermediate_values(study).panels[0].layers if x.role == "pruned")
    assert {*ends.x} == {2.0}
    median = layers["median of complete trials"]
    complete = [t for t in study.get_trials(states=["complete"]) if t.feasible]
    at_three = sorted(t.intermediate_values[3] for t in complete)
    assert median.y[3] == at_three[round(0.5 * (len(at_three) - 1))]


def test_reports_by_name_have_a_panel_each():
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
    trial = study.ask()
    for step in range(3):
        trial.report({"loss": 3.0 - step, "accuracy": 0.1 * step}, step)
    study.tell(trial, 1.0)
    panels = data.intermediate_values(study).panels
    assert {panel.title for panel in panels} >= {"loss", "accuracy"}
    accuracy = next(panel for panel in panels if panel.title == "accuracy")
    assert accuracy.layers[0].y[:3].tolist() == pytest.approx([0.0, 0.1, 0.2])


def test_of_many_curves_some_are_drawn_the_best_among_them():
    def trials():
        for place in range(900):
            value = 0.0 if place == 451 else 1.0 + place
            yield create_trial(value=value, intermediate_values={0: value + 1.0, 1: value})

    plot = data.intermediate_values(study_of(trials()))
    assert plot.notes[0] == "300 of 900 curves drawn: the best, and others at even distances."
    assert {*layers_of(plot.panels[0])["best"].number[:-1]} == {451.0}


def test_the_audit_shows_the_limits_and_what_would_have_been():
    def curve(params):
        return [params["x"] + 1 / step for step in range(1, 8)]

    study = hpo.create_study(
        sampler=hpo.samplers.RandomSampler(), pruner=hpo.pruners.MedianPruner(n_startup_trials=3), seed=2
    )

    def objective(trial):
        trial.suggest_float("x", 0, 1)
        for step, value in enumerate(curve(trial.params)):
            trial.report(value, step)
            if trial.should_prune():
                raise hpo.TrialPruned
        return value

    study.optimize(objective, n_trials=20)
    pruned = study.get_trials(states=["pruned"])
    plot = data.pruning_audit(study, curves=curve)
    layers = {(layer.name, layer.mark): layer for layer in plot.panels[0].layers}
    assert plot.notes[0] == f"Stopped by median {len(pruned)}."
    assert layers["pruned", "points"].number.tolist() == [trial.number for trial in pruned]
    limits = layers["limit", "points"]
    assert limits.number.tolist() == [trial.number for trial in pruned]
    assert (layers["pruned", "points"].y >= limits.y - 1e-4).all(), "they were worse than the limit"
    ahead = layers["without pruning", "line"]
    assert np.isnan(ahead.x).sum() == len(pruned)
    assert curve(pruned[0].params)[-1] in ahead.y


def test_parallel_coordinates_draw_each_trial_once(study):
    (panel,) = data.parallel_coordinate(study).panels
    numbers = [
        sorted({int(n) for n in layer.number if n == n})
        for layer in panel.layers
        if layer.mark == "line" and layer.name != "best"
    ]
    assert sorted(n for group in numbers for n in group) == [trial.number for trial in study.trials]
    best = layers_of(panel)["best"]
    assert {*best.number[:-1]} == {study.best_trial.number}
    texts = next(layer for layer in panel.layers if layer.mark == "labels").text
    assert {"adam", "sgd", "None", "not set"} <= {*texts}


def test_the_best_fifth_are_the_best(study):
    complete = sorted((t for t in study.get_trials(states=["complete"]) if t.feasible), key=lambda t: t.value)
    layer = layers_of(data.parallel_coordinate(study).panels[0])["best fifth"]
    numbers = {int(n) for n in layer.number if n == n}
    assert numbers == {trial.number for trial in complete[: len(numbers)]}
    assert abs(len(numbers) - len(complete) / 5) <= 1


def test_importances_are_those_of_the_evaluator(study):
    found = hpo.importance.importances(study)
    plot = data.param_importances(study)
    bars = {
        text: (x, low, high)
        for layer in plot.panels[0].layers
        for x, y, low, high in zip(layer.x, layer.y, layer.low, layer.high, strict=True)
        for text in [dict(plot.panels[0].y.ticks)[y]]
    }
    assert {name: x for name, (x, _, _) in bars.items()} == pytest.approx(found.shares())
    for name, (_, low, high) in bars.items():
        assert (low, high) == pytest.approx((min(found[name].share_low, found[name].share), found[name].share_high))
    assert f"{found.n_trials} trials." in plot.notes[0]


def test_importances_of_several_objectives_have_a_panel_each(two):
    assert [panel.title for panel in data.param_importances(two).panels] == ["Objective Value 0", "Objective Value 1"]


def test_importances_by_an_evaluator_of_another_library(study):
    class Theirs:
        def evaluate(self, study, params=None, *, target=None):
            return {"x": 0.75, "lr": 0.25}

    (panel,) = data.param_importances(study, Theirs()).panels
    assert [text for _, text in panel.y.ticks] == ["lr", "x"]


def test_why_has_a_lane_for_each_rule():
    study = hpo.create_study(sampler=hpo.samplers.TPESampler(n_startup_trials=3), seed=1)
    study.enqueue_trial({"x": 0.5})
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=8)
    above, below = data.why(study).panels
    assert [text for _, text in above.y.ticks] == ["enqueued", "startup", "model"]
    noted = {t.number: t.note["acquisition"] for t in study.trials if "acquisition" in t.note}
    layer = layers_of(below)["complete"]
    assert dict(zip(layer.number.astype(int).tolist(), layer.y.tolist(), strict=True)) == pytest.approx(noted)


def test_lineage_joins_retries_and_forks():
    study = study_of([create_trial(state=hpo.TrialState.FAIL), create_trial(value=1.0)])
    study.add_trial(create_trial(value=2.0, user_attrs={"retried_from": 0, "retry": 1}))
    plot = data.lineage(study)
    lines = layers_of(plot.panels[0])["comes from"]
    assert lines.x.tolist()[:2] == [0.0, 2.0]
    assert plot.notes[:2] == ("1 trial of 3 from another one.", "1 trial without relatives not drawn.")


def worked():
    state = hpo.StudyState.create()
    sampler = hpo.samplers.RandomSampler()
    for start, end, worker in ((0.0, 60.0, "ann"), (30.0, 90.0, "bob"), (60.0, 120.0, "ann")):
        state, trial = hpo.ask(state, sampler, worker=worker, at=start)
        state = hpo.tell(state, trial.number, 1.0, at=end)
    return state


def test_the_timeline_shows_each_trial_and_how_many_ran():
    above, below = data.timeline(worked()).panels
    spans = layers_of(above)["complete"]
    assert spans.low.tolist() == [0.0, 30.0, 60.0] or spans.low.tolist() == [0.0, 0.5, 1.0]
    assert spans.y.tolist() == [0.0, 1.0, 2.0]
    (running,) = below.layers
    assert max(running.y) == 2.0
    assert running.y[-1] == 0.0
    assert len(layers_of(data.timeline(worked(), n_recent_trials=1).panels[0])["complete"]) == 1


def test_utilisation_says_how_busy_each_worker_was():
    panel = data.utilisation(worked()).panels[0]
    assert [text for _, text in panel.y.ticks] == ["bob: 50% busy", "ann: 100% busy"]


def test_the_room_for_improvement_is_what_was_gained():
    study = study_of([create_trial(value=value) for value in (9.0, 5.0, 5.0, 4.0)])
    line = data.terminator_improvement(study, min_n_trials=1).panels[0].layers[0]
    assert line.y.tolist() == [4.0, 0.0, 1.0]


def test_evaluators_of_terminators_are_asked_for_each_prefix():
    study = study_of([create_trial(value=float(value)) for value in range(5)])

    class Counts:
        def evaluate(self, trials, study_direction):
            return len(trials) * 1.5

    plot = data.terminator_improvement(study, plot_error=True, improvement_evaluator=Counts(), error_evaluator=Counts())
    assert layers_of(plot.panels[0])["error"].y.tolist() == [1.5, 3.0, 4.5, 6.0, 7.5]
    with pytest.raises(InvalidType, match="has a method evaluate"):
        data.terminator_improvement(study, improvement_evaluator=3)
    with pytest.raises(InvalidArgument, match="at least 1, got 0"):
        data.terminator_improvement(study, min_n_trials=0)


def test_a_study_with_more_parameters_than_have_room_says_so():
    wide = STUDIES["300 parameters"]()
    assert "288 parameters not shown: choose with params." in data.slices(wide).notes
    assert "295 parameters not shown: choose with params." in data.rank(wide).notes
    assert len(data.rank(wide).panels) == 10
    assert data.slices(wide, ["p299"]).panels[0].x.title == "p299"


def test_slices_of_optuna_have_the_same_points(optuna):
    space = {"x": FloatDistribution(0, 1), "c": CategoricalDistribution(["a", "b"])}
    rng = np.random.default_rng(5)
    study = study_of([trial_with(float(x), space, x=float(x), c="ab"[int(x > 0.5)]) for x in rng.random(30)])
    figure = optuna.visualization.plot_slice(as_optuna(optuna, study))
    panel = next(panel for panel in data.slices(study).panels if panel.x.title == "x")
    layer = layers_of(panel)["complete"]
    theirs = [trace for trace in figure.data if isinstance(trace.x[0], float)]
    assert sorted(zip(theirs[0].x, theirs[0].y, strict=True)) == sorted(zip(layer.x, layer.y, strict=True))


def test_calls_in_the_way_of_early_versions_of_optuna_still_work(study):
    for room in (hpo.visualization, hpo.visualization.matplotlib):
        assert room.is_available() is True
    show = hpo.visualization
    figures = [
        show.plot_contour(study, ["x", "lr"]),
        show.plot_contour(study, params=["x", "lr"]),
        show.plot_edf([study, study]),
        show.plot_edf(study),
        show.plot_intermediate_values(study),
        show.plot_optimization_history(study),
        show.plot_parallel_coordinate(study, ["x", "kind"]),
        show.plot_param_importances(study, None, ["x", "lr"]),
        show.plot_slice(study, ["x"]),
    ]
    assert {type(figure).__module__ for figure in figures} == {"plotly.graph_objs._figure"}
    assert all(figure.data for figure in figures)
