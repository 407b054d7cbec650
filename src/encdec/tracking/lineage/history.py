"""The runs of a database by what they made and what they read, asked once for each digest."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from encdec.tracking.digests import from_tag, in_tag
from encdec.tracking.flat import safe_key
from encdec.tracking.lineage.step import Step, step_of_data, step_of_lock, step_of_run
from encdec.tracking.locked import LockedStage, locked_results, maker
from encdec.tracking.registry import SOURCE
from encdec.tracking.restored import makers
from encdec.tracking.store import PAGE, Store, search

if TYPE_CHECKING:
    from mlflow.entities import Run


class Version(NamedTuple):
    """A version in the registry; `run_id`: of the training, "" where it has none here."""

    name: str
    version: str
    aliases: tuple[str, ...]
    run_id: str

    @property
    def key(self) -> str:
        return f"models:/{self.name}/{self.version}"


class History:
    """What runs and dvc.lock know. Nothing of it changes while it is used: make a new one to look again."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.locked: Mapping[str, LockedStage] = locked_results(store.project.tree)
        self.made: dict[tuple[str, str], list[Run]] = {}
        self.read: dict[tuple[str, str], list[Run]] = {}
        self.registered: dict[str, list[Version]] | None = None

    def makers(self, path: str, digest: str) -> list["Run"]:
        """The finished runs with that out, the newest first, rows of restored results last."""
        if (path, digest) not in self.made:
            self.made[path, digest] = makers(self.store, path, digest)
        return self.made[path, digest]

    def maker(self, path: str, digest: str) -> Step:
        """Where some data came from: a run, else a stage in dvc.lock, else nowhere: a user's own data."""
        found = self.makers(path, digest)
        if found:
            return step_of_run(found[0], others=len(found) - 1)
        stage = maker(self.locked, path, digest)
        return step_of_data(path, digest) if stage is None else step_of_lock(stage, self.locked[stage])

    def source(self, step: Step, path: str, digest: str) -> Step:
        """Where a step's input came from: the run that it is linked to, else the last one before it that made the same.

        Only a step that dvc.lock alone knows, or one of a database that is not whole, takes any run that did.
        """
        if step.run is None:
            return self.maker(path, digest)
        linked, began = step.run.data.tags.get(safe_key(from_tag(path))), step.run.info.start_time
        found = self.makers(path, digest)
        earlier = [run for run in found if run.info.start_time < began]
        run = next((run for run in found if run.info.run_id == linked), next(iter(earlier), None))
        return self.maker(path, digest) if run is None else step_of_run(run, others=len(found) - 1)

    def readers(self, path: str, digest: str, *, every: bool) -> list[Step]:
        """What was made from some data, sorted by stage.

        Of runs of one stage with the same outs the last stands for all, unless `every`; runs that did not end well
        count where no other of their stage is.
        """
        if (path, digest) not in self.read:
            self.read[path, digest] = search(self.store, f"tags.`{safe_key(in_tag(path))}` = '{digest}'")
        steps = [step_of_run(run) for run in self.read[path, digest]]
        kept = steps if every else last_results(steps)
        labels = {step.label for step in steps}
        kept += [
            step_of_lock(label, stage)
            for label, stage in self.locked.items()
            if stage.deps.get(path) == digest and label not in labels and not self.ran(stage)
        ]
        return sorted(kept, key=lambda step: step.label)

    def ran(self, stage: LockedStage) -> bool:
        return any(self.makers(path, digest) for path, digest in list(stage.outs.items())[:1])

    def versions(self, step: Step) -> Sequence[Version]:
        """Those that were registered from a training run, the oldest first."""
        if self.registered is None:
            self.registered = {}
            for version in registry_versions(self.store):
                self.registered.setdefault(version.run_id, []).append(version)
        return self.registered.get(step.key, ())


def last_results(steps: Iterable[Step]) -> list[Step]:
    """Given the newest first: of each stage the finished ones with different outs, else the newest."""
    finished: dict[tuple[str, tuple[tuple[str, str], ...]], Step] = {}
    unfinished: dict[str, Step] = {}
    for step in steps:
        if step.run is not None and step.run.info.status != "FINISHED":
            unfinished.setdefault(step.label, step)
            continue
        group = step.label, tuple(sorted(step.outs.items()))
        known = finished.get(group)
        finished[group] = step if known is None else known._replace(others=known.others + 1)
    done = {step.label for step in finished.values()}
    return [*finished.values(), *(step for label, step in unfinished.items() if label not in done)]


def registry_versions(store: Store) -> list[Version]:
    """Every version of every model, in the order of their names and numbers."""
    client, found, token = store.client, [], None
    aliases = {model.name: model.aliases for model in client.search_registered_models(max_results=PAGE)}
    while True:
        page = client.search_model_versions(max_results=PAGE, page_token=token)
        for each in page:
            named = [alias for alias, number in aliases.get(each.name, {}).items() if str(number) == str(each.version)]
            run_id = each.run_id or run_of_model(
                store, each.model_id or next(iter(SOURCE.findall(each.source or "")), "")
            )
            found.append(Version(each.name, str(each.version), tuple(sorted(named)), run_id or ""))
        token = page.token
        if not token:
            return sorted(found, key=lambda version: (version.name, int(version.version)))


def run_of_model(store: Store, model_id: str) -> str:
    """The training run of a logged model; empty where the model is gone."""
    from mlflow.exceptions import MlflowException

    if not model_id:
        return ""
    try:
        return str(store.client.get_logged_model(model_id).source_run_id or "")
    except MlflowException:
        return ""
