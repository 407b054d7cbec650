"""Train and evaluate models with several seeds, and say how much their results vary.

  encdec seeds --seeds 1 2 3                       every model that is switched on
  encdec seeds --seeds 1 2 3 --models vae cnn      these alone
  encdec seeds --seeds 1 2 3 --jobs 2              two seeds at once

Each seed is one DVC experiment, encdec-seed-<seed>, in a copy of the tree: your own results stay. The seed decides
about the tuning too, so that the spread has in it what another search would have found. Stopped and started again, it
goes on: what a seed has done is not done again (DVC's run-cache).

At the end there is a table: for each metric its mean over the seeds, the sample standard deviation (n - 1), and the
95 % interval of the mean by Student's t. In the MLflow UI the same numbers are a row of their own: "vae, 3 seeds".

Afterwards: `dvc exp show` has the experiments, `dvc exp apply encdec-seed-2` takes one into the tree, and
`dvc exp remove encdec-seed-1` drops one.
"""

import argparse
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from encdec.params.root import MODEL_NAMES, ModelName

if TYPE_CHECKING:
    from encdec.tracking.project import Project
    from encdec.tracking.seeds.experiments import Result

CONFIDENCE = 0.95
LEAST_SEEDS = 2


class Line(NamedTuple):
    """One metric of a model over its seeds; `low` and `high` are the ends of the interval of the mean."""

    name: str
    num_seeds: int
    mean: float
    std: float
    low: float
    high: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    seeds = (
        "whole numbers from 0, each once, two at least; you name them, so that the same command gives the same numbers"
    )
    parser.add_argument("--seeds", type=int, nargs="+", required=True, metavar="SEED", help=seeds)
    models = "default: all that are switched on in params.yaml"
    parser.add_argument("--models", nargs="+", choices=MODEL_NAMES, metavar="MODEL", help=models)
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="seeds at once (default: 1)")


def run(seeds: Sequence[int], models: Sequence[ModelName] | None, jobs: int) -> None:
    check(seeds, jobs)
    from encdec.params.loading import load_params
    from encdec.tracking.project import find_project
    from encdec.tracking.seeds.experiments import read_result, run_seeds

    project = find_project(Path.cwd())
    params = load_params(project.tree / "params.yaml").params
    chosen = [model for model in MODEL_NAMES if params.model_enabled(model) and model in (models or MODEL_NAMES)]
    off = [model for model in models or () if model not in chosen]
    if off or not chosen:
        raise ValueError(f"{', '.join(off) or 'every model'} is switched off in params.yaml (enabled: false)")
    failed = run_seeds(project, seeds, [f"evaluate@{model}" for model in chosen], jobs=jobs)
    ended = [seed for seed in seeds if seed not in failed]
    if len(ended) >= LEAST_SEEDS:
        found = {model: [read_result(project, seed, model) for seed in ended] for model in chosen}
        for model, results in found.items():
            print(table(model, results))
        show_rows(project, params.tracking.experiment, found)
    if failed:
        said = ", ".join(str(seed) for seed in failed)
        raise ValueError(
            f"{len(failed)} of {len(seeds)} seeds failed ({said}): their last words are above; mend it and "
            "give the same command again: what was done is not done again"
        )


def check(seeds: Sequence[int], jobs: int) -> None:
    twice = [str(seed) for seed, count in Counter(seeds).items() if count > 1]
    if twice:
        raise ValueError(f"--seeds: {', '.join(twice)} more than once: a seed counts once")
    if len(seeds) < LEAST_SEEDS:
        raise ValueError(f"--seeds: {len(seeds)} is no comparison: give {LEAST_SEEDS} at least, e.g. --seeds 1 2 3")
    if min(seeds) < 0:
        raise ValueError(f"--seeds: {min(seeds)}: a seed is 0 or more")
    if jobs < 1:
        raise ValueError(f"--jobs: {jobs}: 1 at least")


def table(model: ModelName, results: Sequence["Result"]) -> str:
    """The test metrics of a model and its baseline's below each other, as plain text."""
    seeds = ", ".join(str(each.seed) for each in results)
    head = ("", "mean ± std", f"{CONFIDENCE:.0%} interval of the mean", "n")
    rows = [head]
    for prefix, numbers in (
        ("", [each.metrics for each in results]),
        ("baseline ", [each.baseline for each in results]),
    ):
        for name in numbers[0]:
            line = interval(f"{prefix}{name}", [each[name] for each in numbers])
            spread = f"[{line.low:.4g}, {line.high:.4g}]"
            rows.append((line.name, f"{line.mean:.4g} ± {line.std:.2g}", spread, str(line.num_seeds)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([f"\n{model}, seeds {seeds}", *(f"  {line}" for line in lines)])


def interval(name: str, values: Sequence[float]) -> Line:
    """Student's t over seeds: it speaks of other seeds on this test split, not of other test images."""
    from scipy.stats import t

    count, mean, std = len(values), statistics.fmean(values), statistics.stdev(values)
    half = float(t.ppf((1 + CONFIDENCE) / 2, count - 1)) * std / count**0.5
    return Line(name, count, mean, std, mean - half, mean + half)


def show_rows(project: "Project", experiment: str, found: "dict[ModelName, list[Result]]") -> None:
    """Where MLflow has the same numbers."""
    from encdec.tracking.seeds.summary import rows_of
    from encdec.tracking.store import open_store

    store = open_store(experiment, project)
    print("\nIn the MLflow UI (`make ui`), to be typed into the search field:")
    for model, results in found.items():
        rows = rows_of(store, {each.seed: (each.name, each.weights) for each in results})
        for row in rows:
            print(f"  {row.name}: {row.filter}")
        if not rows:
            print(
                f"  {model}: no row: this store does not have two of these trainings in one group (they were made "
                "elsewhere, by other code or by other versions)"
            )
