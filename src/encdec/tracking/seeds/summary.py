"""The row of a group of seeds: one run with the mean and the standard deviation of every number over its trainings."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from filelock import FileLock

from encdec.tracking.flat import MAX_TAG, cut
from encdec.tracking.notes import NOTE_TAG, seeds_note
from encdec.tracking.recorder import Recorder
from encdec.tracking.seeds.groups import EVALUATION_GROUP_TAG, GROUP_TAG
from encdec.tracking.seeds.members import TAGS, Member, members, shared_params, shared_tags, statistics_of
from encdec.tracking.store import Store, search

if TYPE_CHECKING:
    from mlflow.entities import Run

STAGE = "train seeds"
"""`tags.stage LIKE 'train%'` finds these rows and the trainings: MLflow's filters have no `or`."""
LEAST_SEEDS = 2
LOCK_FILE = "seeds.lock"
LOCK_SECONDS = 120
MAX_ROUNDS = 10
SEEDS_FILE = "seeds.json"
COUNT = "num_seeds"


def bring_up_to_date(store: Store, group: str) -> None:
    """Make the rows of a group of seeds what its trainings say now; a group of one seed has none.

    Another machine may do the same at the same time, with other trainings in its sight: each reads again after it has
    written, until what it reads is what it would write. So whoever writes last has seen all that was there by then, and
    who adds a training after that comes here, too.
    """
    with FileLock(store.project.work / LOCK_FILE, timeout=LOCK_SECONDS):
        for _ in range(MAX_ROUNDS):
            if not write_rows(store, group):
                return


def bring_all_up_to_date(store: Store) -> None:
    """For trainings that were deleted, and for those whose process died before it came to this."""
    found = search(store, f"tags.stage LIKE 'train%' and tags.{GROUP_TAG} IS NOT NULL")
    for group in sorted({run.data.tags[GROUP_TAG] for run in found}):
        bring_up_to_date(store, group)


def seed_rows(store: Store, group: str) -> list["Run"]:
    """The rows of a group, the oldest first: one for each way in which it was evaluated."""
    found = search(store, f"tags.stage = '{STAGE}' and tags.{GROUP_TAG} = '{group}'")
    return sorted(found, key=lambda run: (run.info.start_time, run.info.run_id))


def write_rows(store: Store, group: str) -> bool:
    """One round.

    Returns:
        Whether something had to be written.
    """
    from mlflow.exceptions import MlflowException

    found = {key: seeds for key, seeds in members(store, group).items() if len(seeds) >= LEAST_SEEDS}
    rows: dict[str, Run] = {}
    changed = False
    for row in seed_rows(store, group):
        key = row.data.tags[EVALUATION_GROUP_TAG]
        if key in rows or key not in found:  # another machine was as quick, or trainings were deleted
            store.client.delete_run(row.info.run_id)
            changed = True
        else:
            rows[key] = row
    for key, seeds in found.items():
        row = rows.get(key) or create(store, {GROUP_TAG: group, EVALUATION_GROUP_TAG: key})
        try:
            changed = write(store, row, seeds) or changed
        except MlflowException:
            if not touched_by_another(row, store.client.get_run(row.info.run_id)):
                raise
            changed = True
    return changed


def touched_by_another(before: "Run", now: "Run") -> bool:
    """Whether another machine was as quick: it took this row for one too many, or it wrote its parameters.

    MLflow tries again where two writers insert the same tag or metric, but not where they insert the same parameter.
    """
    return now.info.lifecycle_stage != "active" or not now.data.params.keys() <= before.data.params.keys()


def create(store: Store, tags: dict[str, str]) -> "Run":
    return store.client.create_run(store.experiment_id, tags={**tags, "stage": STAGE})


def write(store: Store, row: "Run", seeds: Sequence[Member]) -> bool:
    """Write what differs. The newest number is that of the highest step, whatever the clocks of the machines say."""
    run_id, numbers, tags = row.info.run_id, statistics_of(seeds), shared_tags(seeds)
    name = f"{tags.get('model', 'model')}, {len(seeds)} seeds"
    note = seeds_note(store.experiment_id, tags, numbers, [member.run for member in seeds])
    tags[NOTE_TAG] = cut(note, MAX_TAG)
    new_numbers = {key: value for key, value in numbers.items() if not same(row.data.metrics.get(key), value)}
    new_tags = {key: tag for key, tag in tags.items() if row.data.tags.get(key) != tag}
    old_tags = row.data.tags.keys() & TAGS - tags.keys()
    if not (new_numbers or new_tags or old_tags) and (row.info.run_name, row.info.status) == (name, "FINISHED"):
        return False
    step = max((metric.step + 1 for metric in store.client.get_metric_history(run_id, COUNT)), default=0)
    recorder = Recorder(store, run_id)
    recorder.log_metrics({**new_numbers, COUNT: numbers[COUNT]}, step)
    recorder.log_params({key: value for key, value in shared_params(seeds).items() if key not in row.data.params})
    recorder.set_tags(new_tags)
    recorder.flush()
    for key in old_tags:
        store.client.delete_tag(run_id, key)
    store.client.log_text(run_id, seeds_text(seeds, numbers), SEEDS_FILE)
    store.client.update_run(run_id, name=name)
    if row.info.status != "FINISHED":
        store.client.set_terminated(run_id, "FINISHED", end_time=row.info.start_time)  # it takes no time
    return True


def same(known: float | None, value: float) -> bool:
    return known == value or (known is not None and math.isnan(known) and math.isnan(value))


def seeds_text(seeds: Sequence[Member], numbers: dict[str, float]) -> str:
    """The numbers of every seed beside their mean and standard deviation, as JSON."""
    content = {
        "statistics": numbers,
        "seeds": [{"seed": each.seed, "run_id": each.run.info.run_id, "metrics": each.metrics} for each in seeds],
    }
    return json.dumps(content, indent=2) + "\n"


class SeedRow(NamedTuple):
    """A row of seeds and how it is found together with its trainings."""

    name: str
    filter: str


def rows_of(store: Store, weights: Mapping[int, tuple[str, str]]) -> list[SeedRow]:
    """The rows that have some of these trainings.

    Args:
        weights: by seed the name of a model's folder in dvc.lock, and its digest.
    """
    groups: set[str] = set()
    for name, digest in weights.values():
        trained = search(store, f"tags.stage = 'train' and tags.`dvc.out/{name}` = '{digest}'")
        groups |= {run.data.tags[GROUP_TAG] for run in trained if GROUP_TAG in run.data.tags}
    for group in sorted(groups):
        bring_up_to_date(store, group)
    rows = [row for group in sorted(groups) for row in seed_rows(store, group)]
    return [SeedRow(row.info.run_name, f"tags.{GROUP_TAG} = '{row.data.tags[GROUP_TAG]}'") for row in rows]
