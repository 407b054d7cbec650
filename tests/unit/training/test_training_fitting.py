"""Training, for every model: deterministic, resumable to the bit, and ending in the weights that were best on val."""

from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from encdec.datasets.loading import validation_loader
from encdec.models.build import build_objective
from encdec.params.root import ModelName, ModelSpec
from encdec.training.fitting import Data, Fitted, fit, use_threads
from encdec.training.optimisers import configure

EPOCHS, STEPS = 5, 15


def run(
    model: ModelName,
    spec: ModelSpec,
    data: Data,
    *,
    checkpoints: Path | None,
    seed: int = 7,
    callbacks: tuple[Callback, ...] = (),
) -> tuple[Fitted, list[int]]:
    use_threads(1)
    seen: list[int] = []
    fitted = fit(
        model, spec, data=data, seed=seed, max_epochs=EPOCHS, max_steps=STEPS, checkpoints=checkpoints,
        accelerator="cpu", on_epoch=lambda epoch, metrics: seen.append(epoch), callbacks=callbacks, label="fit",
    )  # fmt: skip
    return fitted, seen


def weights(fitted: Fitted) -> dict[str, Tensor]:
    return fitted.network.state_dict()


def same(one: Fitted, other: Fitted) -> bool:
    return all(torch.equal(value, weights(other)[name]) for name, value in weights(one).items())


class Crash(RuntimeError):
    pass


class CrashInEpoch(Callback):
    """Ends the training in the middle of an epoch, as a kill does: nothing is tidied up."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.at = (epoch, batch)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if (trainer.current_epoch, batch_idx) == self.at:
            raise Crash


def test_a_training_that_stopped_in_the_middle_ends_in_the_same_weights(
    model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path
) -> None:
    whole, _ = run(model, spec, data, checkpoints=tmp_path / "whole")
    for epoch, batch in ((1, 1), (3, 0)):  # twice, from different epochs
        with pytest.raises(Crash):
            run(model, spec, data, checkpoints=tmp_path / "cut", callbacks=(CrashInEpoch(epoch, batch),))
    resumed, seen = run(model, spec, data, checkpoints=tmp_path / "cut")
    assert same(whole, resumed)
    assert resumed.history == whole.history
    assert seen == list(range(1, EPOCHS + 1)), "earlier epochs are reported again, for a log that missed them"


def test_another_seed_gives_other_weights_and_the_same_seed_the_same(
    model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path
) -> None:
    first, _ = run(model, spec, data, checkpoints=tmp_path / "a")
    again, _ = run(model, spec, data, checkpoints=tmp_path / "b")
    other, _ = run(model, spec, data, checkpoints=tmp_path / "c", seed=8)
    assert same(first, again)
    assert not same(first, other)


def test_the_weights_are_those_of_the_best_epoch(model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path) -> None:
    fitted, _ = run(model, spec, data, checkpoints=tmp_path / "best")
    scores = [row[spec.monitor] for row in fitted.history]
    assert len(scores) == EPOCHS
    assert fitted.best_score == min(scores)
    assert fitted.history[fitted.best_epoch - 1]["epoch"] == fitted.best_epoch, "epochs count from 1"
    objective = build_objective(model, fitted.network, spec, configure(spec.training, total_steps=1))
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    found = trainer.validate(objective, validation_loader(data.val, batch_size=256), verbose=False)[0]
    assert found[spec.monitor] == pytest.approx(fitted.best_score, rel=1e-6)


def test_training_lowers_the_score(model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path) -> None:
    fitted, _ = run(model, spec, data, checkpoints=None)
    scores = [row[spec.monitor] for row in fitted.history]
    assert min(scores) < scores[0]
    assert all(f"train/{'loss'}" in row for row in fitted.history)


@pytest.mark.parametrize("broken", [True, False])
@pytest.mark.parametrize("model", ["autoencoder"], indirect=True)
def test_a_checkpoint_that_cannot_be_read_is_not_used(
    model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: bool
) -> None:
    whole, _ = run(model, spec, data, checkpoints=tmp_path / "whole")
    with pytest.raises(Crash):
        run(model, spec, data, checkpoints=tmp_path / "cut", callbacks=(CrashInEpoch(3, 0),))
    last = tmp_path / "cut/last.ckpt"
    last.write_bytes(b"garbage" if broken else last.read_bytes()[: last.stat().st_size // 2])
    again, _ = run(model, spec, data, checkpoints=tmp_path / "cut")
    assert "cannot be read" in capsys.readouterr().err
    assert same(whole, again)


@pytest.mark.parametrize("model", ["autoencoder"], indirect=True)
def test_a_training_that_diverges_is_an_error_that_says_what_to_do(
    model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path
) -> None:
    wild = spec.training.model_copy(update={"optimizer": "sgd", "learning_rate": 1e30, "gradient_clip": 1e30})
    with pytest.raises(
        ValueError, match=r"val/mse is not finite in any epoch: lower models.autoencoder.training.learn"
    ):
        run(model, spec.model_copy(update={"training": wild}), data, checkpoints=tmp_path / "wild")
