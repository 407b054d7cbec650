"""The model that asks to be the champion: the one that lies in the project, or an older one by its address."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.models.storage import load_model
from encdec.params.problems import nearest
from encdec.params.root import MODEL_NAMES, Kind, ModelName, Params
from encdec.progress import note as say
from encdec.promotion.compare import Stored
from encdec.promotion.gate import Validation
from encdec.promotion.whole import problem_of
from encdec.tracking.aliases import Logged, logged_at, logged_by
from encdec.tracking.chain import REPRO, Data, Trained, find_data, find_trained, made_stages, short, unchanged
from encdec.tracking.digests import dvc_digest, in_tag
from encdec.tracking.evaluated import training_run_of
from encdec.tracking.locked import locked_results
from encdec.tracking.package import Example, log_package
from encdec.tracking.project import Project
from encdec.tracking.registry import FORMS, fetch_model
from encdec.tracking.repro import get_run
from encdec.tracking.restored import record_restored
from encdec.tracking.store import Store

EXAMPLES = 3


class Candidate(NamedTuple):
    """`trained`: where dvc.lock has it, None for one by address; `logged`: None where it was never logged here."""

    stored: Stored
    digest: str
    data: Data
    trained: Trained | None
    logged: Logged | None

    @property
    def name(self) -> ModelName:
        return self.stored.model.name


def find_candidate(store: Store, params: Params, target: str, *, scratch: Path) -> Candidate:
    """What a person named: a model of params.yaml, or an address, whose files are copied into `scratch`.

    Raises:
        ValueError: there is no such model, it is switched off, not trained, not evaluated, or not what dvc.lock says.
    """
    name = next((each for each in MODEL_NAMES if each == target), None)
    if name is not None:
        return of_project(store, params, name)
    if ":" not in target:
        raise ValueError(f"{target}: no model of that name{nearest(target, MODEL_NAMES)}; or write {FORMS}")
    return of_address(store, params, target, scratch=scratch)


def of_project(store: Store, params: Params, name: ModelName) -> Candidate:
    check_enabled(params, name)
    project, kind = store.project, params.models.named(name).kind
    stages = made_stages(project)
    data = find_data(project, stages, kind)
    trained = find_trained(project, stages, name, data)
    folder = project.tree / trained.name
    run = training_run_of(store, trained.name, trained.digest)
    return Candidate(Stored(folder, load_model(folder)), trained.digest, data, trained, logged_by(store, run))


def of_address(store: Store, params: Params, address: str, *, scratch: Path) -> Candidate:
    logged = logged_at(store, address)
    folder = fetch_model(store, address, to=scratch / "candidate")
    stored = Stored(folder, load_model(folder))
    check_enabled(params, stored.model.name)
    kind: Kind = stored.model.card.kind
    data = find_data(store.project, made_stages(store.project), kind)
    return Candidate(stored, dvc_digest(folder), data, None, logged)


def check_enabled(params: Params, name: ModelName) -> None:
    spec = params.models.named(name)
    if not params.kind_enabled(spec.kind):
        raise ValueError(f"params.yaml: {spec.kind}.enabled: is false, and {name} reads them: switch it on and {REPRO}")
    if not spec.enabled:
        raise ValueError(f"params.yaml: models.{name}.enabled: is false: switch it on and {REPRO}")


def log_candidate(store: Store, candidate: Candidate, test: ImageSplit | PairSplit) -> Logged:
    """The logged model of a candidate; weights that came from a DVC remote, or whose files are lost, are logged now."""
    if candidate.logged is not None:
        problem = problem_of(store, f"models:/{candidate.logged.model_id}", digest=candidate.digest)
        if problem is None or candidate.trained is None:
            return candidate.logged
        say(f"{problem}; it is logged again from the project")
    assert candidate.trained is not None  # one by address is logged
    name, digest = candidate.trained
    card = candidate.stored.model.card
    run = training_run_of(store, name, digest)
    run_id = run.info.run_id if run is not None else None
    if run_id is None:
        tags = {"kind": card.kind, "source": card.source}
        run_id = record_restored(store, locked_results(store.project.tree), name, digest, tags=tags)
    assert run_id is not None  # dvc.lock has it
    if isinstance(test, ImageSplit):
        example: Example = test.batch(np.arange(min(EXAMPLES, len(test)))).images.numpy()
    else:
        example = test.rows["source"].head(EXAMPLES).tolist()
    folder = candidate.stored.folder
    return logged_at(store, log_package(store, run_id, folder=folder, name=candidate.name, example=example))


def validation_of(project: Project, data: Data) -> Validation:
    """The result of the suite over the raw data that the test split was prepared from.

    Raises:
        ValueError: the file is not one of the validate stage.
    """
    path = project.tree / data.validation / "validation.json"
    try:
        found = json.loads(path.read_bytes())
        return Validation(bool(found["success"]), int(found["errors"]), int(found["warnings"]), int(found["rows"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a result of the validate stage ({error}): {REPRO}") from error


def check_unchanged(project: Project, candidate: Candidate) -> None:
    """Raises ValueError where what was measured is not what lies in the project any more."""
    data = candidate.data
    unchanged(project, data.test, data.test_digest)
    if candidate.trained is not None:
        unchanged(project, *candidate.trained)


def other_data(store: Store, run_id: str | None, data: Data) -> str | None:
    """Why a model may have been trained on today's test rows; None: it was trained on the rows that belong to them.

    Args:
        run_id: of its training.
    """
    run = get_run(store, run_id or "")
    digest = run.data.tags.get(in_tag(data.train)) if run is not None else None
    if digest is None:
        return "has no training run that tells what it was trained on"
    if digest != data.train_digest:
        return f"was trained on another {data.train} ({short(digest)}) than there is now ({short(data.train_digest)})"
    return None


def megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
