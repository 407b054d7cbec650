"""Learning curves: what was trained on, what was chosen by, and the epoch that was kept."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from encdec.figures.picture import Picture, Words
from encdec.figures.style import SMALL, Theme, airy, plain_log_ticks

TRAIN = "train/loss"
MOST_PANELS = 3


def best_epoch(history: pd.DataFrame, monitor: str) -> tuple[int, float]:
    """The epoch whose weights were kept, counted from 1, and its value: the least; of several the first.

    Raises:
        ValueError: the history lacks the monitored metric, or never has a finite value of it.
    """
    if monitor not in history or "epoch" not in history:
        raise ValueError(f"history.csv: no column {monitor}, only {', '.join(history.columns)}; run the train stage")
    values = history[monitor].to_numpy(dtype=np.float64)
    if not np.isfinite(values).any():
        raise ValueError(f"history.csv: {monitor} is finite in no epoch; run the train stage")
    row = int(np.nanargmin(np.where(np.isfinite(values), values, np.nan)))
    return int(history["epoch"].iloc[row]), float(values[row])


def learning_curves(history: pd.DataFrame, *, monitor: str) -> Picture:
    """Columns epoch, train/loss and val/...; the first panel has the loss and the monitored metric, others the rest."""
    epoch, value = best_epoch(history, monitor)
    others = [str(name) for name in history.columns if name not in ("epoch", TRAIN, monitor)][: MOST_PANELS - 1]
    panels = [[name for name in (TRAIN, monitor) if name in history], *([name] for name in others)]
    count = len(history)
    last = float(history[monitor].iloc[-1])
    words = Words(
        name="learning_curves",
        title="Learning curves",
        caption=(
            f"{monitor} by epoch, lower is better. The dashed line marks epoch {epoch}, where it was lowest "
            f"({value:.4g}) and whose weights were kept; in the last of {count} epochs it was {last:.4g}."
        ),
        alt=f"Lines of {', '.join(panels[0] + others)} over {count} epochs; best {monitor} {value:.4g} at {epoch}.",
        group="learning",
    )

    def draw(figure: Figure, theme: Theme) -> None:
        airy(figure)
        spots = np.atleast_1d(figure.subplots(1, len(panels), width_ratios=[1.6, *[1.0] * len(others)]))
        for axes, names in zip(spots, panels, strict=True):
            draw_panel(axes, history, names, epoch=epoch, theme=theme)
        note(spots[0], f"best: epoch {epoch}", epoch=epoch, late=epoch > 0.6 * count, theme=theme)

    return Picture(words, 400 + 160 * len(others), 260, draw)


def draw_panel(axes: Axes, history: pd.DataFrame, names: Sequence[str], *, epoch: int, theme: Theme) -> None:
    """Each curve in its own dash too, so that it is told apart without colour."""
    styles = {TRAIN: (theme.second, (0, (4, 1.6)))}
    for name in names:
        colour, dash = styles.get(name, (theme.accent, "-"))
        x, y = history["epoch"], history[name]
        axes.plot(x, y, color=colour, linestyle=dash, label=name, marker="o" if len(x) < 4 else "", markersize=4)
    axes.axvline(epoch, color=theme.soft, linewidth=1.0, linestyle=(0, (2, 2)))
    values = history[list(names)].to_numpy(dtype=np.float64)
    finite = values[np.isfinite(values)]
    if len(finite) and finite.min() > 0 and finite.max() > 20 * finite.min():
        axes.set_yscale("log")
        plain_log_ticks(axes.yaxis)
    axes.grid(axis="y")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_title(names[0] if len(names) == 1 else "")
    if len(names) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)


def note(axes: Axes, text: str, *, epoch: int, late: bool, theme: Theme) -> None:
    axes.annotate(
        text,
        (epoch, 0.98),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if late else 4, 0),
        textcoords="offset points",
        ha="right" if late else "left",
        va="top",
        color=theme.soft,
        fontsize=SMALL,
        bbox={"facecolor": theme.surface, "edgecolor": "none", "pad": 1.0},
    )
