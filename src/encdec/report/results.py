"""A model's metrics beside its baseline's, as the report says them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from encdec.params.root import MODEL_NAMES, Kind, ModelName, Params
from encdec.report.files import read_mapping
from encdec.report.metrics import COUNTS, meaning
from encdec.report.numbers import with_interval

VERDICTS: Mapping[str | None, str] = {
    "model": "better",
    "baseline": "worse",
    "unclear": "no clear difference",
    None: "no baseline",
}
TITLES: Mapping[ModelName, str] = {
    "cnn": "Convolutional classifier",
    "autoencoder": "Autoencoder",
    "sparse_autoencoder": "Sparse autoencoder",
    "denoising_autoencoder": "Denoising autoencoder",
    "vae": "Variational autoencoder",
    "seq2seq": "Sequence to sequence",
}


class Interval(NamedTuple):
    """A number and the bounds of its confidence interval."""

    value: float
    low: float
    high: float


class Row(NamedTuple):
    """A metric as text and as numbers; `verdict` is the word, `better` what evaluation.json says.

    `ours`, `theirs`, `gap`: the model, its baseline, and the model less the baseline.
    """

    model: ModelName
    metric: str
    meaning: str
    higher_is_better: bool
    value: str
    opponent: str
    baseline: str
    difference: str
    verdict: str
    better: str | None
    ours: Interval
    theirs: Interval | None
    gap: Interval | None

    @property
    def arrow(self) -> str:
        return "\u2191" if self.higher_is_better else "\u2193"

    @property
    def bar(self) -> str:
        """The baseline's name and its number without the interval."""
        return f"{self.opponent}: {self.baseline.split(' [')[0]}" if self.opponent else "-"


class Result(NamedTuple):
    """One model: `rows` with the headline first, and how they were measured."""

    model: ModelName
    title: str
    kind: Kind
    source: str
    rows: tuple[Row, ...]
    protocol: Mapping[str, Any]

    @property
    def headline(self) -> Row:
        return self.rows[0]


def read_results(params: Params, evaluation: Path) -> tuple[Result, ...]:
    """Every model that is switched on, in the order of params.yaml."""
    return tuple(read_result(model, params, evaluation / model) for model in MODEL_NAMES if params.model_enabled(model))


def read_result(model: ModelName, params: Params, folder: Path) -> Result:
    """One model's evaluation.

    Raises:
        ValueError: a file is missing, or names a metric that it does not have.
    """
    stage, details = f"evaluate@{model}", folder / "details"
    metrics = read_mapping(details / "evaluation.json", stage=stage)
    protocol = read_mapping(details / "protocol.json", stage=stage)
    missing = [name for name in protocol["metrics"] if name not in metrics]
    if missing or not metrics:
        found = f"no metric {', '.join(missing)}" if missing else "no metrics"
        raise ValueError(f"{details / 'evaluation.json'}: {found}; run `dvc repro --force {stage}`")
    kind = params.models.named(model).kind
    rows = tuple(build_row(model, name, metrics[name], kind=kind) for name in protocol["metrics"])
    return Result(model, TITLES[model], kind, params.source_name(kind), rows, protocol)


def build_row(model: ModelName, name: str, entry: Mapping[str, Any], *, kind: Kind) -> Row:
    baseline, difference, whole = entry["baseline"], entry["difference"], name in COUNTS
    ours = Interval(entry["value"], entry["low"], entry["high"])
    theirs = Interval(baseline["value"], baseline["low"], baseline["high"]) if baseline else None
    gap = Interval(difference["value"], difference["low"], difference["high"]) if difference else None
    return Row(
        model=model,
        metric=name,
        meaning=meaning(name, kind),
        higher_is_better=entry["higher_is_better"],
        value=with_interval(*ours, whole=whole),
        opponent=spoken(baseline["name"]) if baseline else "",
        baseline=with_interval(*theirs, whole=whole) if theirs else "",
        difference=with_interval(*gap, plus=True, whole=whole) if gap else "",
        verdict=VERDICTS[entry["better"]],
        better=entry["better"],
        ours=ours,
        theirs=theirs,
        gap=gap,
    )


def spoken(name: str) -> str:
    """A baseline's name in a sentence: what stands behind a comma goes into brackets."""
    head, comma, rest = name.partition(", ")
    return f"{head} ({rest})" if comma else name


def compared(results: Sequence[Result]) -> Iterator[Row]:
    """The rows of the table: every metric with a baseline, and the headline of a model that has none."""
    for result in results:
        with_baseline = [row for row in result.rows if row.better is not None]
        yield from with_baseline or [result.headline]
