"""The picture of the training throughput: for each case how many times as fast as a bare loop with Adam."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.cases import CASES, COMPETITORS, TITLES, Competitor
from benchmarks.results import Run, Spread, ratios
from encdec.figures.style import CSS_DPI, LIGHT, MARKERS, SCALE, airy, drawn_in

WIDTH, ROW, REST = 820, 66, 150  # CSS pixels
SHARE = 0.78  # of the height of a row


def draw_training(runs: Sequence[Run], path: Path) -> Path:
    """A row per case with a bare loop, a point per competitor with a line from its slowest to its fastest round."""
    names = [case.name for case in CASES if any((run.case, run.competitor) == (case.name, "bare_adam") for run in runs)]
    titles = {case.name: case.title for case in CASES}
    with drawn_in(LIGHT):
        figure = airy(Figure(figsize=(WIDTH / CSS_DPI, (REST + ROW * len(names)) / CSS_DPI)))
        axes = figure.add_subplot()
        for number, competitor in enumerate(each for each in COMPETITORS if each != "bare_adam"):
            points = [(row, spread_of(runs, name, competitor)) for row, name in enumerate(names)]
            known = [(row, spread) for row, spread in points if spread is not None]
            if not known:
                continue
            places = [row + SHARE * ((number + 0.5) / (len(COMPETITORS) - 1) - 0.5) for row, _ in known]
            colour = LIGHT.classes[number % len(LIGHT.classes)]
            axes.hlines(places, [each.low for _, each in known], [each.high for _, each in known], color=colour)
            axes.plot(
                [each.middle for _, each in known],
                places,
                linestyle="",
                marker=MARKERS[number],
                color=colour,
                label=TITLES[competitor],
            )
        axes.axvline(1.0, color=LIGHT.soft, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.set_yticks(range(len(names)), [titles[name] for name in names])
        axes.tick_params(axis="y", length=0, labelcolor=LIGHT.ink)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel("training throughput, times that of a bare float32 loop with Adam")
        axes.grid(axis="x")
        figure.legend(loc="outside upper center", ncols=3)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=CSS_DPI * SCALE, metadata={"Software": None})
    return path


def spread_of(runs: Sequence[Run], case: str, competitor: Competitor) -> Spread | None:
    values = ratios([run for run in runs if run.case == case], competitor, "bare_adam")
    return Spread.of(values) if values else None
