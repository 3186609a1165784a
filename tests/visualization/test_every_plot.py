"""What every plot promises: a figure of any study, nothing that is silently left out, and nothing that grows with it."""

import importlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

sys.path.insert(0, str(Path(__file__).parent))
from studies import STUDIES, lively, study_of, trial_with

import hpo
from hpo.visualization import data, to_matplotlib, to_plotly
from hpo.visualization.data.parts.styles import STYLES
from hpo.visualization.renderers.plotly_figure import plotly_document

PLOTS = data.PLOTS
OF_TRIALS = [kind for kind in PLOTS if kind != "param_importances"]
MANY = 12_000
FIGURES = ("empty", "infinite", "alike choices", "hostile names", "lively", "two objectives")


@pytest.fixture(scope="module")
def made():
    kept = {}
    return lambda name: kept[name] if name in kept else kept.setdefault(name, STUDIES[name]())


@pytest.fixture(scope="module")
def drawn(made):
    """Plots by kind and study, each made once and without a warning."""
    kept = {}

    def plot(kind, name):
        if (kind, name) not in kept:
            kept[kind, name] = plot_of(kind, made(name))
        return kept[kind, name]

    return plot


@pytest.fixture(scope="module")
def many():
    values = np.random.default_rng(1).random((MANY, 2)).tolist()
    values[777] = [0.0, 0.5]
    return study_of([trial_with(x * x + abs(y), x=x, lr=1e-5 + y * 0.09) for x, y in values])


def plot_of(kind, study):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return PLOTS[kind](study)


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("kind", PLOTS)
def test_any_study_gives_a_plot_or_a_sentence(kind, name, drawn):
    plot = drawn(kind, name)
    assert plot.kind == kind
    assert (plot.sentence is None) == bool(plot.panels)
    assert plot.sentence is None or plot.sentence.endswith(".")
    for panel, layer in plot.layers:
        assert layer.role in STYLES
        for axis in filter(None, (panel.x, panel.y, panel.z)):
            low, high = axis.range
            assert np.isfinite([low, high]).all()
            assert low < high
            assert axis.scale != "log" or low > 0
        if layer.mark == "points":
            assert np.isfinite(layer.x).all()
            assert np.isfinite(layer.y).all()
            assert (layer.x >= panel.x.range[0]).all()
            assert (layer.x <= panel.x.range[1]).all()
            assert (layer.y >= panel.y.range[0]).all()
            assert (layer.y <= panel.y.range[1]).all()


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("kind", PLOTS)
def test_any_plot_is_json_and_a_table(kind, name, drawn):
    plot = drawn(kind, name)
    json.loads(plot.to_json(), parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))
    table = plot.to_columns()
    assert {len(column) for column in table.values()} == {sum(len(layer) for _, layer in plot.layers)}
    assert len(plot.to_frame()) == len(table["x"])


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("kind", PLOTS)
def test_plotly_draws_any_plot(kind, name, drawn):
    plot = drawn(kind, name)
    figure = to_plotly(plot, "dark" if plot.notes else "light")
    assert len(figure.data) == sum(1 for _ in plot.layers)
    json.loads(figure.to_json(), parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))


@pytest.mark.parametrize("kind", PLOTS)
def test_nothing_grows_with_the_number_of_trials(kind, many):
    few, plot = plot_of(kind, study_of(many.trials[:300])), plot_of(kind, many)
    assert sum(1 for _ in plot.layers) <= max(sum(1 for _ in few.layers), 12)
    assert len(to_plotly(plot).to_json()) < 2_000_000
    assert sum(len(layer) for _, layer in plot.layers) <= 60_000


@pytest.mark.parametrize("kind", PLOTS)
def test_names_are_shown_and_never_obeyed(kind, made):
    text = to_plotly(plot_of(kind, made("hostile names"))).to_json()
    for markup in ("<b>bold", "<img", "</script>"):
        assert markup not in text
        assert markup.replace("<", "\\u003c") not in text


@pytest.mark.parametrize("kind", PLOTS)
def test_a_state_suffices(kind, made):
    assert plot_of(kind, made("lively").state) == plot_of(kind, made("lively"))


@pytest.mark.parametrize("kind", PLOTS)
def test_the_same_trials_give_the_same_plot_after_a_journey(kind, made):
    state = made("lively").state
    assert plot_of(kind, hpo.StudyState.from_bytes(state.to_bytes())) == plot_of(kind, state)


@pytest.mark.parametrize("kind", PLOTS)
def test_both_libraries_have_each_plot_under_the_name_of_optuna(kind):
    name = f"plot_{kind}"
    assert name in hpo.visualization.__all__
    for room in ("hpo.visualization", "hpo.visualization.matplotlib"):
        function = getattr(importlib.import_module(room), name)
        assert function.__name__ == name
        assert "Args:" in function.__doc__
        assert ">>>" not in function.__doc__


@pytest.mark.parametrize("kind", PLOTS)
def test_a_document_for_plotly_js_needs_no_plotly(kind, made):
    document = plotly_document(plot_of(kind, made("lively")))
    assert {*document} == {"data", "layout"}


@pytest.mark.parametrize("kind", PLOTS)
def test_what_is_not_a_study_is_refused(kind):
    with pytest.raises(hpo.errors.InvalidType, match="a study or its state, got 3"):
        PLOTS[kind](3)
    with pytest.raises(hpo.errors.InvalidType, match="no option 'frist'"):
        PLOTS[kind](hpo.create_study(), frist=3)


@pytest.mark.parametrize("kind", OF_TRIALS)
def test_trials_that_are_not_selected_are_counted(kind, made):
    plot = PLOTS[kind](made("lively"), last=20)
    assert "42 trials not selected." in [*plot.notes, plot.sentence]


def test_matplotlib_draws_any_plot(drawn):
    # one study for each plot, and each study for one plot: drawing takes long
    for place, kind in enumerate(PLOTS):
        for name in [*STUDIES][place :: len(PLOTS)]:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                figure = to_matplotlib(drawn(kind, name))
                FigureCanvasAgg(figure).draw()


def test_lively_has_every_state():
    assert {trial.state for trial in lively(20).trials} == {*hpo.TrialState} - {hpo.TrialState.PAUSED}
