"""Ended trials on the disk: what was written comes back exactly, and what is not whole is run again."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from encdec.outs import write_json
from encdec.tuning.records import Distributions, TrialRecord, read_records, write_record

SPACE: Distributions = {
    "training.learning_rate": FloatDistribution(1e-300, 1e300, log=True),
    "network.hidden_dim": IntDistribution(2, 64),
    "network.batch_norm": CategoricalDistribution((True, 1, 0.5, "1")),
}


def record(
    number: int = 0, *, params: dict[str, object] | None = None, reported: dict[int, float] | None = None
) -> TrialRecord:
    trial = create_trial(
        value=0.25,
        params=params or {"training.learning_rate": 0.1, "network.hidden_dim": 8, "network.batch_norm": "1"},
        distributions=dict(SPACE),
        intermediate_values={0: 0.5, 1: 0.25} if reported is None else reported,
    )
    trial.number = number
    return TrialRecord.of(trial, epochs={1: {"val/mse": 0.5}, 2: {"val/mse": 0.25}}, best_epoch=2, reason=None)


def write(folder: Path, *numbers: int) -> None:
    for number in numbers:
        write_record(folder, record(number))


def without_times(trial: FrozenTrial) -> dict[str, object]:
    return {key: value for key, value in vars(trial).items() if "datetime" not in key}


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(
    rate=st.floats(1e-300, 1e300),
    choice=st.sampled_from([True, 1, 0.5, "1"]),
    score=finite,
    reported=st.dictionaries(st.integers(0, 99), finite),
)
def test_a_trial_comes_back_as_it_was_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, rate: float, choice: object, score: float, reported: dict[int, float]
) -> None:
    folder = tmp_path_factory.mktemp("study")
    before = create_trial(
        state=TrialState.PRUNED,
        value=score,
        params={"training.learning_rate": rate, "network.hidden_dim": 2, "network.batch_norm": choice},
        distributions=dict(SPACE),
        intermediate_values=reported,
    )
    before.number = 0
    write_record(folder, TrialRecord.of(before, epochs={}, best_epoch=None, reason="worse than the median"))
    (read,) = read_records(folder, SPACE)
    after = read.trial()
    after.number = 0  # the study gives it
    assert without_times(after) == without_times(before)
    assert type(after.params["network.batch_norm"]) is type(choice), "true, 1 and 1.0 are equal in Python"


def test_metrics_that_are_not_finite_are_kept_as_well_in_standard_json(tmp_path: Path) -> None:
    metrics = {"val/mse": math.nan, "val/nll": math.inf, "train/loss": -math.inf}
    write_record(tmp_path, record().model_copy(update={"epochs": {1: metrics}}))
    (file,) = tmp_path.iterdir()
    json.loads(file.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    (read,) = read_records(tmp_path, SPACE)
    assert math.isnan(read.epochs[1]["val/mse"])
    assert (read.epochs[1]["val/nll"], read.epochs[1]["train/loss"]) == (math.inf, -math.inf)


def test_nothing_there_is_no_trial_and_no_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_records(tmp_path / "none", SPACE) == []
    assert capsys.readouterr().err == ""


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def change(key: str, value: object) -> Callable[[Path], None]:
    return lambda file: write_json(file, {**json.loads(file.read_text()), key: value})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (half, "Invalid JSON: EOF while parsing"),
        (lambda file: file.write_bytes(b""), "Invalid JSON: EOF while parsing"),
        (lambda file: file.write_bytes(bytes(file.stat().st_size)), "Invalid JSON: expected value"),
        (lambda file: file.write_text("[]"), "should be"),
        (change("number", 4), "it is of trial 5"),
        (change("distributions", {}), "it is of a study with another search"),
        (change("params", {}), "Inconsistent parameters"),
        (change("state", "RUNNING"), "state: Input should be 'COMPLETE' or 'PRUNED'"),
        (change("score", None), "values should be set for a complete trial"),
        (change("reported", {"0": "much"}), "reported: Input should be a valid number"),
    ],
)
def test_a_trial_that_is_not_whole_or_foreign_is_run_again_with_those_after_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], said: str
) -> None:
    write(tmp_path, 0, 1, 2, 3)
    spoil(tmp_path / "trial_3.json")
    assert read_records(tmp_path, SPACE) == [record(0), record(1)]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{tmp_path / 'trial_3.json'} cannot be used (")
    assert said in line
    assert line.endswith("): trial 3 and those after it are run again")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["trial_1.json", "trial_2.json"]


def test_trials_behind_a_missing_one_are_run_again(tmp_path: Path) -> None:
    write(tmp_path, *range(12))  # trial_10 comes before trial_2 by name
    assert [each.number for each in read_records(tmp_path, SPACE)] == list(range(12))
    (tmp_path / "trial_2.json").unlink()
    assert read_records(tmp_path, SPACE) == [record(0)]
    assert [file.name for file in tmp_path.iterdir()] == ["trial_1.json"]


def test_what_a_kill_left_half_written_is_no_record(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    write(folder, 0)
    (folder / ".trial_2.json.partial").write_text("{")
    assert read_records(folder, SPACE) == [record(0)]
