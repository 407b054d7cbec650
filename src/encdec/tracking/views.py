"""What a person sees first in the MLflow UI: the training runs as a table, and the models side by side."""

import json
from typing import TYPE_CHECKING

from encdec.params.root import MODEL_NAMES
from encdec.tracking.notes import EXPERIMENT_NOTE, NOTE_TAG
from encdec.tracking.store import Store, search

if TYPE_CHECKING:
    from mlflow.entities import Run

VIEW = "trainings"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
"""Where MLflow keeps a shared view: the address names it by `viewStateShareKey`."""
TRAININGS = "tags.stage = 'train'"
SHOWN = "tags.stage LIKE 'train%' and attributes.status != 'FAILED'"
"""The trainings, and the rows of their seeds."""
COLUMNS = {
    "attributes.`Run Name`": 205,
    "runDateAndNestInfo": 140,
    "tags.`source`": 70,
    "tags.`headline.metric`": 115,
    "metrics.`test/headline`": 100,
    "metrics.`test/headline/std`": 120,
    "metrics.`baseline/headline`": 125,
    "metrics.`test/headline_gain`": 135,
    "tags.`headline.verdict`": 115,
    "params.`seed`": 55,
    "metrics.`num_seeds`": 85,
    "metrics.`num_parameters`": 115,
    "metrics.`best_epoch`": 85,
    "duration": 75,
    "params.`training.learning_rate`": 150,
    "tags.`git.commit`": 95,
    "tags.`git.dirty`": 70,
}
"""Columns of the table in their order, by MLflow's identifiers, with their widths in pixels."""
ALWAYS_SHOWN = ("attributes.`Run Name`", "runDateAndNestInfo", "duration")


def table_view() -> dict[str, object]:
    """The state of the table as MLflow's front end writes it when somebody shares a view.

    Sorted by the date under its second name: by `attributes.start_time` MLflow folds all stages of a repro into one
    row without metrics.
    """
    return {
        "searchFilter": SHOWN,
        "orderByKey": "attributes.`Created`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": [column for column in COLUMNS if column not in ALWAYS_SHOWN],
        "columnOrder": ["0", "1", *COLUMNS],
        "columnWidths": {"0": 40, "1": 50, **COLUMNS},
    }


def publish(store: Store) -> None:
    """Keep the view and the description with the experiment; a description that somebody wrote stays."""
    tags = store.client.get_experiment(store.experiment_id).tags
    view = json.dumps(table_view())
    if tags.get(VIEW_TAG) != view:
        store.client.set_experiment_tag(store.experiment_id, VIEW_TAG, view)
    if not tags.get(NOTE_TAG):
        store.client.set_experiment_tag(store.experiment_id, NOTE_TAG, EXPERIMENT_NOTE)


def last_trainings(store: Store) -> list["Run"]:
    """The newest finished training run of every model that has one, in the order of params.yaml."""
    found: dict[str, Run] = {}
    for run in search(store, f"{TRAININGS} and attributes.status = 'FINISHED'"):
        found.setdefault(run.data.tags.get("model", ""), run)
    return [found[model] for model in MODEL_NAMES if model in found]
