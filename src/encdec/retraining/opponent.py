"""What a retrained model is measured against: the champion, or the model of the last commit."""

from pathlib import Path
from typing import NamedTuple

from encdec.params.root import Params
from encdec.promotion.compare import Stored, opponent_of
from encdec.retraining.base import COMMIT_CHARACTERS, restore
from encdec.retraining.case import Case
from encdec.retraining.measured import Both, measure_both
from encdec.tracking.registry import fetch_model
from encdec.tracking.store import reached

CHAMPION = "champion"
REMEDY = (
    "run `make repro` without the change and commit its dvc.lock, or give DVC a remote that has it "
    "(retraining.remote of params.yaml)"
)


class Opposed(NamedTuple):
    """What there was before in words, None in the first training of a model; and the model.

    `incomparable`: why there is one that cannot be measured here: it is of another task, lost, or nobody here has it.
    """

    label: str | None
    stored: Stored | None
    incomparable: str | None


def find_opponent(case: Case, challenger: Stored) -> Opposed:
    """The champion of the registry, else the model that the last commit's dvc.lock names."""
    version = case.champion.version if case.champion is not None else None
    model = case.base.model(case.name)
    if version is None and model is None:
        return Opposed(None, None, None)
    label = f"the model of commit {(case.base.commit or '')[:COMMIT_CHARACTERS]}"
    if version is not None:
        label = f"version {version}, the champion of the registry"
    try:
        if version is not None:
            with reached(case.store):
                folder = fetch_model(case.store, f"models:/{case.name}/{version}", to=case.scratch / CHAMPION)
            return Opposed(label, opponent_of(challenger, folder), None)
        assert model is not None
        return of_commit(case, challenger, label, model)
    except ValueError as error:  # Incomparable, or its files are lost or broken
        return Opposed(label, None, str(error))


def of_commit(case: Case, challenger: Stored, label: str, model: tuple[str, str]) -> Opposed:
    """The model that the last commit's dvc.lock names, or the same one as it was made again here.

    Raises:
        Incomparable: it is of another task.
    """
    project, scratch = case.store.project, case.scratch / CHAMPION
    folder = restore(project, *model, scratch=scratch)
    again = case.champion.again if case.champion is not None else None
    if folder is None and again is not None:
        label = f"{label} as it was made again here"
        folder = restore(project, model[0], again, scratch=scratch)
    if folder is None:
        return Opposed(label, None, f"neither DVC's cache here nor a remote has it: {REMEDY}")
    return Opposed(label, opponent_of(challenger, folder), None)


def measured(test: Path, challenger: Stored, opposed: Opposed, params: Params) -> tuple[Both, Opposed]:
    """Both on all test rows of now; a champion that cannot be measured there is left out, and told."""
    if opposed.stored is not None:
        try:
            return measure_both(test, challenger, opposed.stored, params), opposed
        except ValueError as error:
            opposed = opposed._replace(stored=None, incomparable=str(error))
    return measure_both(test, challenger, None, params), opposed
