"""How every figure looks: two themes of one style, colours that the colour-blind can tell apart, sizes of text.

The series are those of Okabe and Ito (2008). Every map of values runs in one direction of lightness, so that it reads
without colour too. Lengths are CSS pixels, 96 to the inch, and text is in points, 72 to the inch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from encdec.figures.fonts import families

CSS_DPI = 96
SCALE = 2
"""Pixels of a PNG to a CSS pixel."""
TEXT, SMALL = 10.0, 9.0
"""Points. At half the size of the page the small ones are 6 CSS pixels high: the least that is read."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


class Theme(NamedTuple):
    """`surface` is what a figure stands on; `accent` is the subject, `second` what it is held against.

    `classes`: a colour per class, Okabe and Ito's eight less the one that is nearest to the surface.
    """

    name: str
    surface: str
    ink: str
    soft: str
    line: str
    accent: str
    second: str
    third: str
    classes: tuple[str, ...]

    @property
    def amounts(self) -> LinearSegmentedColormap:
        """From the surface, nothing, to the accent and on to the ink."""
        return LinearSegmentedColormap.from_list("amounts", [self.surface, self.accent, self.ink], N=128)

    @property
    def mistakes(self) -> LinearSegmentedColormap:
        """From the surface, none, to the second colour."""
        return LinearSegmentedColormap.from_list("mistakes", [self.surface, self.second], N=128)

    @property
    def signed(self) -> LinearSegmentedColormap:
        """Too little in the accent, nothing as the surface, too much in the second colour."""
        return LinearSegmentedColormap.from_list("signed", [self.accent, self.surface, self.second], N=129)


LIGHT = Theme(
    name="light",
    surface="#ffffff",
    ink="#1d2228",
    soft="#5b6470",
    line="#d3cfc8",
    accent="#0072b2",
    second="#c04f00",
    third="#007a5a",
    classes=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1d2228"),
)
DARK = Theme(
    name="dark",
    surface="#1c2026",
    ink="#e6e8ea",
    soft="#a0a8b2",
    line="#3d444e",
    accent="#56b4e9",
    second="#e69f00",
    third="#2fc79a",
    classes=("#3d9bd6", "#e8732c", "#1fb58a", "#cc79a7", "#e69f00", "#7cc8f2", "#e6e8ea"),
)
THEMES = (LIGHT, DARK)


@contextmanager
def drawn_in(theme: Theme) -> Iterator[None]:
    """Within the block matplotlib draws in this style, whatever a matplotlibrc of the machine says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        for key, value in settings(theme).items():
            mpl.rcParams[key] = value
        yield


def settings(theme: Theme) -> dict[Any, Any]:
    """No text of the data is taken for a formula: a class may be named $x$."""
    return {
        "font.family": list(families()),
        "font.size": TEXT,
        "axes.titlesize": TEXT,
        "axes.labelsize": TEXT,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "legend.fontsize": SMALL,
        "text.parse_math": False,
        "text.language": "en",  # else that of the machine, which changes the shapes of some letters
        "text.color": theme.ink,
        "axes.labelcolor": theme.ink,
        "axes.titlecolor": theme.ink,
        "axes.titlelocation": "left",
        "axes.edgecolor": theme.line,
        "axes.facecolor": theme.surface,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "figure.facecolor": theme.surface,
        "grid.color": theme.line,
        "grid.linewidth": 0.6,
        "xtick.color": theme.line,
        "ytick.color": theme.line,
        "xtick.labelcolor": theme.soft,
        "ytick.labelcolor": theme.soft,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "image.interpolation": "nearest",
    }


def airy(figure: Figure) -> Figure:
    """Charts place themselves, with some air to the edge."""
    figure.set_layout_engine("constrained", w_pad=0.09, h_pad=0.09)
    return figure


def plain_log_ticks(axis: Axis) -> None:
    """1,000 and 0.01 at the powers of ten: the formulas that matplotlib would write are switched off."""
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def luminance(colour: Any) -> float:
    """Relative luminance of a colour as WCAG 2 has it, 0 black to 1 white."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(colour: Any, other: Any) -> float:
    """Contrast of two colours as WCAG 2 has it, 1 to 21."""
    low, high = sorted((luminance(colour), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable_on(background: Any, theme: Theme) -> str:
    """Of ink and surface, the one that stands out more from a background."""
    return max((theme.ink, theme.surface), key=lambda colour: contrast(colour, background))
