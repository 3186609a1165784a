"""What notebooks show of a study, drawn by a real browser on a light and on a dark ground."""

import json
import re
import shutil
import subprocess

import pytest

import hpo
from hpo.samplers import RandomSampler

BROWSER = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
PAGE = """<!doctype html><meta charset="utf-8"><body style="margin:0;font:14px sans-serif">
<div id="light" style="background:#ffffff;color:#212121">{html}</div>
<div id="dark" style="background:#111111;color:#e0e0e0">{html}</div>
<pre id="out"></pre>
<script>
const seen = {{}};
for (const id of ["light", "dark"]) {{
  const root = document.getElementById(id);
  const cells = [...root.querySelectorAll("td,th,b")].filter(cell => cell.textContent);
  seen[id] = {{
    colours: [...new Set(cells.map(cell => getComputedStyle(cell).color))],
    grounds: [...new Set(cells.map(cell => getComputedStyle(cell).backgroundColor))],
    height: root.getBoundingClientRect().height,
    width: Math.max(...[...root.querySelectorAll("table")].map(table => table.getBoundingClientRect().width)),
    texts: cells.map(cell => cell.textContent),
  }};
}}
seen.hacked = window.hacked === true;
document.getElementById("out").textContent = JSON.stringify(seen);
</script>"""


def luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    bright, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.skipif(BROWSER is None, reason="there is no browser")
def test_studies_and_trials_are_small_and_readable_and_run_nothing(tmp_path):
    evil = "<img src=x onerror='window.hacked=true'><script>window.hacked=true</script>"
    study = hpo.create_study(sampler=RandomSampler(), study_name=evil, seed=1)
    study.optimize(lambda trial: trial.suggest_float("lr", 1e-5, 1e-1, log=True), n_trials=30)
    study.tell(study.ask().number, state="fail", reason=evil)
    study.tell(study.ask().number, state="pruned", reason="a median")
    study.ask({"opt": hpo.CategoricalDistribution([evil, "adam"])})
    html = study._repr_html_() + study.trials[-2]._repr_html_() + study.state._repr_html_()
    page = tmp_path / "page.html"
    page.write_text(PAGE.format(html=html), encoding="utf-8")
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}",
        "--dump-dom",
        page.as_uri(),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    text = re.search(r'<pre id="out">(.*?)</pre>', ran.stdout, re.DOTALL)[1]
    for name, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(name, character)
    seen = json.loads(text)
    assert not seen["hacked"]
    for ground, colour in (("light", "255,255,255"), ("dark", "17,17,17")):
        drawn = seen[ground]
        assert all(contrast(each, colour) >= 3 for each in drawn["colours"]), drawn["colours"]
        assert len(drawn["colours"]) >= 4  # the ground's own, and those of states
        assert drawn["grounds"] == ["rgba(0, 0, 0, 0)"]
        assert 200 < drawn["height"] < 900
        assert drawn["width"] < 1000
        assert any(evil[:20] in each for each in drawn["texts"])
