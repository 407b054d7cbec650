"""Training, for every model: deterministic, resumable to the bit, and ending in the weights that were best on val."""

import math
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from encdec.datasets.images import ImageSplit, ResidentImages
from encdec.datasets.loading import validation_loader
from encdec.models.build import build_objective
from encdec.params.root import Kind, ModelName, ModelSpec
from encdec.training import fitting
from encdec.training.checkpoints import Checkpoints, find_resume, stored
from encdec.training.fitting import Data, Fitted, fit, open_data, resident, use_threads
from encdec.training.optimisers import configure

EPOCHS, STEPS = 5, 15


def run(
    model: ModelName,
    spec: ModelSpec,
    data: Data,
    *,
    checkpoints: Path | None,
    seed: int = 7,
    seconds: float = 0.0,
    callbacks: tuple[Callback, ...] = (),
    threads: int = 1,
) -> tuple[Fitted, list[int]]:
    use_threads(threads)
    seen: list[int] = []
    fitted = fit(
        model, spec, data=data, seed=seed, max_epochs=EPOCHS, max_steps=STEPS,
        checkpoints=Checkpoints(checkpoints, seconds) if checkpoints else None,
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

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int) -> None:
        if (trainer.current_epoch, batch_idx) == self.at:
            raise Crash


class CrashAfterEpoch(Callback):
    """Ends the training when an epoch was trained and not yet validated."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == self.epoch:
            raise Crash


@pytest.fixture
def at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints whatever they cost."""
    monkeypatch.setattr("encdec.training.checkpoints.COST", math.inf)


CRASHES = [CrashInEpoch(0, 1), CrashInEpoch(0, 2), CrashInEpoch(2, 0), CrashAfterEpoch(2), CrashInEpoch(4, 2)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.usefixtures("at_every_step")
def test_a_training_that_stopped_in_the_middle_ends_in_the_same_weights(
    model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path, precision: str
) -> None:
    spec = spec.model_copy(update={"training": spec.training.model_copy(update={"precision": precision})})
    whole, _ = run(model, spec, data, checkpoints=tmp_path / "whole")
    for crash in CRASHES:  # one after the other, each in what the last one left
        with pytest.raises(Crash):
            run(model, spec, data, checkpoints=tmp_path / "cut", callbacks=(crash,))
    resumed, seen = run(model, spec, data, checkpoints=tmp_path / "cut")
    assert same(whole, resumed)
    assert resumed.history == whole.history
    assert resumed.best_epoch == whole.best_epoch
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


@pytest.mark.parametrize("content", [b"", b"garbage", "half", "changed"])
@pytest.mark.parametrize("model", ["autoencoder"], indirect=True)
@pytest.mark.usefixtures("at_every_step")
def test_a_checkpoint_that_cannot_be_read_falls_back_to_the_one_before(
    model: ModelName,
    spec: ModelSpec,
    data: Data,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | str,
) -> None:
    whole, _ = run(model, spec, data, checkpoints=tmp_path / "whole")
    with pytest.raises(Crash):
        run(model, spec, data, checkpoints=tmp_path / "cut", callbacks=(CrashInEpoch(3, 1),))
    last, before = stored(tmp_path / "cut")  # and no third
    assert (last.name, before.name) == ("step-0000000010.ckpt", "step-0000000009.ckpt")
    written = last.read_bytes()
    half, middle = written[: len(written) // 2], len(written) // 2
    changed = written[:middle] + bytes([written[middle] ^ 1]) + written[middle + 1 :]
    last.write_bytes({"half": half, "changed": changed}[content] if isinstance(content, str) else content)
    steps = Steps()
    again, _ = run(model, spec, data, checkpoints=tmp_path / "cut", callbacks=(steps,))
    assert f"{last}: the checkpoint cannot be used" in capsys.readouterr().err
    assert steps.seen == list(range(9, STEPS))
    assert same(whole, again)


@pytest.mark.parametrize("model", ["autoencoder"], indirect=True)
@pytest.mark.usefixtures("at_every_step")
def test_a_checkpoint_that_the_system_does_not_give_now_is_an_error_and_stays(
    model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Crash):
        run(model, spec, data, checkpoints=tmp_path, callbacks=(CrashInEpoch(3, 1),))
    there = stored(tmp_path)

    def stale(path: Path) -> bytes:
        raise OSError(116, "Stale file handle", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", stale)
        with pytest.raises(OSError, match="Stale file handle"):
            find_resume(tmp_path)
    assert stored(tmp_path) == there
    found = find_resume(tmp_path)
    assert found is not None
    assert found.step == 10


@pytest.mark.parametrize("model", ["cnn", "seq2seq"], indirect=True)
@pytest.mark.usefixtures("at_every_step")
def test_two_threads_give_the_same_bytes_every_time_and_after_a_stop(
    model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path
) -> None:
    first, _ = run(model, spec, data, checkpoints=None, threads=2)
    again, _ = run(model, spec, data, checkpoints=None, threads=2)
    with pytest.raises(Crash):
        run(model, spec, data, checkpoints=tmp_path, callbacks=(CrashInEpoch(3, 1),), threads=2)
    resumed, _ = run(model, spec, data, checkpoints=tmp_path, threads=2)
    use_threads(1)
    assert same(first, again)
    assert same(first, resumed)


@pytest.mark.parametrize("model", ["autoencoder"], indirect=True)
@pytest.mark.usefixtures("at_every_step")
def test_a_training_that_stopped_early_and_is_started_again_trains_no_more(
    model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path
) -> None:
    still = spec.training.model_copy(update={"patience": 2, "optimizer": "sgd", "learning_rate": 1e-30})
    spec = spec.model_copy(update={"training": still})
    whole, _ = run(model, spec, data, checkpoints=tmp_path / "cut")
    assert len(whole.history) == 3
    steps = Steps()
    again, seen = run(model, spec, data, checkpoints=tmp_path / "cut", callbacks=(steps,))
    assert steps.seen == []
    assert seen == [1, 2, 3]
    assert again.history == whole.history
    assert same(whole, again)


@pytest.mark.parametrize("model", ["autoencoder"], indirect=True)
def test_checkpoints_are_as_far_apart_as_their_time_and_their_cost_say(
    model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock on which a step takes a second, and a checkpoint twenty."""
    clock, saved = [0.0], []
    monkeypatch.setattr("encdec.training.checkpoints.time.monotonic", lambda: clock[0])

    class Tick(Callback):
        def on_train_batch_start(self, *_: object) -> None:
            clock[0] += 1

        def on_save_checkpoint(self, trainer: Trainer, *_: object) -> None:
            saved.append(trainer.global_step)
            clock[0] += 20

    def steps_of(seconds: float, cost: float) -> list[int]:
        monkeypatch.setattr("encdec.training.checkpoints.COST", cost)
        saved.clear()
        run(model, spec, data, checkpoints=tmp_path / f"{seconds} {cost}", seconds=seconds, callbacks=(Tick(),))
        return list(saved)

    assert steps_of(4.0, math.inf) == [4, 8, 12]
    assert steps_of(4.0, 20 / 6) == [4, 10], "20 seconds may be 20 / 6 of a pause: one of 6"
    assert steps_of(99.0, math.inf) == []
    monkeypatch.setattr("encdec.pauses.LONGEST_SECONDS", 5.0)
    assert steps_of(4.0, 0.01) == [4, 9, 14], "20 seconds would be a hundredth of a pause of 2,000"


class Steps(Callback):
    """The steps that were trained, counted from 0."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int) -> None:
        self.seen.append(trainer.global_step)


@pytest.mark.parametrize("model", ["autoencoder"], indirect=True)
def test_a_training_that_diverges_is_an_error_that_says_what_to_do(
    model: ModelName, spec: ModelSpec, data: Data, tmp_path: Path
) -> None:
    wild = spec.training.model_copy(update={"optimizer": "sgd", "learning_rate": 1e30, "gradient_clip": 1e30})
    with pytest.raises(
        ValueError, match=r"val/mse is not finite in any epoch: lower models.autoencoder.training.learn"
    ):
        run(model, spec.model_copy(update={"training": wild}), data, checkpoints=tmp_path / "wild")


@pytest.mark.parametrize("model", ["cnn"], indirect=True)
def test_images_that_lie_on_the_device_train_the_same_weights(model: ModelName, spec: ModelSpec, data: Data) -> None:
    assert isinstance(data.train, ImageSplit)
    near = Data(ResidentImages(data.train, torch.device("cpu")), data.val)
    assert same(run(model, spec, data, checkpoints=None)[0], run(model, spec, near, checkpoints=None)[0])


@pytest.mark.parametrize(
    ("kind", "free", "moved"), [("images", 10**6, True), ("images", 10**4, False), ("pairs", 10**9, False)]
)
def test_images_move_to_a_gpu_where_they_take_a_small_share_of_it(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind, free: int, moved: bool
) -> None:
    """No GPU is here: what is asked of it is answered, and what would lie on it stays in memory."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, free))
    monkeypatch.setattr(fitting, "ResidentImages", lambda split, device: ResidentImages(split, torch.device("cpu")))
    data = open_data(kind, train=prepared / kind / "train", val=prepared / kind / "val")
    assert [isinstance(split, ResidentImages) for split in resident(data, "auto")] == [moved, moved]
    assert resident(data, "cpu") == data
    monkeypatch.setattr(fitting, "MEMORY", data.train.num_bytes - 1)
    assert not isinstance(resident(data, "auto").train, ResidentImages), "it is read window by window"
