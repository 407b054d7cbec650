"""Whether everybody can read the figures, by the numbers of their colours."""

from itertools import combinations

import numpy as np
import pytest
from drawn import drawn, texts
from matplotlib.colors import to_rgb

from encdec.figures.picture import Picture, Words
from encdec.figures.style import DARK, LIGHT, THEMES, Theme, contrast, drawn_in, luminance, readable_on, settings

DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
"""On linear RGB, at full severity (Machado, Oliveira and Fernandes 2009)."""
WORDS = Words("name", "Title", "Caption.", "Alt.", "quality")


def as_seen(colour: str, matrix: np.ndarray) -> np.ndarray:
    """A colour of sRGB in CIE Lab (D65), as somebody sees it whose eye does this to linear light."""
    linear = np.array([part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)])
    seen = np.clip(matrix @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = (to_xyz @ seen) / [0.9505, 1.0, 1.089]
    f = [value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116 for value in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    # WCAG's own example of the least grey on white: #767676 is 4.54
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_all_text_reaches_the_contrast_of_4_5(theme: Theme) -> None:
    for colour in (theme.ink, theme.soft, theme.second, theme.third):  # those that text is written in
        assert contrast(colour, theme.surface) >= 4.5
    written = settings(theme)
    for key in ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.labelcolor", "ytick.labelcolor"):
        assert contrast(written[key], theme.surface) >= 4.5, key


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_lines_and_bars_stand_out_from_the_surface(theme: Theme) -> None:
    for colour in (theme.accent, theme.second, theme.third):
        assert contrast(colour, theme.surface) >= 3.0  # WCAG 1.4.11, graphics


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("matrix", [np.eye(3), DEUTERANOPIA, PROTANOPIA], ids=["all", "deuteranopia", "protanopia"])
def test_what_is_held_against_each_other_is_told_apart_by_the_colour_blind(theme: Theme, matrix: np.ndarray) -> None:
    # a distance of 2.3 is just noticeable; ten times that is safe at a glance
    assert np.linalg.norm(as_seen(theme.accent, matrix) - as_seen(theme.second, matrix)) > 40
    for one, other in combinations(theme.classes, 2):
        assert np.linalg.norm(as_seen(one, matrix) - as_seen(other, matrix)) > 11, (one, other)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_a_map_of_amounts_runs_in_one_direction_of_lightness(theme: Theme) -> None:
    for shades in (theme.amounts, theme.mistakes):
        values = [luminance(shades(share)) for share in np.linspace(0, 1, 33)]
        steps = np.diff(values)
        assert (steps < 0).all() if theme is LIGHT else (steps > 0).all()


def test_ink_on_a_cell_is_the_one_that_is_read_best() -> None:
    assert readable_on("#ffffff", LIGHT) == LIGHT.ink
    assert readable_on("#000000", LIGHT) == LIGHT.surface
    assert readable_on("#000000", DARK) == DARK.ink


def test_a_matplotlibrc_of_the_machine_changes_nothing_and_is_left_as_it_was() -> None:
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 33.0, "axes.grid": True, "text.parse_math": True}):
        with drawn_in(DARK):
            assert mpl.rcParams["font.size"] == 10.0
            assert mpl.rcParams["axes.grid"] is False
        assert mpl.rcParams["font.size"] == 33.0


def test_a_name_with_dollars_is_a_name_and_no_formula() -> None:
    picture = Picture(WORDS, 200, 80, lambda figure, theme: figure.text(0.1, 0.5, "$x_1$ costs $5") and None)
    assert texts(drawn(picture)) == ["$x_1$ costs $5"]
    assert drawn(picture).texts[0].get_parse_math() is False
