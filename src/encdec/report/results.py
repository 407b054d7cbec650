"""A model's metrics beside its baseline's, as the report says them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from encdec.params.root import MODEL_NAMES, Kind, ModelName, Params
from encdec.report.files import read_mapping
from encdec.report.numbers import with_interval

MEANINGS: Mapping[str, str] = {
    "accuracy": "share of images whose class is right",
    "nll": "negative log-likelihood, nats per image",
    "ece": "expected calibration error: mean gap between confidence and accuracy",
    "mse": "squared error of the reconstruction, mean over pixels in [0, 1]",
    "psnr": "peak signal-to-noise ratio of the reconstruction, dB, mean over images",
    "psnr_before": "peak signal-to-noise ratio of the corrupted input, dB",
    "mean_active_units": "units of the code that are not zero, mean over images",
    "dead_units": "units of the code that are zero for every test image",
    "negative_elbo": "negative evidence lower bound, nats per image",
    "elbo": "evidence lower bound, nats per image",
    "reconstruction_nll": "the reconstruction's part of the bound, nats per image",
    "kl": "the latent part of the bound, nats per image",
    "exact_match": "share of sources whose whole answer is right",
    "token_error_rate": "edits that the answer needs, per token of the right answer",
    "bleu": "BLEU of the corpus, 0 to 100 (sacrebleu)",
}
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


class Row(NamedTuple):
    """A metric as text; `verdict` is the word, `better` what evaluation.json says: model, baseline, unclear or None."""

    model: ModelName
    metric: str
    meaning: str
    arrow: str
    value: str
    opponent: str
    baseline: str
    difference: str
    verdict: str
    better: str | None

    @property
    def bar(self) -> str:
        """The baseline's number without its interval, and its name."""
        return f"{self.baseline.split(' [')[0]} ({self.opponent})" if self.opponent else "-"


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

    @property
    def sentence(self) -> str:
        row = self.headline
        start = f"{row.metric} {row.value}"
        if row.better is None:
            return f"{start}; it has no baseline."
        words = {"model": "better than", "baseline": "worse than", "unclear": "no clear difference from"}[row.better]
        return f"{start}: {words} {row.opponent} at {row.baseline}."


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
    baseline, difference = entry["baseline"], entry["difference"]
    return Row(
        model=model,
        metric=name,
        meaning=meaning(name, kind),
        arrow="\u2191" if entry["higher_is_better"] else "\u2193",
        value=with_interval(entry["value"], entry["low"], entry["high"]),
        opponent=baseline["name"] if baseline else "",
        baseline=with_interval(baseline["value"], baseline["low"], baseline["high"]) if baseline else "",
        difference=with_interval(**difference, plus=True) if difference else "",
        verdict=VERDICTS[entry["better"]],
        better=entry["better"],
    )


def meaning(name: str, kind: Kind) -> str:
    """What a metric is, in words; nothing for one that this page does not know."""
    if (name, kind) == ("nll", "pairs"):
        return "negative log-likelihood, nats per token of the right answer"
    top = re.fullmatch(r"top(\d+)_accuracy", name)
    if top:
        return f"share of images whose class is among the first {top[1]} answers"
    return MEANINGS.get(name, "")


def compared(results: Sequence[Result]) -> Iterator[Row]:
    """The rows of the table: every metric with a baseline, and the headline of a model that has none."""
    for result in results:
        with_baseline = [row for row in result.rows if row.better is not None]
        yield from with_baseline or [result.headline]


def overview(results: Sequence[Result]) -> str:
    """What a reader with a minute has to know, in one sentence."""
    if not results:
        return "Every model is switched off in params.yaml."
    verdicts = [result.headline.better for result in results]
    parts = [
        f"{verdicts.count(better)} {words}"
        for better, words in (
            ("model", "beat its baseline" if verdicts.count("model") == 1 else "beat their baselines"),
            ("unclear", "cannot be told from a baseline"),
            ("baseline", "lost to a baseline"),
            (None, "without a baseline"),
        )
        if better in verdicts
    ]
    sources = list(dict.fromkeys(result.source for result in results))
    noun = "model" if len(results) == 1 else "models"
    return f"{len(results)} {noun} on {' and '.join(sources)}, judged by the first metric of each: {', '.join(parts)}."
