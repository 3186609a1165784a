"""Colours and shapes: seen by everybody, on any paper, and in grey."""

import itertools

import pytest

from hpo.visualization.data.parts.styles import INK, PAPER, SCALE, STATUS_ROLES, STYLES, contrast, luminance


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("role", STYLES)
def test_every_colour_stands_out_from_its_paper(role, theme):
    assert contrast(STYLES[role].color(theme), PAPER[theme]) >= 3.0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_states_differ_in_luminance_and_in_shape(theme):
    for one, other in itertools.combinations(STATUS_ROLES, 2):
        assert contrast(STYLES[one].color(theme), STYLES[other].color(theme)) >= 1.05, (one, other)
    assert len({STYLES[role].shape for role in STATUS_ROLES}) == len(STATUS_ROLES)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable(theme):
    assert contrast(INK[theme], PAPER[theme]) >= 7.0


def test_the_colour_scale_grows_lighter_all_the_way():
    lights = [luminance(color) for color in SCALE]
    assert lights == sorted(lights)


def test_series_differ_in_shape():
    series = [style.shape for role, style in STYLES.items() if role.startswith("series")]
    assert len({*series}) == len(series)
