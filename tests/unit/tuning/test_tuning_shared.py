"""A study in a real database, in which others delete and end what this process still tells it about."""

from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from encdec.tuning.shared import NOWHERE, SharedStudy, share


@pytest.fixture
def study(tmp_path: Path) -> SharedStudy:
    return share(RDBStorage(f"sqlite:///{tmp_path / 'studies.db'}"), label="encdec/vae", records=tmp_path / "records")


def test_a_study_that_was_deleted_is_told_nothing_more(study: SharedStudy, capsys: pytest.CaptureFixture[str]) -> None:
    running = study.begin(0, {}, {})
    running.report(0.5, 1)
    optuna.delete_study(study_name=study.name, storage=study.storage)
    running.next_call = 0.0
    running.report(0.4, 2)
    running.fail()
    late = study.begin(1, {}, {})
    assert (late.id, late.open, running.open) == (NOWHERE, False, False)
    late.report(0.3, 1)
    late.fail()
    study.describe({"model": "vae"})
    said = capsys.readouterr().err
    assert f"study {study.name} was deleted in Optuna's storage" in said
    assert "a trial was deleted or ended by others" in said


@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.COMPLETE])
def test_a_trial_that_others_ended_is_told_nothing_more(study: SharedStudy, state: TrialState) -> None:
    trial = study.begin(0, {}, {})
    study.storage.set_trial_state_values(trial.id, state, [0.1] if state is TrialState.COMPLETE else None)
    trial.report(0.5, 1)
    trial.fail()
    assert not trial.open
    assert study.storage.get_trial(trial.id).state is state
    assert study.begin(1, {}, {}).open, "the next one is told"
