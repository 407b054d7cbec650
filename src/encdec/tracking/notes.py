"""Descriptions of runs, models and the experiment, as the Markdown that the MLflow UI shows."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities import Run

NOTE_TAG = "mlflow.note.content"
EXPERIMENT_NOTE = """\
**One row per trained model**: select some and press Compare; docs/compare.md of the project says more.

A model's training run is its row: parameters, the metrics of every epoch, the test metrics (`test/...`) beside its
baseline's (`baseline/...`), figures and the model itself. `test/headline` is a model's main metric, `headline.metric`
says which; `test/headline_gain` is above 0 where the model is better than its baseline.

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
