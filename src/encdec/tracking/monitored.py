"""A comparison of a batch as a run of MLflow."""

from collections.abc import Mapping
from typing import NamedTuple

from encdec.tracking.notes import NOTE_TAG
from encdec.tracking.recorder import Recorder, clean_tags
from encdec.tracking.store import Store, end_run

FOLDER = "monitoring"


class MonitorRecord(NamedTuple):
    """What is kept; `note`: Markdown for the UI, `files`: texts by name."""

    name: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    note: str
    files: Mapping[str, str]


def record_monitoring(store: Store, record: MonitorRecord) -> str:
    """Write everything, and end the run well; its id."""
    run = store.client.create_run(store.experiment_id, run_name=record.name, tags=clean_tags(record.tags))
    run_id = str(run.info.run_id)
    for name, text in record.files.items():
        store.client.log_text(run_id, text, f"{FOLDER}/{name}")
    recorder = Recorder(store, run_id)
    recorder.log_metrics(record.metrics)
    recorder.set_tags({NOTE_TAG: record.note})
    recorder.flush()
    end_run(store, run_id, "FINISHED")
    return run_id
