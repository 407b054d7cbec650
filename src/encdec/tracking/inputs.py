"""The data that a run used, as MLflow's datasets, without loading it."""

import json
from collections.abc import Mapping
from typing import Literal

from encdec.tracking.store import Store

Context = Literal["training", "validation", "test"]
DIGEST_CHARACTERS = 12


def log_dataset(
    store: Store, run_id: str, *, name: str, path: str, digest: str, context: Context, tags: Mapping[str, str]
) -> None:
    """One dataset: its name, where it came from, DVC's digest (whole in the tag dvc.md5), and what it was used for."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(name, digest[:DIGEST_CHARACTERS], source_type="local", source=json.dumps({"uri": path}))
    pairs = {"mlflow.data.context": context, "dvc.md5": digest, **tags}
    store.client.log_inputs(run_id, [DatasetInput(dataset, [InputTag(key, value) for key, value in pairs.items()])])
