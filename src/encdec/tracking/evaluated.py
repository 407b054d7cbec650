"""A model's row in the comparison: its training run, found by the digest of its weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from encdec.tracking.flat import flattened
from encdec.tracking.recorder import Recorder
from encdec.tracking.repro import PARENT_TAG
from encdec.tracking.store import Store, search

if TYPE_CHECKING:
    from mlflow.entities import Run

SPEC_FILE = "spec.json"


class Weights(NamedTuple):
    """A model's folder: where it lies, its name in dvc.lock and its digest."""

    folder: Path
    name: str
    digest: str


def metrics_of(metrics: Mapping[str, float], baseline: Mapping[str, float]) -> dict[str, float]:
    """Names as in the runs: test/<metric> and baseline/<metric>."""
    return {f"test/{name}": value for name, value in metrics.items()} | {
        f"baseline/{name}": value for name, value in baseline.items()
    }


def training_run_of(store: Store, name: str, digest: str) -> "Run | None":
    """The newest finished run of `train` whose out of that name has that digest, or None.

    Args:
        name: as dvc.lock has it, e.g. data/05_models/vae.
        digest: as dvc.lock has it.
    """
    found = search(store, f"tags.stage = 'train' and tags.`{out_tag(name)}` = '{digest}'")
    return next((run for run in found if run.info.status == "FINISHED"), None)


def out_tag(name: str) -> str:
    return f"dvc.out/{name}"


def in_tag(name: str) -> str:
    return f"dvc.in/{name}"


def restored_run(store: Store, weights: Weights, *, tags: Mapping[str, str]) -> "Run":
    """A row for weights that this database has no training of: they came from a DVC cache or remote.

    Its parameters are those of the spec beside the weights.
    """
    run = store.client.create_run(
        store.experiment_id,
        run_name=f"train@{tags['model']} (restored)" if "model" in tags else "train (restored)",
        tags={
            **tags,
            "stage": "train",
            "encdec.restored": "true",
            "encdec.note": "weights from a DVC cache or remote: trained elsewhere, or before this database was made",
            out_tag(weights.name): weights.digest,
        },
    )
    recorder = Recorder(store, run.info.run_id, continued=False)
    recorder.log_params(spec_params(weights.folder / SPEC_FILE))
    recorder.flush()
    store.client.set_terminated(run.info.run_id, "FINISHED")
    return store.client.get_run(run.info.run_id)


def spec_params(file: Path) -> dict[str, object]:
    if not file.is_file():
        return {}
    spec: Mapping[str, object] = json.loads(file.read_bytes()).get("spec", {})
    return flattened(spec)


def record_evaluation(
    store: Store, run: "Run", *, metrics: Mapping[str, float], evaluation_id: str, commit: str | None
) -> bool:
    """Put an evaluation on the model's row; numbers that it has already are not written again.

    Returns:
        Whether the model was trained at another commit than it was evaluated at.
    """
    trained = run.data.tags.get("git.commit")
    other = commit is not None and trained is not None and trained != commit
    recorder = Recorder(store, run.info.run_id, continued=False)
    known = run.data.metrics
    recorder.log_metrics({name: value for name, value in metrics.items() if known.get(name) != value})
    tags = {"evaluation.run_id": evaluation_id, "evaluation.other_commit": str(other).lower()}
    recorder.set_tags(tags if commit is None else {**tags, "evaluation.git.commit": commit})
    recorder.flush()
    return other


def shared_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Of an evaluation's tags, those that hold for the weights too."""
    return {key: tags[key] for key in ("model", "kind", "source", PARENT_TAG, "mlflow.user") if key in tags}
