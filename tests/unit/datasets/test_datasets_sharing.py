"""One batch among several processes, with a real process group."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from share_training import train

from encdec.batches import ImageBatch
from encdec.datasets.images import ImageSplit
from encdec.datasets.loading import share, training_loader


@pytest.mark.parametrize("memory", [2**30, 64], ids=["mapped", "streamed"])
def test_two_processes_see_each_batch_once_between_them_and_get_the_weights_and_means_of_one(
    images_folder: Path, tmp_path: Path, memory: int
) -> None:
    # 16 rows of 6 bytes in batches of 8: equal shares, so that the mean over ranks is the mean over the batch
    for name in ("images.npy", "labels.npy"):
        np.save(images_folder / name, np.load(images_folder / name)[:16])
    script = Path(__file__).with_name("share_training.py")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*launch, str(script), str(images_folder), str(tmp_path), str(memory)],
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=300,
    )
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    alone = train(images_folder, devices=1, memory=memory)
    assert len(alone.seen) == 4
    for whole, *shares in zip(alone.seen, *(rank["seen"] for rank in ranks), strict=True):
        assert [len(part) for part in shares] == [4, 4]
        assert torch.equal(torch.cat(shares), whole)
    for rank in ranks:
        # sums of eight products in another order: a few units in the last place of numbers near 1
        torch.testing.assert_close(rank["weights"], alone.weights, rtol=1e-5, atol=1e-6)
        assert set(alone.metrics) == {"train/loss", "val/error"}
        torch.testing.assert_close(rank["metrics"], alone.metrics, rtol=1e-5, atol=1e-6)


@pytest.fixture
def as_rank(monkeypatch: pytest.MonkeyPatch):
    def set_group(rank: int, world: int) -> None:
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda: world)

    return set_group


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize("memory", [2**30, 64], ids=["mapped", "streamed"])
def test_every_number_of_processes_shares_every_batch(as_rank, images_folder: Path, world: int, memory: int) -> None:
    loader = training_loader(ImageSplit.open(images_folder), batch_size=8, seed=1, memory=memory)
    whole: list[ImageBatch] = list(loader)
    shares: list[list[ImageBatch]] = []
    for rank in range(world):
        as_rank(rank, world)
        assert len(loader) == 3
        shares.append(list(loader))
    for batch, *parts in zip(whole, *shares, strict=True):
        assert torch.equal(torch.cat([part.images for part in parts]), batch.images)
        sizes = [len(part.images) for part in parts]
        assert max(sizes) - min(sizes) <= 1
        assert min(sizes) > 0


def test_a_batch_that_leaves_a_process_without_a_row_is_refused(as_rank) -> None:
    as_rank(0, 4)
    with pytest.raises(ValueError, match="a batch of 3 rows cannot be shared by 4 processes: raise batch_size"):
        share(np.arange(3))
