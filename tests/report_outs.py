"""Small made-up outs of all six models and both kinds of data, in the form that the stages write."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from encdec.params.root import MODEL_NAMES, ModelName
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

CARDS = {
    "images": {
        "kind": "images",
        "channels": 1,
        "height": 8,
        "width": 8,
        "classes": [str(digit) for digit in range(10)],
    },
    "pairs": {
        "kind": "pairs",
        "source_vocab_size": 1288,
        "target_vocab_size": 15,
        "target_tokens": "characters",
        "max_source_length": 38,
        "max_target_length": 11,
    },
}
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
        "dead_units": entry(28.0, 1.5, higher=False),
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
        "expectations": [expectation(name, observed, success=not failed)],
    }


def expectation(name: str, observed: object, *, success: bool = True, column: str = "label") -> dict[str, Any]:
    return {"check": name, "columns": [column], "observed": observed, "success": success, "total": 1797}


def proportions(shares: Mapping[str, float], declared: Mapping[str, float]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The check of the shares of splits with a tolerance of 0.05, and the part of Great Expectations' result."""
    settings, entries = [], []
    for split, share in shares.items():
        low, high = max(0.0, declared[split] - 0.05), min(1.0, declared[split] + 0.05)
        entries.append(expectation("split_proportions", share, success=low <= share <= high, column=f"in_{split}"))
        kwargs = {"column": f"in_{split}", "min_value": low, "max_value": high}
        settings.append({"expectation_config": {"kwargs": kwargs, "meta": {"check": "split_proportions"}}})
    failed = sum(not entry["success"] for entry in entries)
    found = check("split_proportions", failed=failed, severity="warning", observed=shares["train"])
    return found | {"tolerance": 0.05, "expectations": entries}, {"results": settings}


def write_figures(folder: Path) -> None:
    """A figure in each group, drawn here: 40 by 20 pixels, the two schemes in different colours."""
    listed = []
    for group in ("learning", "quality", "mistakes", "code", "samples"):
        for scheme, colour in (("light", "white"), ("dark", "black")):
            image = Image.new("RGB", (40, 20), colour)
            ImageDraw.Draw(image).line((0, 0, 39, 19), fill="red")
            folder.mkdir(parents=True, exist_ok=True)
            image.save(folder / f"{group}_figure.{scheme}.png")
        words = {"name": f"{group}_figure", "title": f"A {group} figure", "caption": "What it shows.", "alt": "A line."}
        listed.append({**words, "width": 40, "height": 20, "group": group})
    write(folder / "figures.json", listed)


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
    write(
        outs.models / model / "spec.json",
        {"model": model, "spec": spec, "card": CARDS["pairs" if model == "seq2seq" else "images"]},
    )
    write_figures(outs.evaluation / model / "figures")
    names = "val/nll,val/mse,val/negative_elbo"
    rows = "".join(f"{epoch},{value},{value},{value}\n" for epoch, value in enumerate((0.9, 0.4, 0.25, 0.2, 0.21), 1))
    write(outs.models / model / "history.csv", f"epoch,{names}\n{rows}")


def write_outs(folder: Path) -> Outs:
    """All that the report reads."""
    made = Outs(*(folder / name for name in ("validation", "prepared", "tuning", "models", "evaluation")))
    for model in MODEL_NAMES:
        write_model(made, model)
    declared = {"train": 0.7, "val": 0.15, "test": 0.15}
    for kind, source, checks in (
        ("images", "digits", [check("schema"), check("duplicates", failed=31, severity="warning", observed=0.01725)]),
        ("pairs", "dates", [check("schema"), check("leakage", observed="0 groups")]),
    ):
        summary = {"kind": kind, "source": source, "rows": 2000, "success": True, "errors": 0, "warnings": 1}
        shares, result = proportions({"train": 0.711, "val": 0.149, "test": 0.14}, declared)
        write(
            made.validation / kind / "validation.json",
            summary | {"checks": [*checks, shares], "great_expectations": result},
        )
    write(made.prepared / "images" / "rejected.csv", "sample,split,reason,detail\n")
    rejected = "1,train,too long,70 characters\n2,val,too long,71 characters\n3,val,empty,\n4,,no text,row 9\n"
    write(made.prepared / "pairs" / "rejected.csv", f"sample,split,reason,detail\n{rejected}")
    return made
