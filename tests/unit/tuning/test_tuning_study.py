"""A study on a small real task: deterministic, within its space, and honest about trials that were pruned."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from encdec.outs import write_json
from encdec.params.data import TuningRules
from encdec.params.loading import load_params
from encdec.params.root import Space, Values
from encdec.params.search import Choices, Range
from encdec.training.fitting import Data, open_data, use_threads
from encdec.tuning.study import Outcome, run_study

SPACE: Space = {
    "training.learning_rate": Range(low=1e-4, high=1e-1, log=True),
    "network.latent_dim": Range(low=2, high=8),
    "network.activation": Choices(choices=("relu", "tanh")),
}


class Log:
    """Keeps what a trial reports."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.params: dict[str, object] = {}
        self.steps: list[int] = []
        self.status = ""
        self.tags: dict[str, str] = {}

    def log_params(self, params: Mapping[str, object]) -> None:
        self.params |= params

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if step is not None:
            self.steps.append(step)

    def end(self, status: str, tags: Mapping[str, str]) -> None:
        self.status, self.tags = status, dict(tags)


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


def study(
    data: Data, root: Path, *, trials: int = 8, seed: int = 3, pruner: str = "median"
) -> tuple[Outcome, list[Log]]:
    use_threads(1)
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
    logs: list[Log] = []

    def resolve(values: Values):  # type: ignore[no-untyped-def]
        return narrow.resolve("autoencoder", {"training.weight_decay": 1e-5, **values})

    def open_trial(name: str) -> Log:
        logs.append(Log(name))
        return logs[-1]

    rules = TuningRules(sampler="tpe", startup_trials=3, pruner=pruner)  # type: ignore[arg-type]
    outcome = run_study(
        "autoencoder",
        space=SPACE,
        resolve=resolve,
        rules=rules,
        data=data,
        seed=seed,
        trials=trials,
        open_trial=open_trial,
        accelerator="cpu",
    )
    return outcome, logs


@pytest.fixture(scope="module")
def done(data: Data, root: Path) -> tuple[Outcome, list[Log]]:
    return study(data, root)


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
    done: tuple[Outcome, list[Log]], data: Data, root: Path
) -> None:
    again, _ = study(data, root)
    assert again.table.to_csv() == done[0].table.to_csv()
    other, _ = study(data, root, seed=4, trials=2)
    assert other.table["training.learning_rate"][0] != again.table["training.learning_rate"][0]


def test_without_a_search_nothing_is_tried(data: Data, root: Path) -> None:
    rules = TuningRules(sampler="random", startup_trials=0, pruner="none")
    outcome = run_study(
        "autoencoder",
        space={},
        resolve=lambda values: pytest.fail("no trial is needed"),
        rules=rules,
        data=data,
        seed=1,
        trials=8,
        open_trial=Log,
        accelerator="cpu",
    )
    assert outcome.best == {}
    assert len(outcome.table) == 0
    assert outcome.best_score is None


def test_only_failures_are_an_error_that_says_what_to_do(
    data: Data, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import encdec.tuning.study as module

    def diverge(name: str, trial: object, *, study: object, **rest: object) -> None:
        study.tell(trial, state=module.TrialState.PRUNED)  # type: ignore[attr-defined]

    monkeypatch.setattr(module, "run_trial", diverge)
    with pytest.raises(
        ValueError, match="none of the 2 trials of autoencoder ended with a finite score: widen or lower"
    ):
        study(data, root, trials=2)
