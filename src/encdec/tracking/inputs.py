"""The data that a run used, as MLflow's datasets, without loading it."""

import json
import re
import time
from collections.abc import Mapping
from typing import Literal

from encdec.tracking.store import Store

Context = Literal["training", "validation", "test"]
DIGEST_CHARACTERS = 12
COLLISION = re.compile("(?i)unique|duplicate")
"""How databases say that somebody else was quicker: MLflow looks for a dataset and then makes it, and two clones that
begin at once on the same data make the same one."""
COLLISION_PAUSES = (0.1, 0.3, 1.0)  # seconds; the next time it is found


def log_dataset(
    store: Store, run_id: str, *, name: str, path: str, digest: str, context: Context, tags: Mapping[str, str]
) -> None:
    """One dataset: its name, where it came from, DVC's digest (whole in the tag dvc.md5), and what it was used for."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.exceptions import MlflowException

    dataset = Dataset(name, digest[:DIGEST_CHARACTERS], source_type="local", source=json.dumps({"uri": path}))
    pairs = {"mlflow.data.context": context, "dvc.md5": digest, **tags}
    given = DatasetInput(dataset, [InputTag(key, value) for key, value in pairs.items()])
    for pause in COLLISION_PAUSES:
        try:
            store.client.log_inputs(run_id, [given])
            return
        except MlflowException as error:
            if not COLLISION.search(error.message):
                raise
            time.sleep(pause)
    store.client.log_inputs(run_id, [given])
