"""Descriptions of runs, models and the experiment, as the Markdown that the MLflow UI shows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities import Run

NOTE_TAG = "mlflow.note.content"
EXPERIMENT_NOTE = """\
**One row per trained model**: select some and press Compare; docs/compare.md of the project says more.

A model's training run is its row: parameters, the metrics of every epoch, the test metrics (`test/...`) beside its
baseline's (`baseline/...`), figures and the model itself. `test/headline` is a model's main metric, `headline.metric`
says which; `test/headline_gain` is above 0 where the model is better than its baseline.

A row *vae, 3 seeds* has the mean over trainings that differ in their seed alone, and `<metric>/std` beside it; its tag
`seed_group` finds them.

Without the filter: a parent run per `dvc repro`, a run per stage below it, trials below their tuning. Other filters:
`tags.model = 'vae'`, `tags.source = 'digits'`, `tags.git.dirty = 'false'`.
"""
SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>])")
VERDICTS = {
    "better": "better than",
    "worse": "worse than",
    "unclear": "no clear difference from",
}
COMMIT_CHARACTERS = 12


def escaped(text: str) -> str:
    """A text from outside as Markdown that shows it as it is, on one line and without HTML."""
    plain = SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return re.sub(r"&(?=\w|#)", "&amp;", plain).replace("<", "&lt;")


def figure(value: float) -> str:
    """Four significant digits; a whole number as it is."""
    return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"


def training_note(run: "Run") -> str:
    """A model's row in words, from what the run has so far: trained, then evaluated too."""
    tags, metrics = run.data.tags, run.data.metrics
    parts = [trained(tags, metrics), *evaluated(tags, metrics), *made_again(run)]
    return "\n\n".join(parts) + "\n"


def trained(tags: Mapping[str, str], metrics: Mapping[str, float]) -> str:
    data = f"the {tags['kind']} of *{escaped(tags['source'])}*" if {"kind", "source"} <= tags.keys() else "its data"
    said = f"**{escaped(tags.get('model', 'model'))}** on {data}"
    if tags.get("encdec.restored") == "true":
        return f"{said}: weights from a DVC remote or cache, trained elsewhere or before this database was made."
    if "num_parameters" in metrics:
        said += f", with {figure(metrics['num_parameters'])} parameters"
    if "epochs" in metrics and "monitor" in tags:
        monitor = tags["monitor"]
        score = f"`{monitor}` {figure(metrics[f'best_{monitor}'])}"
        said += f". Epoch {figure(metrics['best_epoch'])} of {figure(metrics['epochs'])} was kept ({score})"
    if tags.get("tuned"):
        said += f". Tuned: {', '.join(f'`{name}`' for name in tags['tuned'].split(', '))}"
    return f"{said}."


def evaluated(tags: Mapping[str, str], metrics: Mapping[str, float]) -> Iterator[str]:
    """The headline as a sentence and all test metrics as a table; nothing before the evaluation."""
    name = tags.get("headline.metric")
    if name is None:
        return
    baseline = tags.get("headline.baseline")
    said = f"**{escaped(name)} {figure(metrics['test/headline'])}** on the test split"
    if baseline is not None:
        verdict = VERDICTS[tags["headline.verdict"]]
        said += f": {verdict} {escaped(baseline)} at {figure(metrics['baseline/headline'])}"
    yield f"{said}."
    yield "\n".join(metrics_table(metrics, headline=name))
    yield "Figures: in the artifacts, below `figures`. Tables and samples: below `evaluation`."


def metrics_table(metrics: Mapping[str, float], *, headline: str) -> Iterator[str]:
    names = [name.removeprefix("test/") for name in metrics if name.startswith("test/")]
    names = [name for name in names if not name.startswith("headline")]
    yield "| metric | test | baseline |"
    yield "|---|--:|--:|"
    for name in sorted(names, key=lambda each: (each != headline, each)):
        other = metrics.get(f"baseline/{name}")
        beside = "" if other is None else figure(other)
        yield f"| {escaped(name)} | {figure(metrics[f'test/{name}'])} | {beside} |"


def made_again(run: "Run") -> Iterator[str]:
    """How to get the same model again."""
    tags = run.data.tags
    commit = tags.get("git.commit")
    if commit is None or "model" not in tags:
        return
    yield f"Again: `git checkout {commit[:COMMIT_CHARACTERS]} && dvc repro train@{tags['model']}`"
    if tags.get("git.dirty") == "true":
        changed = escaped(tags.get("git.changed", ""))
        yield f"The tree had changes that are in no commit, so that alone does not give the same: {changed}"


def seeds_note(experiment_id: str, tags: Mapping[str, str], numbers: Mapping[str, float], runs: Sequence["Run"]) -> str:
    """The row of a group of seeds in words: what was measured over them, and each of them."""
    said = f"**{escaped(tags.get('model', 'model'))}**"
    if {"kind", "source"} <= tags.keys():
        said += f" on the {tags['kind']} of *{escaped(tags['source'])}*"
    said += f", {len(runs)} trainings that differ in their seed alone: mean ± sample standard deviation over seeds."
    spread = "\n".join(spread_table(numbers, headline=tags.get("headline.metric", "")))
    return "\n\n".join([said, spread, "\n".join(runs_table(experiment_id, runs))]) + "\n"


def spread_table(numbers: Mapping[str, float], *, headline: str) -> Iterator[str]:
    names = [name for name in numbers if name.startswith("test/") and f"{name}/std" in numbers]
    names = [name.removeprefix("test/") for name in names if not name.startswith("test/headline")]
    yield "| metric | test | baseline |"
    yield "|---|--:|--:|"
    for name in sorted(names, key=lambda each: (each != headline, each)):
        yield f"| {escaped(name)} | {spread(numbers, f'test/{name}')} | {spread(numbers, f'baseline/{name}')} |"


def spread(numbers: Mapping[str, float], name: str) -> str:
    return f"{figure(numbers[name])} ± {figure(numbers[f'{name}/std'])}" if name in numbers else ""


def runs_table(experiment_id: str, runs: Sequence["Run"]) -> Iterator[str]:
    """A line for each seed: its headline, its epoch and what was tuned for it."""
    tuned = sorted({name for run in runs for name in run.data.tags.get("tuned", "").split(", ") if name})
    yield f"| seed | headline | best epoch |{''.join(f' {escaped(name)} |' for name in tuned)}"
    yield f"|---|--:|--:|{'--:|' * len(tuned)}"
    for run in runs:
        seed = f"[{run.data.params['seed']}](#/experiments/{experiment_id}/runs/{run.info.run_id})"
        found = [run.data.metrics.get(name) for name in ("test/headline", "best_epoch")]
        cells = ["" if value is None else figure(value) for value in found]
        cells += [escaped(run.data.params.get(name, "")) for name in tuned]
        yield f"| {seed} | {' | '.join(cells)} |"
