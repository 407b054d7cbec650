"""Small made-up outs of all six models and both kinds of data, in the form that the stages write."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from encdec.params.loading import load_params
from encdec.params.root import MODEL_NAMES, ModelName, Params
from encdec.report.build import Outs

GRAPH = """
vars:
  - model:
      cnn: {kind: images}
      autoencoder: {kind: images}
      sparse_autoencoder: {kind: images}
      denoising_autoencoder: {kind: images}
      vae: {kind: images}
      seq2seq: {kind: pairs}
stages:
  check: {cmd: check, outs: [data/00_check.txt]}
  ingest:
    foreach: {images: {source: "${images.source}"}, pairs: {source: "${pairs.source}"}}
    do:
      desc: Fetch the named source.
      cmd: python pipelines/ingest.py ${key} --out data/01_raw/${key}
      deps: [data/00_check.txt]
      outs: ["data/01_raw/${key}"]
  prepare:
    foreach: [images, pairs]
    do:
      cmd: prepare ${item}
      deps: ["data/01_raw/${item}"]
      outs: ["data/03_prepared/${item}/train", "data/03_prepared/${item}/test"]
  tune:
    foreach: ${model}
    do: {cmd: tune, deps: ["data/03_prepared/${item.kind}/train"], outs: ["data/04_tuning/${key}"]}
  train:
    foreach: ${model}
    do:
      cmd: train
      deps: ["data/03_prepared/${item.kind}/train", "data/04_tuning/${key}"]
      outs: ["data/05_models/${key}"]
  evaluate:
    foreach: ${model}
    do:
      cmd: evaluate
      deps: ["data/03_prepared/${item.kind}/test", "data/05_models/${key}"]
      metrics: ["data/06_evaluation/${key}/metrics.json": {cache: false}]
      outs: ["data/06_evaluation/${key}/details"]
  report: {cmd: report, deps: [data/06_evaluation], outs: [data/07_report/index.html]}
"""

Metrics = Mapping[str, Mapping[str, Any]]


def entry(value: float, spread: float, *, higher: bool, other: tuple[str, float] | None = None) -> dict[str, Any]:
    """A metric with a symmetric interval; the difference's interval is as wide as the metric's own."""
    found: dict[str, Any] = {"value": value, "low": value - spread, "high": value + spread}
    found |= {"higher_is_better": higher, "baseline": None, "difference": None, "better": None}
    if other is None:
        return found
    name, theirs = other
    gain = value - theirs
    found["baseline"] = {"name": name, "value": theirs, "low": theirs - spread, "high": theirs + spread}
    found["difference"] = {"value": gain, "low": gain - spread, "high": gain + spread}
    clear = abs(gain) > spread
    found["better"] = ("model" if (gain > 0) == higher else "baseline") if clear else "unclear"
    return found


METRICS: Mapping[ModelName, Metrics] = {
    "cnn": {
        "accuracy": entry(0.9852, 0.013, higher=True, other=("logistic regression", 0.9556)),
        "top3_accuracy": entry(0.9963, 0.0037, higher=True, other=("logistic regression", 0.9926)),
        "nll": entry(0.0512, 0.03, higher=False, other=("logistic regression", 0.1483)),
        "ece": entry(0.0121, 0.006, higher=False, other=("logistic regression", 0.0187)),
    },
    "autoencoder": {
        "mse": entry(0.01012, 0.0006, higher=False, other=("PCA, 12 components", 0.0131)),
        "psnr": entry(20.62, 0.25, higher=True, other=("PCA, 12 components", 19.5)),
    },
    "sparse_autoencoder": {
        "mse": entry(0.0143, 0.0006, higher=False, other=("PCA, 12 components", 0.0131)),
        "mean_active_units": entry(11.93, 0.02, higher=False),
        "dead_units": entry(9.0, 0.0, higher=False),
    },
    "denoising_autoencoder": {
        "psnr": entry(17.31, 0.2, higher=True, other=("Wiener filter", 15.9)),
        "psnr_before": entry(10.45, 0.05, higher=True),
    },
    "vae": {
        "negative_elbo": entry(-31.52, 1.4, higher=False, other=("probabilistic PCA, 12 components", -18.2)),
        "kl": entry(20.31, 0.4, higher=False),
    },
    "seq2seq": {
        "exact_match": entry(0.9712, 0.0071, higher=True, other=("nearest neighbour", 0.031)),
        "token_error_rate": entry(0.0052, 0.0014, higher=False, other=("nearest neighbour", 0.281)),
    },
}


def write(path: Path, content: str | object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def check(name: str, *, failed: int = 0, severity: str = "error", observed: object = None) -> dict[str, Any]:
    rows = [{"sample": "00012", "label": "<b>7</b>"}] if failed else []
    return {
        "check": name,
        "severity": severity,
        "tolerance": 0.01,
        "success": not failed,
        "failed_count": failed,
        "total": 1797,
        "observed": observed,
        "message": f"{failed} of 1,797 rows fail",
        "rows": rows,
        "expectations": [],
    }


def write_model(outs: Outs, model: ModelName) -> None:
    metrics = METRICS[model]
    details = outs.evaluation / model / "details"
    write(details / "evaluation.json", metrics)
    write(
        details / "protocol.json",
        {
            "metrics": list(metrics),
            "rows": 270 if model != "seq2seq" else 2391,
            "split": "test",
            "resamples": 1000,
            "confidence": 0.95,
            "seed": 7,
            "text": "Measured on the test split.",
        },
    )
    write(details / "per_class.csv", "class,f1\n" + "".join(f"{number},0.98{number:02}1234\n" for number in range(12)))
    write(outs.tuning / model / "best.json", {"training.learning_rate": 0.00312345})
    write(
        outs.tuning / model / "trials.csv",
        "trial,state,score,epochs,last_score,training.learning_rate\n"
        "0,COMPLETE,0.0612345678,8,0.0612345678,0.00312345\n1,PRUNED,,2,0.31,0.0001\n",
    )
    spec = {"enabled": True, "network": {"latent_dim": 12}, "training": {"learning_rate": 0.00312345, "batch_size": 64}}
    write(outs.models / model / "spec.json", {"model": model, "spec": spec, "card": {}})
    names = "val/nll,val/mse,val/negative_elbo"
    rows = "".join(f"{epoch},{value},{value},{value}\n" for epoch, value in enumerate((0.9, 0.4, 0.25, 0.2, 0.21)))
    write(outs.models / model / "history.csv", f"epoch,{names}\n{rows}")


@pytest.fixture
def outs(tmp_path: Path) -> Outs:
    made = Outs(*(tmp_path / name for name in ("validation", "prepared", "tuning", "models", "evaluation")))
    for model in MODEL_NAMES:
        write_model(made, model)
    for kind, source, checks in (
        ("images", "digits", [check("schema"), check("duplicates", failed=31, severity="warning", observed=0.01725)]),
        ("pairs", "dates", [check("schema"), check("leakage", observed="0 groups")]),
    ):
        summary = {"kind": kind, "source": source, "rows": 1797, "success": True, "errors": 0, "warnings": 1}
        write(made.validation / kind / "validation.json", summary | {"checks": checks, "great_expectations": {}})
    write(made.prepared / "images" / "rejected.csv", "sample,split,reason\n")
    write(
        made.prepared / "pairs" / "rejected.csv", "sample,split,reason\n1,train,too long\n2,val,too long\n3,val,empty\n"
    )
    return made


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "dvc.yaml"
    path.write_text(GRAPH, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def params(root: Path) -> Params:
    return load_params(root / "params.yaml").params


@pytest.fixture
def without(params: Params) -> Callable[..., Params]:
    """The parameters with some models and kinds of data switched off."""

    def switched(*names: str) -> Params:
        models = {
            name: params.models.named(name).model_copy(update={"enabled": name not in names}) for name in MODEL_NAMES
        }
        return params.model_copy(
            update={
                "models": params.models.model_copy(update=models),
                "images": params.images.model_copy(update={"enabled": "images" not in names}),
                "pairs": params.pairs.model_copy(update={"enabled": "pairs" not in names}),
            }
        )

    return switched
