"""A study on a small real task: deterministic, within its space, and honest about trials that were pruned."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Literal

import numpy as np
import pytest
from optuna import TrialPruned
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from pytorch_lightning import LightningModule, Trainer
from sklearn.datasets import load_digits

from encdec.outs import write_json
from encdec.params.data import TuningRules
from encdec.params.loading import load_params
from encdec.params.root import Space
from encdec.params.search import Choices, Range
from encdec.training.fitting import Data, Fitted, open_data, use_threads
from encdec.tuning.databases import STORAGE_VARIABLE, StorageUnavailable, open_storage
from encdec.tuning.shared import SharedStudy, SharedTrial, share
from encdec.tuning.study import Outcome, Pruning, child_name, progress_line, run_study

pytestmark = pytest.mark.xdist_group("study")  # one study for all of them

SPACE: Space = {
    "training.learning_rate": Range(low=1e-4, high=1e-1, log=True),
    "network.latent_dim": Range(low=2, high=8),
    "network.activation": Choices(choices=("relu", "tanh")),
}


class Killed(BaseException):
    """The process is gone: nothing may catch it."""


class Log:
    """Keeps what a trial reports."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.opened = 0
        self.params: dict[str, object] = {}
        self.metrics: dict[tuple[str, int | None], float] = {}
        self.status = ""
        self.tags: dict[str, str] = {}

    def log_params(self, params: Mapping[str, object]) -> None:
        self.params |= params

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        points = {(name, step): value for name, value in metrics.items()}
        assert not points.keys() & self.metrics.keys(), "a step is logged twice"
        self.metrics |= points

    def end(self, status: str, tags: Mapping[str, str]) -> None:
        self.status, self.tags = status, dict(tags)


class Run:
    """The run of a study, with its trials; it outlives a process."""

    def __init__(self) -> None:
        self.trials: dict[str, Log] = {}

    def child(self, name: str) -> Log:
        log = self.trials.setdefault(name, Log(name))
        log.opened += 1
        log.status = "RUNNING"
        return log

    def has_ended(self, name: str) -> bool:
        return name in self.trials and self.trials[name].tags.get("optuna.state") in ("COMPLETE", "PRUNED")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    folder = tmp_path_factory.mktemp("digits")
    digits = load_digits()
    card = {"kind": "images", "source": "digits", "channels": 1, "height": 8, "width": 8, "pixel_max": 16}
    for split, rows in (("train", slice(0, 256)), ("val", slice(256, 384))):
        (folder / split).mkdir()
        np.save(folder / split / "images.npy", digits.images[rows, None].astype(np.uint8))
        np.save(folder / split / "labels.npy", digits.target[rows].astype(np.int64))
        write_json(folder / split / "card.json", {**card, "classes": [str(digit) for digit in range(10)]})
    return open_data("images", train=folder / "train", val=folder / "val")


Study = Callable[..., tuple[Outcome, list[Log]]]


@pytest.fixture(scope="module")
def study(data: Data, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Run a study; with `run` and `records` of an interrupted one it goes on."""
    use_threads(1)

    def start(
        *,
        trials: int = 8,
        seed: int = 3,
        sampler: Literal["tpe", "random"] = "tpe",
        pruner: Literal["median", "none"] = "median",
        run: Run | None = None,
        records: Path | None = None,
        shared: SharedStudy | None = None,
    ) -> tuple[Outcome, list[Log]]:
        loaded = load_params(root / "params.yaml")
        section = {**loaded.sections["autoencoder"], "tuning": {"trials": trials, "max_epochs": 4, "max_steps": 16}}
        narrow = loaded._replace(
            sections={**loaded.sections, "autoencoder": section},
            spaces={
                **loaded.spaces,
                "autoencoder": {
                    ("training", "weight_decay"): Range(low=1e-6, high=1e-2),
                    **{tuple(key.split(".")): value for key, value in SPACE.items()},
                },
            },
        )
        log = run or Run()
        outcome = run_study(
            "autoencoder",
            space=SPACE,
            resolve=lambda values: narrow.resolve("autoencoder", {"training.weight_decay": 1e-5, **values}),
            rules=TuningRules(sampler=sampler, startup_trials=3, pruner=pruner),
            data=data,
            seed=seed,
            trials=trials,
            log=log,
            records=records or tmp_path_factory.mktemp("records"),
            accelerator="cpu",
            shared=shared,
        )
        return outcome, list(log.trials.values())

    return start


@pytest.fixture(scope="module")
def done(study: Study) -> tuple[Outcome, list[Log]]:
    return study()


def test_the_best_trial_is_the_complete_one_with_the_lowest_score(done: tuple[Outcome, list[Log]]) -> None:
    outcome, _ = done
    complete = outcome.table[outcome.table["state"] == "COMPLETE"]
    best = complete.loc[complete["score"].idxmin()]
    assert outcome.best_score == best["score"]
    assert outcome.best == {key: best[key] for key in SPACE}
    assert len(outcome.table) == 8


def test_every_value_lies_in_its_space(done: tuple[Outcome, list[Log]]) -> None:
    table = done[0].table
    assert table["training.learning_rate"].between(1e-4, 1e-1).all()
    assert set(table["network.latent_dim"]) <= set(range(2, 9))
    assert set(table["network.activation"]) <= {"relu", "tanh"}
    assert table["training.learning_rate"].nunique() > 4


def test_pruned_trials_are_recorded_as_pruned_with_the_epochs_that_they_had(done: tuple[Outcome, list[Log]]) -> None:
    outcome, logs = done
    pruned = outcome.table[outcome.table["state"] == "PRUNED"]
    assert len(pruned) >= 1, "the learning rates of this space lie a factor of a thousand apart"
    assert (pruned["epochs"] < 4).all()
    assert pruned["score"].isna().all()
    for row, log in zip(outcome.table.itertuples(), logs, strict=True):
        assert log.status == ("KILLED" if row.state == "PRUNED" else "FINISHED")
        assert log.tags["optuna.state"] == row.state
        assert log.params == {key: outcome.table.loc[row.Index, key] for key in SPACE}


def test_the_same_seed_gives_the_same_table_and_another_seed_another(
    done: tuple[Outcome, list[Log]], study: Study
) -> None:
    again, _ = study()
    assert again.table.to_csv() == done[0].table.to_csv()
    other, _ = study(seed=4, trials=2)
    assert other.table["training.learning_rate"][0] != again.table["training.learning_rate"][0]


def test_without_a_search_nothing_is_tried(data: Data, tmp_path: Path) -> None:
    rules = TuningRules(sampler="random", startup_trials=0, pruner="none")
    outcome = run_study(
        "autoencoder",
        space={},
        resolve=lambda values: pytest.fail("no trial is needed"),
        rules=rules,
        data=data,
        seed=1,
        trials=8,
        log=Run(),
        records=tmp_path,
        accelerator="cpu",
    )
    assert outcome.best == {}
    assert len(outcome.table) == 0
    assert outcome.best_score is None


def test_only_failures_are_an_error_that_says_what_to_do(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*args: object, **rest: object) -> Fitted:
        raise TrialPruned("val/mse is nan after epoch 1")

    monkeypatch.setattr("encdec.tuning.study.fit", diverge)
    with pytest.raises(
        ValueError, match="none of the 2 trials of autoencoder ended with a finite score: widen or lower"
    ):
        study(trials=2)


# A study that was interrupted and is started again


Kill = Callable[[Run, str, pytest.MonkeyPatch], None]


def kill_before(run: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies where a trial would begin: the one before it has ended and is kept."""

    def child(self: Run, asked: str) -> Log:
        if asked == name:
            raise Killed
        return Run.child(self, asked)

    monkeypatch.setattr(run, "child", MethodType(child, run))


def kill_within(run: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies in the first epoch of a trial, when the score was reported; the run hears no more of it."""
    report = Pruning.on_validation_end

    def on_validation_end(self: Pruning, trainer: Trainer, module: LightningModule) -> None:
        report(self, trainer, module)
        if child_name(self.trial.number) == name:
            monkeypatch.setitem(vars(run.trials[name]), "end", lambda status, tags: None)
            raise Killed

    monkeypatch.setattr(Pruning, "on_validation_end", on_validation_end)


def interrupt(start: Callable[[], object], kill: Kill, run: Run, name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill(run, name, patch)
        with pytest.raises(Killed):
            start()


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("kill", [kill_before, kill_within])
def test_a_study_killed_at_every_trial_ends_in_the_same_table(
    study: Study, tmp_path: Path, sampler: str, kill: Kill
) -> None:
    whole, logs = study(sampler=sampler)
    run = Run()
    start = partial(study, sampler=sampler, run=run, records=tmp_path)
    for number in range(8):
        interrupt(start, kill, run, child_name(number))
        assert len(list(tmp_path.iterdir())) == number
    again, continued = start()
    assert again.table.to_csv() == whole.table.to_csv()
    assert (again.best, again.best_score) == (whole.best, whole.best_score)
    assert list(again.best) == list(whole.best), "the order in which the values are told"
    assert (whole.table["state"][3:] == "PRUNED").any(), "the pruner had to compare with trials that were replayed"
    times = 2 if kill is kill_within else 1  # a trial that has ended is never opened again
    for log, before in zip(continued, logs, strict=True):
        assert vars(log) == vars(before) | {"opened": times}


def test_a_study_that_goes_on_in_another_run_records_its_ended_trials_there_too(study: Study, tmp_path: Path) -> None:
    _, logs = study(trials=5)
    run = Run()
    interrupt(partial(study, trials=5, run=run, records=tmp_path), kill_before, run, "trial 4")
    _, recorded = study(trials=5, run=Run(), records=tmp_path)
    assert [vars(log) for log in recorded] == [vars(log) for log in logs]


def test_a_study_that_goes_on_says_so_and_counts_on(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("encdec.tuning.study.LINE_SECONDS", 0.0)
    run = Run()
    start = partial(study, trials=4, run=run, records=tmp_path)
    interrupt(start, kill_before, run, "trial 3")
    assert "interrupted" not in capsys.readouterr().err
    start()
    said = capsys.readouterr()
    assert "tune autoencoder: 2 of 4 trials of an interrupted study are kept, and it goes on\n" in said.err
    assert [line.split(":")[1] for line in said.out.splitlines()] == [" trial 3 of 4", " trial 4 of 4"]


def test_the_time_left_is_that_of_the_trials_that_this_process_ran() -> None:
    trials = [create_trial(value=0.5), create_trial(value=0.25), create_trial(value=0.75)]
    line = progress_line("vae", trials, of=8, before=2, seconds=60.0)  # one trial in 60 s, five to go
    assert line == "tune vae: trial 3 of 8: 0.7500, best 0.2500 (1 min 00 s, about 5 min 00 s left)"


# A study that a team sees in its database


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RDBStorage:
    """Optuna's tables in a database; test_team.py has the same in PostgreSQL."""
    monkeypatch.setenv(STORAGE_VARIABLE, f"sqlite:///{tmp_path / 'optuna.db'}")
    opened = open_storage()
    assert opened is not None
    return opened


def rows(storage: RDBStorage) -> list[FrozenTrial]:
    """Of the one study that there is."""
    (only,) = storage.get_all_studies()
    return storage.get_all_trials(only._study_id)


def assert_told(outcome: Outcome, trials: list[FrozenTrial]) -> None:
    """Holds the rows of a database against the table that the stage writes, to the last bit."""
    assert [trial.state.name for trial in trials] == outcome.table["state"].tolist()
    assert [trial.user_attrs["trial"] for trial in trials] == outcome.table["trial"].tolist()
    assert [trial.params for trial in trials] == outcome.table[list(SPACE)].to_dict("records")
    assert [len(trial.intermediate_values) for trial in trials] == outcome.table["epochs"].tolist()
    scores = [trial.value for trial in trials if trial.state is TrialState.COMPLETE]
    assert scores == outcome.table["score"].dropna().tolist()


def test_a_team_sees_every_trial_and_the_study_finds_what_it_finds_alone(
    study: Study, done: tuple[Outcome, list[Log]], storage: RDBStorage, tmp_path: Path
) -> None:
    records = tmp_path / "0123456789abcdef"
    outcome, _ = study(shared=share(storage, label="encdec/autoencoder", records=records), records=records)
    assert outcome.table.to_csv() == done[0].table.to_csv()
    assert_told(outcome, rows(storage))
    (summary,) = storage.get_all_studies()
    assert summary.study_name.startswith("encdec/autoencoder/0123456789ab-")


def test_a_trial_is_seen_while_it_runs(study: Study, storage: RDBStorage, tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    class Watched(Run):
        def child(self, name: str) -> Log:
            log = super().child(name)
            log.log_metrics = lambda metrics, step=None: seen.append((rows(storage)[-1].state.name, len(rows(storage))))  # type: ignore[method-assign]
            return log

    study(trials=2, run=Watched(), records=tmp_path, shared=share(storage, label="x", records=tmp_path))
    assert ("RUNNING", 1) in seen
    assert ("RUNNING", 2) in seen


@pytest.mark.parametrize("kill", [kill_before, kill_within])
def test_a_killed_study_goes_on_in_the_same_rows(
    study: Study, done: tuple[Outcome, list[Log]], storage: RDBStorage, tmp_path: Path, kill: Kill
) -> None:
    run, records = Run(), tmp_path / "records"

    def start() -> Outcome:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SharedTrial, "fail", lambda row: None)  # a process that is killed says nothing
            return study(run=run, records=records, shared=share(storage, label="x", records=records))[0]

    for number in range(8):
        interrupt(start, kill, run, child_name(number))
    outcome = start()
    assert outcome.table.to_csv() == done[0].table.to_csv()
    assert_told(outcome, rows(storage))


def test_a_trial_that_ended_as_the_database_was_lost_is_told_later(
    study: Study, storage: RDBStorage, tmp_path: Path
) -> None:
    whole, _ = study(trials=3)
    shared, run = share(storage, label="x", records=tmp_path), Run()

    def lost(*given: object) -> None:
        raise StorageUnavailable("lost")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SharedTrial, "end", lost)
        with pytest.raises(StorageUnavailable):
            study(trials=3, run=run, records=tmp_path, shared=shared)
    assert [row.state.name for row in rows(storage)] == ["RUNNING"]
    outcome, _ = study(trials=3, run=run, records=tmp_path, shared=share(storage, label="x", records=tmp_path))
    assert outcome.table.to_csv() == whole.table.to_csv()
    assert_told(outcome, rows(storage))


def test_a_trial_that_failed_is_seen_as_failed_and_run_again_in_a_row_of_its_own(
    study: Study, storage: RDBStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **rest: object) -> Fitted:
        raise MemoryError("cannot allocate memory")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("encdec.tuning.study.fit", broken)
        with pytest.raises(MemoryError):
            study(trials=2, records=tmp_path, shared=share(storage, label="x", records=tmp_path))
    study(trials=2, records=tmp_path, shared=share(storage, label="x", records=tmp_path))
    assert [(row.state.name, row.user_attrs["trial"]) for row in rows(storage)] == [
        ("FAIL", 1),
        ("COMPLETE", 1),
        ("COMPLETE", 2),
    ]


def test_a_database_that_is_lost_in_the_middle_is_one_sentence_without_its_password(
    study: Study, storage: RDBStorage, tmp_path: Path
) -> None:
    shared = share(storage, label="x", records=tmp_path)
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE trials")
    with pytest.raises(StorageUnavailable) as raised:
        study(trials=2, records=tmp_path, shared=shared)
    assert str(raised.value).endswith(
        f"no such table: trials. The ended trials are kept: start the same command again when it is back, or without "
        f"{STORAGE_VARIABLE}"
    )


def delete_study(storage: RDBStorage) -> None:
    (only,) = storage.get_all_studies()
    storage.delete_study(only._study_id)


def end_trial(storage: RDBStorage) -> None:
    storage.set_trial_state_values(rows(storage)[-1]._trial_id, TrialState.FAIL, None)


@pytest.mark.parametrize("when", ["before", "within"])
@pytest.mark.parametrize(
    ("meddle", "words", "seen"),
    [(delete_study, "was deleted by somebody", []), (end_trial, "ended by somebody", ["FAIL", "COMPLETE", "COMPLETE"])],
)
def test_a_row_that_somebody_deletes_or_ends_does_not_stop_the_study(
    study: Study,
    storage: RDBStorage,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    meddle: Callable[[RDBStorage], None],
    words: str,
    seen: list[str],
    when: str,
) -> None:
    whole, _ = study(trials=3)
    shared = share(storage, label="x", records=tmp_path)
    told = getattr(SharedTrial, "send" if when == "within" else "close")
    meddled: list[object] = []

    def first(row: SharedTrial, *given: object) -> None:
        """What another does between two calls of this process."""
        if not meddled:
            meddled.append(meddle(storage))
        told(row, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SharedTrial, told.__name__, first)
        outcome, _ = study(trials=3, records=tmp_path, shared=shared)
    assert outcome.table.to_csv() == whole.table.to_csv()
    assert [
        row.state.name for each in storage.get_all_studies() for row in storage.get_all_trials(each._study_id)
    ] == seen
    said = capsys.readouterr().err
    assert said.count(words) == 1
    assert said.count("goes on") == (2 if meddle is delete_study else 1)
