"""What a person may name a result by: a run, a model, a digest or a file."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from encdec.masking import masked
from encdec.tracking.digests import dvc_digest, read_ignore
from encdec.tracking.lineage.history import History
from encdec.tracking.lineage.step import IN, OUT, Step, part, step_of_run
from encdec.tracking.locked import around
from encdec.tracking.registry import RUN, logged_model
from encdec.tracking.repro import PARENT_TAG, get_run
from encdec.tracking.store import Store, search

if TYPE_CHECKING:
    from mlflow.entities import Run

HEX = re.compile(r"[0-9a-f]{6,32}(?:\.dir)?")
FORMS = (
    "a run id (or its first 6 characters or more), models:/NAME@ALIAS, models:/NAME/VERSION, models:/m-ID, runs:/ID, "
    "a digest of DVC (or its beginning), or the path of a file or a folder"
)
SHOWN = 8


class Focus(NamedTuple):
    """What was asked for. `only`: of the step's outs, those that were meant, by path; all where it is empty.

    `said`: how the reference was understood.
    """

    step: Step
    only: tuple[str, ...]
    said: str


def resolve(history: History, reference: str) -> Focus:
    """The step that a reference means.

    Raises:
        ValueError: it means nothing that is known, or several things; the message says what there is.
    """
    store = history.store
    if reference.startswith("models:/"):
        model = logged_model(store, reference)
        run = get_run(store, model.source_run_id or "")
        if run is None:
            raise ValueError(f"{reference}: the run that trained it is not in {masked(store.uri)} any more")
        return Focus(step_of_run(run), (), f"{reference} was trained by run {run.info.run_id}")
    if found := RUN.fullmatch(reference):
        return focus_of_run(store, reference, by_id(store, reference, found["id"]))
    here = Path(reference)
    if here.exists() or around(history.locked, store.project.name(here)) is not None:
        return focus_of_path(history, here)
    if HEX.fullmatch(reference):
        return by_hex(history, reference)
    raise ValueError(f"{reference}: there is no such file, and it is no address; write {FORMS}")


def by_id(store: Store, reference: str, run_id: str) -> "Run":
    run = get_run(store, run_id)
    if run is None:
        raise ValueError(f"{reference}: there is no such run in {masked(store.uri)}")
    return run


def by_hex(history: History, reference: str) -> Focus:
    """A run by its id, or else what has a digest; both may be given by their beginning."""
    store = history.store
    runs = [] if "." in reference else search(store, f"attributes.run_id LIKE '{reference}%'")
    found = data_of(history, reference)
    names = [f"run {run.info.run_id} ({run.info.run_name})" for run in runs]
    names += [f"{digest} ({path})" for path, digest in found]
    if not names:
        raise ValueError(f"{reference}: no run and no data of {masked(store.uri)} or dvc.lock begins so; write {FORMS}")
    if len(names) > 1:
        what = "means several" if len({digest for _, digest in found}) + len(runs) > 1 else "lies at several paths"
        raise ValueError(f"{reference} {what}: {shortened(names)}; give the run or the path")
    return focus_of_run(store, reference, runs[0]) if runs else focus_of_data(history, *found[0])


def focus_of_run(store: Store, reference: str, run: "Run") -> Focus:
    """A stage's run as it is, a trial's study; a repro has too many."""
    match run.data.tags.get("stage"):
        case "trial":
            study = by_id(store, reference, run.data.tags.get(PARENT_TAG, ""))
            return Focus(step_of_run(study), (), f"{run.info.run_id} is {run.info.run_name} of run {study.info.run_id}")
        case "repro":
            children = search(store, f"tags.`{PARENT_TAG}` = '{run.info.run_id}'")
            names = [f"{step_of_run(child).label} {child.info.run_id[:SHOWN]}" for child in reversed(children)]
            listed = (
                f"give one of its stages: {', '.join(names)}" if names else "none of its stages is in this database"
            )
            raise ValueError(f"{reference} is a whole {run.info.run_name}; {listed}")
        case None:
            raise ValueError(f"{reference} is no run of a stage of this project ({run.info.run_name}); write {FORMS}")
        case _:
            return Focus(step_of_run(run), (), f"run {run.info.run_id}")


def data_of(history: History, beginning: str) -> list[tuple[str, str]]:
    """Paths and digests that begin so: of dvc.lock, else of all runs, which takes longer."""
    locked = {
        (path, digest)
        for stage in history.locked.values()
        for path, digest in (*stage.outs.items(), *stage.deps.items())
        if digest.startswith(beginning)
    }
    if locked:
        return sorted(locked)
    found: set[tuple[str, str]] = set()
    for run in search(history.store, "tags.stage != 'trial'"):
        for prefix in (IN, OUT):
            found |= {each for each in part(run.data.tags, prefix).items() if each[1].startswith(beginning)}
    return sorted(found)


def focus_of_path(history: History, path: Path) -> Focus:
    """The data that lie at a path or around it, as they are now; as dvc.lock has them where they are not here."""
    project = history.store.project
    name = project.name(path)
    data = around(history.locked, name) or name
    place = project.tree / data
    below = sorted(out for stage in history.locked.values() for out in stage.outs if Path(out).is_relative_to(data))
    if below and below != [data]:
        raise ValueError(f"{path} holds the outs of several stages; give one of them: {shortened(below)}")
    locked = [known[data] for stage in history.locked.values() for known in (stage.outs, stage.deps) if data in known]
    digest = dvc_digest(place, ignore=read_ignore(project.tree)) if place.exists() else locked[0]
    focus = focus_of_data(history, data, digest)
    if focus.step.kind == "data" and digest not in locked and not history.readers(data, digest, every=False):
        then = f"; dvc.lock has {locked[0]}" if locked else ""
        raise ValueError(f"{path}: no run read or made {data} as it is now (digest {digest}{then})")
    return focus


def shortened(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


def focus_of_data(history: History, path: str, digest: str) -> Focus:
    step = history.maker(path, digest)
    return Focus(step, (path,), f"{path} with digest {digest}")
