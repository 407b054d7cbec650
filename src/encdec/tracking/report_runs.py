"""Writes `runs.html` beside the report: for each stage the run that made its outs, with its time and its link.

`python -m encdec.tracking.report_runs data/07_report/index.html` writes it anew, as `make repro` and `make ui` do.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from encdec.outs import write_text
from encdec.params.loading import load_params
from encdec.report.runs import RUNS_FILE, Runs, StageLine, page_id_of, runs_text
from encdec.tracking.address import is_server, without_credentials
from encdec.tracking.digests import out_tag
from encdec.tracking.locked import locked_results
from encdec.tracking.project import find_project
from encdec.tracking.repro import PARENT_TAG, get_run
from encdec.tracking.restored import RESTORED_TAG
from encdec.tracking.store import (
    Store,
    TrackingUnavailable,
    in_short,
    open_store,
    patient_for_seconds,
    reached,
    search,
)

if TYPE_CHECKING:
    from mlflow.entities import Run

LOCAL_UI = "http://127.0.0.1:5000"


def write_report_runs(store: Store, page: Path, *, ui: str = LOCAL_UI, current: str | None = None) -> Path:
    """Write the file beside a page that exists.

    Args:
        ui: where the UI of a local store is to be found; a server's own address is known.
        current: the id of the run of the stage `report`, while that is under way and not in dvc.lock.

    Returns:
        Where it was written.
    """
    base = without_credentials(store.uri) if is_server(store.uri) else ui.rstrip("/")
    found = {stage: newest_run(store, locked.outs) for stage, locked in locked_results(store.project.tree).items()}
    if current is not None:
        found["report"] = get_run(store, current)
    path = page.with_name(RUNS_FILE)
    lines = {stage: stage_line(run, store, base) for stage, run in found.items()}
    runs = Runs(page_id_of(page.read_text(encoding="utf-8")), last_repro(store, found, base), lines)
    write_text(path, runs_text(runs, command=f"python -m encdec.tracking.report_runs {store.project.name(page)}"))
    return path


def write_if_reached(store: Store, page: Path, *, current: str) -> None:
    """The same while a stage runs, which does not fail for it: the file is none of its outs."""
    from mlflow.exceptions import MlflowException

    try:
        with patient_for_seconds():
            write_report_runs(store, page, current=current)
    except (MlflowException, ConnectionError) as error:
        print(f"{RUNS_FILE} was not written: {in_short(error)}", file=sys.stderr)


def newest_run(store: Store, outs: Mapping[str, str]) -> "Run | None":
    """The newest run whose outs have exactly these digests, which a run is given at its good end; trained ones first.

    A row that stands for restored results (see `restored.restored_run`) is found where there is no other.
    """
    if not outs:
        return None
    path, digest = next(iter(outs.items()))
    runs = [
        run
        for run in search(store, f"tags.`{out_tag(path)}` = '{digest}'")
        if RESTORED_TAG in run.data.tags or has_outs(run, outs)
    ]
    return min(runs, key=lambda run: RESTORED_TAG in run.data.tags, default=None)


def has_outs(run: "Run", outs: Mapping[str, str]) -> bool:
    return all(run.data.tags.get(out_tag(path)) == digest for path, digest in outs.items())


def last_repro(store: Store, found: Mapping[str, "Run | None"], base: str) -> StageLine | None:
    """The parent of the stage that was started last."""
    ran = [run for run in found.values() if run is not None and PARENT_TAG in run.data.tags]
    if not ran:
        return None
    last = max(ran, key=lambda run: run.info.start_time)
    parent = get_run(store, last.data.tags[PARENT_TAG])
    return stage_line(parent, store, base) if parent is not None else None


def stage_line(run: "Run | None", store: Store, base: str) -> StageLine:
    if run is None:
        return StageLine("restored", run="", link="", started=None, seconds=None, commit="")
    tags, info = run.data.tags, run.info
    restored = RESTORED_TAG in tags
    ended = info.end_time is not None and info.status != "RUNNING"
    return StageLine(
        state="restored" if restored else "ran" if ended else "running",
        run=info.run_id,
        link=run_page(base, store.experiment_id, info.run_id),
        started=None if restored else info.start_time / 1000,
        seconds=(info.end_time - info.start_time) / 1000 if ended and not restored else None,
        commit=f"{tags['git.commit']}{'+' if tags.get('git.dirty') == 'true' else ''}" if "git.commit" in tags else "",
    )


def run_page(base: str, experiment_id: str, run_id: str) -> str:
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"


def main(page: Path, ui: str) -> None:
    """Say where it was written; without a page there is nothing to write it beside."""
    if not page.is_file():
        raise FileNotFoundError(f"{page}: no such file; it is written by `dvc repro report`")
    project = find_project(Path.cwd())
    params = load_params(project.tree / "params.yaml").params
    try:
        with patient_for_seconds():
            store = open_store(params.tracking.experiment, project)
            with reached(store):
                write_report_runs(store, page, ui=ui)
    except TrackingUnavailable as error:
        print(f"{RUNS_FILE} was not written: {error}", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m encdec.tracking.report_runs", description=__doc__)
    parser.add_argument("page", type=Path, help="the HTML page of the report")
    parser.add_argument("--ui", default=LOCAL_UI, help="where `make ui` serves a local store")
    given = parser.parse_args()
    try:
        main(given.page, given.ui)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
