"""Whether a classifier is right as often as it says: the reliability diagram (arXiv:1706.04599)."""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from encdec.figures.picture import Picture, Words
from encdec.figures.style import SMALL, Theme, airy, plain_log_ticks


class Bins(NamedTuple):
    """Per bin of confidence of equal width: rows, the mean confidence and the share that is right; 0 where empty."""

    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def reliability(bins: Bins, *, error: float) -> Picture:
    """`error`: the expected calibration error, the mean gap weighted by the rows of each bin."""
    counts, confidence, accuracy = bins
    total, full = int(counts.sum()), counts > 0
    mean_confidence = float((counts * confidence).sum() / max(total, 1))
    mean_accuracy = float((counts * accuracy).sum() / max(total, 1))
    leaning = "more often than it says" if mean_accuracy >= mean_confidence else "less often than it says"
    words = Words(
        name="reliability",
        title="Reliability diagram",
        caption=(
            f"Above: the share of right answers by stated confidence, on the diagonal where both agree; the expected "
            f"calibration error is {error:.4f}. Below: how many of {total:,} images each bin holds, on a log scale. "
            f"Mean confidence {mean_confidence:.3f}, accuracy {mean_accuracy:.3f}: right {leaning}."
        ),
        alt=f"Accuracy against confidence in {int(full.sum())} filled bins; calibration error {error:.4f}.",
        group="quality",
    )
    edges = np.linspace(0.0, 1.0, len(counts) + 1)
    width = 1.0 / len(counts)

    def draw(figure: Figure, theme: Theme) -> None:
        airy(figure)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.3])
        above.plot([0, 1], [0, 1], color=theme.soft, linewidth=1.0, linestyle=(0, (4, 3)))
        above.vlines(confidence[full], confidence[full], accuracy[full], color=theme.second, linewidth=2.5)
        above.plot(confidence[full], accuracy[full], color=theme.accent, marker="o", linestyle="", clip_on=False)
        above.set_ylabel("share right")
        above.set_ylim(-0.03, 1.06)
        above.set_xlim(0, 1)
        above.grid()
        bars = below.bar(edges[:-1], counts, width=width * 0.92, align="edge", color=theme.accent)
        below.set_yscale("log")
        plain_log_ticks(below.yaxis)
        below.set_ylim(0.5, max(2, int(counts.max(initial=0))) * 8)
        names = [f"{count:,}" if count else "" for count in counts]
        below.bar_label(bars, labels=names, padding=2, fontsize=SMALL - 1.5, color=theme.ink)
        below.set_ylabel("images")
        below.set_xlabel("confidence")

    return Picture(words, 460, 400, draw)
