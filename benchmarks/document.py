"""Writes the measured figures into docs/benchmarks.md, between the marks of their section, and draws them."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.aims import sentence, verdicts
from benchmarks.cases import BATCH_SIZE, CASES, COMPETITORS, TARGET_ERROR, TITLES, Case
from benchmarks.drawing import draw_training
from benchmarks.places import IMAGES, PAGE, ROOT
from benchmarks.results import Run, Spread, mean_and_deviation, ratios, read_runs

MEGABYTE = 1e6
HEADER = ("|  | per second | times bare Adam | after the run | parameters | precision | peak memory |\n"
          "|---|---:|---:|---:|---:|---|---:|")  # fmt: skip


def put_section(page: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name: begin -->` and `<!-- name: end -->`; the rest of the page stays.

    Raises:
        ValueError: the page does not have both marks, once and in this order.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    old = page.read_text(encoding="utf-8")
    if old.count(begin) != 1 or old.count(end) != 1 or old.index(begin) > old.index(end):
        raise ValueError(f"{page}: needs the marks {begin} and {end}, once and in this order")
    marked = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    page.write_text(marked.sub(lambda _: f"{begin}\n{text.strip()}\n{end}", old), encoding="utf-8")


def document(results: Path) -> None:
    """The table, the picture and the aims from the rows of a run of benchmarks/training.py."""
    runs = read_runs(results)
    machine = json.loads((results.parent / "machine.json").read_text(encoding="utf-8"))
    picture = draw_training(runs, IMAGES / "benchmarks-training.png")
    parts = [measured_on(machine), f"![Training throughput of each model]({picture.relative_to(PAGE.parent)})"]
    parts += [section(case, [run for run in runs if run.case == case.name]) for case in CASES]
    parts += [time_table(runs), aims_table(runs)]
    put_section(PAGE, "training", "\n\n".join(part for part in parts if part))


def measured_on(machine: dict[str, str | int | float]) -> str:
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, Python {machine['python']}, "
        f"torch {machine['torch']}, load {machine['load']} before the run. Images: {machine['images']}; "
        f"pairs: {machine['pairs']}. Batch {BATCH_SIZE}."
    )


def section(case: Case, runs: Sequence[Run]) -> str:
    if not runs:
        return ""
    unit = "target tokens" if case.kind == "pairs" else "images"
    rows = [table_row(runs, [run for run in runs if run.competitor == each]) for each in COMPETITORS]
    return f"### {case.title} ({unit})\n\n{HEADER}\n" + "\n".join(row for row in rows if row)


def table_row(case_runs: Sequence[Run], runs: Sequence[Run]) -> str:
    if not runs:
        return ""
    first, rate = runs[0], Spread.of([run.rate for run in runs])
    over = ratios(case_runs, first.competitor, "bare_adam")
    memory = Spread.of([run.peak_bytes / MEGABYTE for run in runs])
    cells = (
        TITLES[first.competitor],
        f"{rate.middle:,.0f} ({rate.low:,.0f}\N{EN DASH}{rate.high:,.0f}, {len(runs)} runs)",
        f"{Spread.of(over).middle:.2f} ({min(over):.2f}\N{EN DASH}{max(over):.2f})" if over else "",
        quality_text(runs),
        f"{first.parameters:,}",
        first.precision,
        f"{memory.middle:,.0f} MB",
    )
    return "| " + " | ".join(cells) + " |"


def quality_text(runs: Sequence[Run]) -> str:
    """Mean ± standard deviation over the rounds."""
    told = []
    values = [run.value for run in runs if run.value is not None]
    if values:
        mean, deviation = mean_and_deviation(values)
        told.append(f"{runs[0].metric} {mean:.4g} ± {deviation:.2g}")
    errors = [run.error_rate for run in runs if run.error_rate is not None]
    if errors:
        mean, deviation = mean_and_deviation(errors)
        told.append(f"error rate {mean:.1%} ± {deviation:.1%}")
    return ", ".join(told)


def time_table(runs: Sequence[Run]) -> str:
    rows = []
    for competitor in COMPETITORS:
        own = [run for run in runs if run.competitor == competitor and run.case == "seq2seq"]
        times = [run.seconds_to_target for run in own if run.seconds_to_target is not None]
        if own:
            text = (
                "never"
                if not times
                else f"{Spread.of(times).middle:.0f} s ({min(times):.0f}\N{EN DASH}{max(times):.0f})"
            )
            rows.append(f"| {TITLES[competitor]} | {text} | {len(times)} of {len(own)} |")
    if not rows:
        return ""
    title = f"### Attention GRU: training time to {TARGET_ERROR:.0%} errors"
    return "\n".join((title, "", "|  | time | runs that got there |", "|---|---:|---:|", *rows))


def aims_table(runs: Sequence[Run]) -> str:
    titles = {case.name: case.title for case in CASES}
    rows = [
        f"| {titles[each.case]} | {sentence(each)}, {each.what} | {each.least:g} | {each.middle:.2f} "
        f"({min(each.found):.2f}\N{EN DASH}{max(each.found):.2f}) | {each.told} |"
        for each in verdicts(runs)
    ]
    if not rows:
        return ""
    met = sum(each.told.startswith("met") for each in verdicts(runs))
    told = (
        f"{met} of {len(rows)} are met. *By the median*: some rounds lie on its other side. *Worse quality*: "
        "the metric on val is worse beyond the spread of both, however fast it was."
    )
    return f"### Aims\n\n{told}\n\n| | | at least | found | |\n|---|---|---:|---:|---|\n" + "\n".join(rows)


if __name__ == "__main__":
    document(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "benchmarks" / "results" / "training.csv")
