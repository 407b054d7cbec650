"""A decision about the registry as a run of MLflow: its numbers, its reasons as tags, its JSON and its page."""

import socket
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from encdec.tracking.address import is_server, without_credentials
from encdec.tracking.git import git_state
from encdec.tracking.notes import NOTE_TAG
from encdec.tracking.recorder import Recorder
from encdec.tracking.report_runs import LOCAL_UI, run_page
from encdec.tracking.repro import DIED
from encdec.tracking.start import git_tags, user_tags, version_tags
from encdec.tracking.store import Store, end_run, search

FOLDER = "promotion"
DOCUMENT, PAGE = "decision.json", "decision.html"
PLACE_TAG = "promotion.place"
"""Stands for the machine and the project where a decision is written; a lock sees to it that only one is at a time."""


class Record(NamedTuple):
    """What is kept of a decision; `note`: Markdown for the UI."""

    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    note: str
    document: str
    page: str


def surroundings(store: Store) -> dict[str, str]:
    """The commit, the user and the versions with which a decision is made."""
    return {**git_tags(git_state(store.project.tree, [])), **user_tags(), **version_tags()}


def begin_decision(store: Store, *, action: str, model: str, version: int) -> str:
    """The id of a run for a decision; one that a dead process left unfinished here goes on.

    The caller holds the lock of the model.
    """
    # a digest: the name of a folder may hold what a filter cannot, as o'neil does
    place = sha256(f"{socket.gethostname()}:{store.project.home}".encode()).hexdigest()
    name, chosen = f"{action} {model} v{version}", None
    unfinished = f"tags.`{PLACE_TAG}` = '{place}' and tags.model = '{model}' and attributes.status = 'RUNNING'"
    for run in search(store, unfinished):
        if chosen is None and run.info.run_name == name:
            chosen = run.info.run_id
        else:
            store.client.set_tag(run.info.run_id, "error", DIED)
            end_run(store, run.info.run_id, "KILLED")
    if chosen is not None:
        return str(chosen)
    tags = {"stage": action, "model": model, PLACE_TAG: place, "promotion.version": str(version), **surroundings(store)}
    return str(store.client.create_run(store.experiment_id, run_name=name, tags=tags).info.run_id)


def end_decision(store: Store, run_id: str, record: Record) -> None:
    """Write everything, and end the run well."""
    store.client.log_text(run_id, record.document, f"{FOLDER}/{DOCUMENT}")
    store.client.log_text(run_id, record.page, f"{FOLDER}/{PAGE}")
    recorder = Recorder(store, run_id)
    recorder.log_metrics(record.metrics)
    recorder.set_tags({**record.tags, NOTE_TAG: record.note})
    recorder.flush()
    end_run(store, run_id, "FINISHED")


def page_place(store: Store, run_id: str) -> str:
    """Where a person finds the page: its path on this machine, or the run on the server."""
    if is_server(store.uri):
        return run_page(without_credentials(store.uri), store.experiment_id, run_id)
    folder = urlsplit(store.client.get_run(run_id).info.artifact_uri)
    if folder.scheme not in ("", "file"):
        return run_page(LOCAL_UI, store.experiment_id, run_id)
    return str(Path(url2pathname(folder.path), FOLDER, PAGE))
