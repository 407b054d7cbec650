"""A run made again: its commit in a worktree of its own, its data, its stage, and what came out beside what it was."""

from datetime import UTC, datetime
from pathlib import Path

from encdec.tracking.digests import dvc_digest
from encdec.tracking.lineage.chain import climb
from encdec.tracking.lineage.history import History
from encdec.tracking.lineage.reference import resolve
from encdec.tracking.lineage.step import Step
from encdec.tracking.reproduction.contents import Contents
from encdec.tracking.reproduction.difference import differences
from encdec.tracking.reproduction.reproducible import kept_diff, reproducible
from encdec.tracking.reproduction.rerun import run_again
from encdec.tracking.reproduction.surroundings import changed_surroundings
from encdec.tracking.reproduction.verdict import Compared, Verdict
from encdec.tracking.reproduction.worktree import temporary_worktree
from encdec.tracking.store import Store

VERDICT_TAG = "encdec.reproduced"
WHEN_TAG = "encdec.reproduced.at"
UNEXPLAINED = (
    "nothing that a run records is other than then: the stage itself gives other results each time "
    "(a clock, chance without a seed, the order of threads)"
)


def reproduce(
    store: Store, reference: str, *, everything: bool, without_changes: bool = False, keep: bool = False
) -> Verdict:
    """Make the outs of a run again, and say on the run whether they are identical.

    Args:
        reference: see `reference.resolve`.
        everything: run all stages that it came from, and not only those whose outs are nowhere any more.
        without_changes: go on without the uncommitted changes of then, where they were not kept.
        keep: leave the worktree.

    Raises:
        ValueError: the reference means nothing, or the run cannot be made again; the message says what is missing.
        ChildProcessError: a stage failed.
    """
    history = History(store)
    step = resolve(history, reference).step
    run = reproducible(step, reference)
    diff = None if without_changes else kept_diff(store, run)
    chain = {step.key: step}
    climb(history, chain, step)
    project = store.project
    with temporary_worktree(project, step.commit, diff=diff, keep=keep) as tree:
        contents = Contents(project)
        ran = run_again(tree, step, chain.values(), contents=contents, everything=everything)
        outs = [
            compared(each.label, path, digest, tree=tree, contents=contents)
            for each in chain.values()
            if each.label in ran and (each.key == step.key or each.kind != "data")
            for path, digest in each.outs.items()
        ]
        changed = changed_surroundings(store, run.info.run_id, run.data.tags, tree / "requirements.lock")
        found = Verdict(run.info.run_id, step.label, step.commit, ran, outs, changed, (), tree if keep else None)
        return found._replace(reasons=reasons(found, step, tree=tree, without_changes=without_changes and step.dirty))


def tag_verdict(store: Store, found: Verdict) -> None:
    """Say it of the run as well."""
    store.client.set_tag(found.run_id, VERDICT_TAG, "identical" if found.identical else "different")
    store.client.set_tag(found.run_id, WHEN_TAG, datetime.now(UTC).isoformat(timespec="seconds"))


def compared(stage: str, path: str, digest: str, *, tree: Path, contents: Contents) -> Compared:
    place = tree / path
    if not place.exists():
        return Compared(stage, path, digest, None, ["it was not made"])
    now = dvc_digest(place)
    return Compared(stage, path, digest, now, [] if now == digest else differences(contents, digest, place))


def reasons(found: Verdict, step: Step, *, tree: Path, without_changes: bool) -> list[str]:
    """Why outs differ, as far as what is recorded says."""
    if found.identical:
        return []
    from encdec.params.loading import load_params

    told = list(found.changed)
    if without_changes:
        told.append("the tree had uncommitted changes, without which it was run")
    if (accelerator := load_params(tree / "params.yaml").params.accelerator) != "cpu":
        told.append(f"params.yaml: accelerator: {accelerator}: only cpu gives the same bytes each time")
    before = [out for out in found.outs if out.stage != step.label and not out.identical]
    if before:
        told.append(f"it was made from others: {', '.join(f'{out.path} ({out.stage})' for out in before)}")
    return told or [UNEXPLAINED]
