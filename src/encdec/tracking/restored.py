"""Results that came from DVC's cache or a remote: linked to the run that made them, or recorded as restored."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from encdec.params.root import MODEL_NAMES
from encdec.tracking.digests import from_tag, in_tag, out_tag
from encdec.tracking.flat import flattened, safe_key
from encdec.tracking.locked import LockedStage, locked_results, maker
from encdec.tracking.recorder import Recorder
from encdec.tracking.repro import PARENT_TAG
from encdec.tracking.store import Store, search

if TYPE_CHECKING:
    from mlflow.entities import Run

RESTORED_TAG = "encdec.restored"
RESTORED_NOTE = "from a DVC cache or remote: made elsewhere, or before this database was made"
SPEC_FILE = "spec.json"
LOCK_FILE = "restored.lock"
LOCK_SECONDS = 600
FEW = 4
"""Inputs whose runs are asked for one by one; most of many were made in this same repro, which one search gives."""


def makers(store: Store, name: str, digest: str) -> list["Run"]:
    """The finished runs with an out of that name and digest: the newest first, rows of restored ones last."""
    found = search(store, f"tags.`{safe_key(out_tag(name))}` = '{digest}' and attributes.status = 'FINISHED'")
    return sorted(found, key=lambda run: RESTORED_TAG in run.data.tags)


def link_inputs(store: Store, digests: Mapping[str, str], *, tags: Mapping[str, str]) -> dict[str, str]:
    """Tags that say which run made each input of a stage.

    An input that no run of this database made, but that dvc.lock has as an out of a stage, gets a run that stands for
    it, and so does what it was made from.

    Args:
        digests: of the inputs, by name in dvc.lock.
        tags: those that a row for restored results shares with the run that reads it.
    """
    found: dict[str, str] = {}
    stages: Mapping[str, LockedStage] | None = None
    siblings = f"tags.`{PARENT_TAG}` = '{tags.get(PARENT_TAG, '')}' and attributes.status = 'FINISHED'"
    known = outs_of(search(store, siblings)) if len(digests) > FEW else {}
    for name, digest in digests.items():
        if (name, digest) not in known:
            known = outs_of(makers(store, name, digest)) | known
        if (name, digest) in known:
            found[from_tag(name)] = known[name, digest]
            continue
        stages = locked_results(store.project.tree) if stages is None else stages
        if maker(stages, name, digest) is not None:
            found[from_tag(name)] = record_restored(store, stages, name, digest, tags=tags)
    return found


def outs_of(runs: Sequence["Run"]) -> dict[tuple[str, str], str]:
    """The run ids of results by path and digest; the first of the runs counts."""
    return {
        (key.removeprefix(out_tag("")), digest): run.info.run_id
        for run in reversed(runs)
        for key, digest in run.data.tags.items()
        if key.startswith(out_tag(""))
    }


def record_restored(
    store: Store, stages: Mapping[str, LockedStage], name: str, digest: str, *, tags: Mapping[str, str]
) -> str:
    """The id of a row for a result that dvc.lock knows, made with such rows for what it was made from."""
    with FileLock(store.project.work / LOCK_FILE, timeout=LOCK_SECONDS):  # repros side by side miss the same ones
        return find_or_record(store, stages, name, digest, tags=tags) or ""


def find_or_record(
    store: Store, stages: Mapping[str, LockedStage], name: str, digest: str, *, tags: Mapping[str, str]
) -> str | None:
    made = makers(store, name, digest)
    if made:
        return str(made[0].info.run_id)
    label = maker(stages, name, digest)
    if label is None:
        return None
    above = {
        from_tag(path): run_id
        for path, md5 in stages[label].deps.items()
        if (run_id := find_or_record(store, stages, path, md5, tags=tags))
    }
    params = [spec_params(store.project.tree / path) for path in stages[label].outs]
    together = {key: value for each in params for key, value in each.items()}
    return str(restored_run(store, label, stages[label], tags={**tags, **above}, params=together).info.run_id)


def restored_run(
    store: Store, label: str, result: LockedStage, *, tags: Mapping[str, str], params: Mapping[str, object]
) -> "Run":
    """A row for a result that this database has no run of.

    Args:
        label: the stage in dvc.yaml, e.g. train@vae.
        tags: what else is known; of its item only what it says itself.
        params: those that the result says it was made with.
    """
    stage, _, item = label.partition("@")
    begun = unfinished(store, result)
    run = begun or store.client.create_run(
        store.experiment_id,
        run_name=f"{label} (restored)",
        tags={
            **{safe_key(key): value for key, value in tags.items() if key != "model"},  # its reader's
            **item_tags(item),
            "stage": stage,
            "DVC_STAGE": label,
            RESTORED_TAG: "true",
            "encdec.note": RESTORED_NOTE,
            **{safe_key(in_tag(name)): digest for name, digest in result.deps.items()},
            **{safe_key(out_tag(name)): digest for name, digest in result.outs.items()},
        },
    )
    recorder = Recorder(store, run.info.run_id)
    recorder.log_params(params)
    recorder.flush()
    store.client.set_terminated(run.info.run_id, "FINISHED")
    return store.client.get_run(run.info.run_id)


def unfinished(store: Store, result: LockedStage) -> "Run | None":
    """A row whose process was killed while it wrote it."""
    if not result.outs:
        return None
    name, digest = next(iter(result.outs.items()))
    tags = f"tags.`{RESTORED_TAG}` = 'true' and tags.`{safe_key(out_tag(name))}` = '{digest}'"
    return next(iter(search(store, f"{tags} and attributes.status = 'RUNNING'")), None)


def item_tags(item: str) -> dict[str, str]:
    """The model or the kind of data that the name of a stage says."""
    if item in MODEL_NAMES:
        return {"model": item}
    return {"kind": item} if item in ("images", "pairs") else {}


def spec_params(folder: Path) -> dict[str, object]:
    """What made the weights of a folder, as it says itself."""
    file = folder / SPEC_FILE
    if not file.is_file():
        return {}
    spec: Mapping[str, object] = json.loads(file.read_bytes()).get("spec", {})
    return flattened(spec)
