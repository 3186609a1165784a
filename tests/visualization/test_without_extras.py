"""Plots are data without Plotly and Matplotlib; drawing says what is missing."""

import subprocess
import sys

import pytest

import hpo
from hpo.errors import MissingExtra
from hpo.visualization import data, to_matplotlib, to_plotly


def test_data_loads_no_library_that_draws():
    program = (
        "import sys, hpo; from hpo.visualization import data\n"
        "data.optimization_history(hpo.StudyState.create())\n"
        "assert 'matplotlib' not in sys.modules and 'plotly' not in sys.modules and 'pandas' not in sys.modules"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_drawing_without_plotly_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(MissingExtra, match=r"Plotly figure needs .* pip install 'purehpo\[plot\]'"):
        to_plotly(data.edf(hpo.StudyState.create()))


def test_drawing_without_matplotlib_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"Matplotlib figure needs .* pip install 'purehpo\[plot\]'"):
        to_matplotlib(data.edf(hpo.StudyState.create()))


def test_a_table_without_pandas_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"to_frame needs .* pip install 'purehpo\[pandas\]'"):
        data.edf(hpo.StudyState.create()).to_frame()
