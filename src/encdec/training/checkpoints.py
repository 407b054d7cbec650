"""Checkpoints on the disk: whole or not there."""

import io
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from encdec.outs import write_bytes


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning writes a checkpoint to the folder for temporary files and moves it: on another disk, that is a copy.

    A full disk or a kill would then leave half of it in the place of the last whole one. Here it is written beside
    its place, and a disk that is full is an OSError with the path.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_bytes(Path(path), buffer.getbuffer())
