"""Plots are drawn and looked at: the marks that the data has, in both libraries, and no text over another one."""

import importlib.util
import io
import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from studies import STUDIES, lively

import hpo
from hpo.visualization import data, to_matplotlib, to_plotly
from hpo.visualization.data.parts import PAPER, STYLES

LOOKED_AT = {
    **dict.fromkeys(data.PLOTS, "lively"),
    "pareto_front": "two objectives",
    "hypervolume_history": "two objectives",
}
SPECIAL = ("hostile names", "alike choices", "300 parameters", "infinite", "empty")

_SCRIPT = """
<script>
const plots = JSON.parse(document.getElementById("plots").textContent);
const box = element => { const r = element.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
const turned = element => /rotate\\((?!0|-90)/.test(element.getAttribute("transform") || "");
(async () => {
  const seen = {};
  for (const [name, plot] of Object.entries(plots)) {
    const div = document.createElement("div");
    div.style.width = "900px";
    document.body.appendChild(div);
    await Plotly.newPlot(div, plot.data, plot.layout, {staticPlot: true});
    const texts = [...div.querySelectorAll("text")].filter(t => t.textContent.trim() && t.getBoundingClientRect().width);
    seen[name] = {
      points: [...div.querySelectorAll(".scatterlayer .trace")].map(t => t.querySelectorAll(".points path").length),
      bars: div.querySelectorAll(".bars .point").length,
      maps: div.querySelectorAll(".heatmaplayer image").length,
      lines: div.querySelectorAll(".scatterlayer .trace .js-line").length,
      texts: texts.map(t => [t.textContent, turned(t), ...box(t)]),
      div: box(div),
    };
    Plotly.purge(div);
    div.remove();
  }
  document.body.innerHTML = "";
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify(seen);
  document.body.appendChild(found);
})();
</script>
"""


OF_SPECIAL = [(kind, name) for name in SPECIAL for kind in ("slice", "optimization_history")]
OF_SPECIAL.append(("parallel_coordinate", "hostile names"))
NAMES = [*LOOKED_AT, *(f"{kind} of {name}" for kind, name in OF_SPECIAL), "several"]


@pytest.fixture(scope="module")
def drawn():
    made = {name: STUDIES[name]() for name in {*LOOKED_AT.values(), *SPECIAL}}
    found = {kind: data.PLOTS[kind](made[name]) for kind, name in LOOKED_AT.items()}
    found |= {f"{kind} of {name}": data.PLOTS[kind](made[name]) for kind, name in OF_SPECIAL}
    found["several"] = data.optimization_history({f"study {i}": lively(20, seed=i) for i in range(3)})
    assert [*found] == NAMES
    return found


@pytest.fixture(scope="module")
def in_a_browser(drawn, tmp_path_factory):
    """What a browser shows of each plot: the numbers of marks, and each text with its box."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("this needs Chromium")
    from plotly.offline import get_plotlyjs

    folder = tmp_path_factory.mktemp("browser")
    figures = {name: json.loads(to_plotly(plot, "light").to_json()) for name, plot in drawn.items()}
    text = json.dumps(figures).replace("<", "\\u003c")
    (folder / "plotly.js").write_text(get_plotlyjs(), encoding="utf-8")
    page = f'<meta charset="utf-8"><body><script src="plotly.js"></script><script type="application/json" id="plots">{text}</script>'
    (folder / "page.html").write_text(page + _SCRIPT, encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=60000", "--dump-dom"]
    ran = subprocess.run(
        [*command, (folder / "page.html").as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    if '<pre id="found">' not in ran.stdout:
        if ran.returncode:
            pytest.skip(f"Chromium does not run here: {ran.stderr[-300:]}")
        pytest.fail(f"the page did not finish: {ran.stderr[-2000:]}")
    import html

    return json.loads(html.unescape(ran.stdout.split('<pre id="found">')[1].split("</pre>")[0]))


def overlaps(texts):
    """Pairs of texts that cover each other by more than two pixels in both directions; turned ones have loose boxes."""
    found = []
    for (one, turned, *a), (other, also_turned, *b) in itertools.combinations(texts, 2):
        width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        if width > 2 and height > 2 and not (turned or also_turned):
            found.append((one, other))
    return found


@pytest.mark.parametrize("kind", data.PLOTS)
def test_a_browser_draws_every_mark(kind, drawn, in_a_browser):
    plot, seen = drawn[kind], in_a_browser[kind]
    points = sum(len(layer) for panel, layer in plot.layers if layer.mark == "points" and panel.z is None)
    assert sum(seen["points"]) == points
    assert seen["bars"] == sum(len(layer) for _, layer in plot.layers if layer.mark == "bars")
    assert seen["maps"] == sum(1 for _, layer in plot.layers if layer.mark == "cells")
    lines = [layer for _, layer in plot.layers if layer.mark in ("line", "steps", "spans", "band")]
    assert seen["lines"] >= len(lines) - sum(layer.x is not None and len(layer) < 2 for layer in lines)


@pytest.mark.parametrize("name", NAMES)
def test_no_text_covers_another_one_in_a_browser(name, in_a_browser):
    seen = in_a_browser[name]
    assert overlaps(seen["texts"]) == []
    left, _, right, _ = seen["div"]
    wide = max(right, left + 1500)
    assert [text for text, _, x0, _, x1, _ in seen["texts"] if x0 < left - 2 or x1 > wide] == []


def test_what_is_shown_on_hover_is_not_in_the_picture(in_a_browser):
    for kind in data.PLOTS:
        texts = [text for text, *_ in in_a_browser[kind]["texts"]]
        assert [text for text in texts if text.startswith("trial ") or " interval " in text] == []


def test_a_browser_shows_names_as_they_are(in_a_browser):
    shown = {text for text, *_ in in_a_browser["slice of hostile names"]["texts"]}
    for name in ("<b>bold</b>", "$x^2$", "</script>", "π 测 😀"):
        assert name in shown


def matplotlib_texts(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    FigureCanvasAgg(figure).draw()
    hidden = set()  # labels of ticks outside of their axis, which are not drawn
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        outside = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
        hidden |= {label for tick in outside for label in (tick.label1, tick.label2)}
    found = []
    for text in set(figure.findobj(Text)) - hidden:
        if text.get_text().strip() and text.get_visible():
            box = text.get_window_extent()
            if box.width and figure.bbox.overlaps(box):
                turned = text.get_rotation() % 90 != 0
                found.append((text.get_text(), turned, box.x0, box.y0, box.x1, box.y1))
    return found


@pytest.fixture(scope="module")
def by_matplotlib(drawn):
    # each kind once: laying out a figure takes long
    names = [*data.PLOTS, "slice of hostile names", "several"]
    return {name: to_matplotlib(drawn[name], "light") for name in names}


def test_no_text_covers_another_one_in_matplotlib(by_matplotlib):
    covered = {name: overlaps(matplotlib_texts(figure)) for name, figure in by_matplotlib.items()}
    assert {name: pairs for name, pairs in covered.items() if pairs} == {}


@pytest.mark.parametrize("kind", data.PLOTS)
def test_matplotlib_draws_every_point(kind, drawn, by_matplotlib):
    from matplotlib.collections import PathCollection

    points = [layer for _, layer in drawn[kind].layers if layer.mark == "points"]
    offsets = [
        len(collection.get_offsets())
        for axes in by_matplotlib[kind].axes
        for collection in axes.collections
        if isinstance(collection, PathCollection)
    ]
    assert sorted(offsets) == sorted(map(len, points))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_has_the_colours_of_the_states(theme, drawn):
    from matplotlib.image import imread

    file = io.BytesIO()
    to_matplotlib(drawn["optimization_history"], theme).savefig(file, format="png", dpi=130)
    file.seek(0)
    pixels = np.unique((imread(file)[..., :3] * 255).round().astype(int).reshape(-1, 3), axis=0)
    for role in ("complete", "best", "pruned", "failed", "infeasible"):
        color = [int(STYLES[role].color(theme)[place : place + 2], 16) for place in (1, 3, 5)]
        assert np.abs(pixels - color).sum(axis=1).min() <= 6, role
    paper = [int(PAPER[theme][place : place + 2], 16) for place in (1, 3, 5)]
    assert (pixels == paper).all(axis=1).any()


@pytest.fixture(scope="module")
def script():
    """The script that draws the pictures of the documentation."""
    file = Path(__file__).parents[2] / "docs" / "how-to" / "plots" / "draw.py"
    spec = importlib.util.spec_from_file_location("pictures_of_plots", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_kind_of_plot_has_a_picture_on_its_page(script):
    page = (script.FOLDER.parent / "plots.md").read_text(encoding="utf-8")
    assert [kind for kind in data.PLOTS if f"](plots/{kind}.png)" not in page] == []
    assert {*script.PICTURES} == {*data.PLOTS}
    assert sum(file.stat().st_size for file in script.FOLDER.glob("*.png")) < 400_000


@pytest.mark.parametrize("kind", ["contour", "lineage", "optimization_history", "slice", "timeline"])
def test_the_pictures_of_the_page_are_what_is_drawn(kind, script):
    from PIL import Image, ImageChops

    with (
        Image.open(script.FOLDER / f"{kind}.png") as committed,
        Image.open(io.BytesIO(script.picture(kind))) as now,
    ):
        assert abs(committed.width - now.width) <= 2
        assert abs(committed.height - now.height) <= 2
        difference = ImageChops.difference(committed.convert("L"), now.convert("L").resize(committed.size))
        # another version of Matplotlib, or of the font, moves letters by a pixel
        assert np.asarray(difference).mean() < 4.0


def test_figures_follow_the_theme_of_their_library():
    import matplotlib as mpl
    import plotly.io

    study = STUDIES["one trial"]()
    with mpl.rc_context({"figure.facecolor": "black"}):
        assert mpl.colors.to_hex(to_matplotlib(data.slices(study)).get_facecolor()) == PAPER["dark"]
    before = plotly.io.templates.default
    try:
        plotly.io.templates.default = "plotly_dark"
        assert to_plotly(data.slices(study)).layout.paper_bgcolor == PAPER["dark"]
    finally:
        plotly.io.templates.default = before
    assert to_plotly(data.slices(study)).layout.paper_bgcolor == PAPER["light"]


def test_functions_of_matplotlib_return_axes_in_rows_and_columns():
    from matplotlib import pyplot as plt

    study = lively(10)
    try:
        assert hpo.visualization.matplotlib.plot_edf(study).get_xlabel() == "Objective Value"
        assert hpo.visualization.matplotlib.plot_slice(study, ["x", "lr"]).shape == (2,)
        grid = hpo.visualization.matplotlib.plot_contour(study, ["x", "lr", "kind"])
        assert grid.shape == (2, 2)
        assert grid[1, 1] is None
        assert hpo.visualization.matplotlib.plot_edf(hpo.create_study()).texts
    finally:
        plt.close("all")


def test_what_is_not_a_plot_or_a_theme_is_refused():
    for draw in (to_plotly, to_matplotlib):
        with pytest.raises(hpo.errors.InvalidType, match="a renderer draws a Plot, got 3"):
            draw(3)
        with pytest.raises(hpo.errors.InvalidArgument, match="a theme is 'light' or 'dark', got 'blue'"):
            draw(data.edf(hpo.create_study()), "blue")
