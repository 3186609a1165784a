"""Plots of states that hypothesis makes up: no error, no warning, marks on their axes, and JSON without NaN."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from hpo.testing.strategies import states
from hpo.visualization import data, to_plotly

SEVERAL = ("pareto_front", "hypervolume_history")


@pytest.mark.parametrize("kind", data.PLOTS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(draw=st.data())
def test_any_state_gives_a_plot(kind, draw):
    state = draw.draw(states(most=8, n_objectives=2 if kind in SEVERAL else 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot = data.PLOTS[kind](state)
        text = to_plotly(plot, "light").to_json()
    for document in (plot.to_json(), text):
        json.loads(document, parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))
    for panel, layer in plot.layers:
        if layer.mark == "points":
            for positions, axis in ((layer.x, panel.x), (layer.y, panel.y)):
                assert np.isfinite(positions).all()
                assert (positions >= axis.range[0]).all()
                assert (positions <= axis.range[1]).all()


@given(state=states(most=10))
def test_every_trial_is_drawn_or_counted(state):
    for kind in ("optimization_history", "slice", "rank", "contour"):
        plot = data.PLOTS[kind](state)
        for panel in plot.panels:
            drawn = [
                n for layer in panel.layers if layer.mark == "points" and layer.role != "best" for n in layer.number
            ]
            assert sorted(drawn) == [trial.number for trial in state.trials]
