"""A study in a team's database while it runs, for everybody to see; what is found does not depend on it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from optuna.distributions import BaseDistribution
from optuna.exceptions import DuplicatedStudyError, StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from encdec.outs import write_json
from encdec.pauses import Pauses
from encdec.progress import note
from encdec.tracking.address import masked
from encdec.tuning.databases import STORAGE_VARIABLE, StorageUnavailable
from encdec.tuning.records import TrialRecord

NAME_FILE = "study.json"
TRIAL_ATTRIBUTE = "trial"
"""The number that a trial has everywhere else, from 1; Optuna's own counts failed trials that were run again, too."""
KEY_CHARACTERS = 12
NOWHERE = -1
"""The id of a trial that has no row."""
REPORT_SECONDS, REPORT_SHARE = 1.0, 1 / 200


class Gone(RuntimeError):
    """A study or trial that others have deleted or ended in the database: it is told nothing more."""


class StudyName(BaseModel):
    """What lies beside the records of a study, and goes with them."""

    name: str


class SharedStudy:
    """The rows of one study. A study that was interrupted goes on in its own, and each of its trials has one row.

    This process decides about the trials by itself, from its records; the database is only told. So the outs are the
    same to the byte with it and without it, and whatever others write or delete there.
    """

    def __init__(self, storage: RDBStorage, name: str) -> None:
        self.storage = storage
        self.name = name
        self.gone = False
        with used(storage):
            try:
                self.id = storage.create_new_study([StudyDirection.MINIMIZE], name)
            except DuplicatedStudyError:
                self.id = storage.get_study_id_from_name(name)
            found = storage.get_all_trials(self.id, deepcopy=False)
        self.trials = {
            int(trial.user_attrs[TRIAL_ATTRIBUTE]) - 1: trial
            for trial in found
            if TRIAL_ATTRIBUTE in trial.user_attrs and trial.state is not TrialState.FAIL
        }

    def describe(self, attributes: Mapping[str, str]) -> None:
        try:
            with used(self.storage):
                for key, value in attributes.items():
                    self.storage.set_study_user_attr(self.id, key, value)
        except Gone:
            self.leave()

    def leave(self) -> None:
        self.gone = True
        note(f"study {self.name} was deleted in Optuna's storage ({STORAGE_VARIABLE}): it is told nothing more")

    def replay(self, records: Sequence[TrialRecord]) -> None:
        """Bring in ended trials that the database lacks, or has as RUNNING: the process died before it could say."""
        for record in records:
            known = self.trials.get(record.number)
            if known is None or not known.state.is_finished():
                trial = record.trial()
                self.begin(record.number, trial.params, trial.distributions).end(record)

    def begin(
        self, number: int, params: Mapping[str, object], distributions: Mapping[str, BaseDistribution]
    ) -> "SharedTrial":
        """The row of a trial from here on, RUNNING; that of a killed process where there is one.

        Args:
            number: from 0.
        """
        if self.gone:
            return SharedTrial(self.storage, NOWHERE, open=False)
        known = self.trials.get(number)
        if known is not None and dict(known.params) == dict(params):
            return SharedTrial(self.storage, known._trial_id, open=not known.state.is_finished())
        template = create_trial(
            state=TrialState.RUNNING,
            params=dict(params),
            distributions=dict(distributions),
            user_attrs={TRIAL_ATTRIBUTE: number + 1},
        )
        try:
            with used(self.storage):
                return SharedTrial(self.storage, self.storage.create_new_trial(self.id, template), open=True)
        except Gone:
            self.leave()
            return SharedTrial(self.storage, NOWHERE, open=False)


class SharedTrial:
    """The row of one trial. Scores are sent at once, but where a call is slow, with fewer calls.

    Args:
        open: it has not ended; what has ended cannot be changed and stays as it is.
    """

    def __init__(self, storage: RDBStorage, trial_id: int, *, open: bool) -> None:
        self.storage = storage
        self.id = trial_id
        self.open = open
        self.waiting: dict[int, float] = {}
        self.pauses = Pauses(REPORT_SECONDS, share=REPORT_SHARE)
        self.next_call = 0.0

    def report(self, score: float, epoch: int) -> None:
        self.waiting[epoch] = score
        if time.monotonic() >= self.next_call:
            self.send()

    def send(self) -> None:
        began = time.monotonic()
        try:
            with used(self.storage):
                for epoch, score in self.waiting.items() if self.open else ():
                    self.storage.set_trial_intermediate_value(self.id, epoch, score)
        except Gone:
            self.leave()
        self.waiting = {}
        ended = time.monotonic()
        self.next_call = ended + self.pauses.after(ended - began)

    def end(self, record: TrialRecord) -> None:
        self.waiting = dict(record.reported)
        self.send()
        values = None if record.score is None else [record.score]
        self.close(TrialState[record.state], values)

    def fail(self) -> None:
        """It is run again in a row of its own."""
        self.close(TrialState.FAIL, None)

    def close(self, state: TrialState, values: list[float] | None) -> None:
        try:
            if self.open:
                with used(self.storage):
                    self.storage.set_trial_state_values(self.id, state, values)
        except Gone:
            self.leave()
        self.open = False

    def leave(self) -> None:
        self.open = False
        note(
            f"a trial was deleted or ended by others in Optuna's storage ({STORAGE_VARIABLE}): it is told nothing more"
        )


def share(storage: RDBStorage, *, label: str, records: Path) -> SharedStudy:
    """The study of a folder of records: a new one, or its own from before a kill.

    Args:
        label: the first part of its name, e.g. encdec/vae; the folder's name and a random part follow.
    """
    file = records / NAME_FILE
    try:
        name = StudyName.model_validate_json(file.read_bytes()).name
    except (FileNotFoundError, ValidationError):
        name = f"{label}/{records.name[:KEY_CHARACTERS]}-{uuid4().hex[:8]}"
        records.mkdir(parents=True, exist_ok=True)
        write_json(file, {"name": name})
    return SharedStudy(storage, name)


@contextmanager
def used(storage: RDBStorage) -> Iterator[None]:
    """Says in a sentence that the database was lost in the middle; nothing else of the study is.

    Raises:
        StorageUnavailable: for whatever Optuna or the driver say.
        Gone: the study or the trial is not there any more, or was ended by others.
    """
    try:
        yield
    except (KeyError, UpdateFinishedTrialError) as error:  # what Optuna raises for them
        raise Gone(str(error)) from error
    except (StorageInternalError, SQLAlchemyError) as error:
        cause = error.__cause__ or error  # Optuna's own words guess at a mistake in the data
        said = (masked(str(cause)).strip().splitlines() or [type(cause).__name__])[0]
        where = f"Optuna's storage at {masked(storage.url)} ({STORAGE_VARIABLE})"
        raise StorageUnavailable(
            f"{where} was lost: {said}. The ended trials are kept: start the same command again when it is back, or "
            f"without {STORAGE_VARIABLE}"
        ) from None  # the cause might show the password
