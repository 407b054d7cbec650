"""The state of a training on the disk: by time, whole or not there, and the one before beside the last."""

import io
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import CheckpointIO

from encdec.outs import write_bytes
from encdec.pauses import Pauses
from encdec.training.callbacks import lean

KEPT = 2
"""The last one and the one before: should the last turn out to be unreadable, little is lost."""
COST = 1 / 200
"""Of a pause between two checkpoints, what a usual one may take: together they take less than a hundredth."""
POSITION = "position"
DIGEST_SIZE = sha256().digest_size


class Checkpoints(NamedTuple):
    """`folder`: of one training alone. `seconds`: between two; more where one takes longer than COST of that."""

    folder: Path
    seconds: float


class Resume(NamedTuple):
    """Where a training goes on: in `epoch`, counted from 0, behind `batch` batches of it and `step` steps in all."""

    path: Path
    epoch: int
    batch: int
    step: int


@lean
class CheckpointsByTime(Checkpoint):
    """Writes the whole state of a training, in the middle of an epoch or at its end."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.folder, self.seconds = checkpoints
        self.pauses = Pauses(self.seconds, share=COST)
        self.due = 0.0
        self.position = (0, 0)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.due = time.monotonic() + self.seconds

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if not trainer.is_last_batch:  # behind the last one comes validation, which has no state to go on from
            self.save_if_due(trainer, epoch=trainer.current_epoch, batch=batch_idx + 1)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 0:
            self.pauses.forget()  # from now on the best weights are in it as well
        self.save_if_due(trainer, epoch=trainer.current_epoch + 1, batch=0)

    def save_if_due(self, trainer: Trainer, *, epoch: int, batch: int) -> None:
        began = time.monotonic()
        if began < self.due:
            return
        self.position = (epoch, batch)
        trainer.save_checkpoint(self.folder / f"step-{trainer.global_step:010}.ckpt")
        for old in stored(self.folder)[KEPT:]:
            old.unlink(missing_ok=True)
        ended = time.monotonic()
        self.due = ended + self.pauses.after(ended - began)

    def state_dict(self) -> dict[str, Any]:
        return {POSITION: list(self.position)}


def stored(folder: Path) -> list[Path]:
    """The checkpoints of a folder, the newest first."""
    return sorted(folder.glob("step-*.ckpt"), reverse=True)


def find_resume(folder: Path) -> Resume | None:
    """The newest checkpoint that is whole, or None; those that are not are said and removed.

    Raises:
        OSError: one cannot be read now, which says nothing about what is in it.
    """
    for path in stored(folder):
        try:
            state = read_checkpoint(path)
            epoch, batch = state["callbacks"][CheckpointsByTime.__qualname__][POSITION]
            return Resume(path, epoch, batch, state["global_step"])
        except (ValueError, KeyError) as error:  # KeyError: of another version
            said = str(error).strip().partition("\n")[0]
            print(
                f"{path}: the checkpoint cannot be used ({said}): training goes on from the one before it, or anew",
                file=sys.stderr,
            )
            path.unlink(missing_ok=True)
    return None


class WholeCheckpoints(CheckpointIO):
    """Checkpoints behind their SHA-256: torch reads a zip archive without looking at its checksums.

    Lightning's own writes to the folder for temporary files and moves: a full disk or a kill may then leave half of it
    in its place. Here it is written beside its place, and a disk that is full is an OSError with the path.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None) -> None:
        buffer = io.BytesIO(bytes(DIGEST_SIZE))
        buffer.seek(DIGEST_SIZE)
        torch.save(checkpoint, buffer)
        whole = buffer.getbuffer()
        whole[:DIGEST_SIZE] = sha256(whole[DIGEST_SIZE:]).digest()
        write_bytes(Path(path), whole)

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: object = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        del map_location, weights_only  # never anything but tensors and plain values, onto the CPU first
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        Path(path).unlink(missing_ok=True)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The state in a file of `WholeCheckpoints`, on the CPU.

    Raises:
        ValueError: not the bytes that were written.
    """
    whole = memoryview(path.read_bytes())
    if sha256(whole[DIGEST_SIZE:]).digest() != whole[:DIGEST_SIZE]:
        raise ValueError("not the bytes that were written")
    state: dict[str, Any] = torch.load(io.BytesIO(whole[DIGEST_SIZE:]), map_location="cpu", weights_only=True)
    return state
