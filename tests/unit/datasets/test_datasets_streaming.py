"""A split that does not fit into the memory allowed: the same rows, once each, in windows."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from encdec.datasets.images import ImageSplit
from encdec.datasets.loading import training_loader, validation_loader
from encdec.datasets.orders import Windows, plan_windows, pooled_batches, shuffled_batches
from encdec.datasets.pairs import PairSplit

LENGTHS = np.random.default_rng(0).integers(1, 41, size=1001)
WINDOWS = Windows(batches=8, rows=4)


def orders(seed: int, epoch: int) -> dict[str, list[list[int]]]:
    settings = {"batch_size": 10, "seed": seed, "epoch": epoch, "windows": WINDOWS}
    return {
        "shuffled": [rows.tolist() for rows in shuffled_batches(1001, **settings)],
        "pooled": [rows.tolist() for rows in pooled_batches(LENGTHS, **settings)],
    }


@pytest.mark.parametrize("kind", ["shuffled", "pooled"])
def test_every_row_comes_once_in_batches_of_nearly_one_size(kind: str) -> None:
    order = orders(0, 0)[kind]
    assert sorted(row for batch in order for row in batch) == list(range(1001))
    assert len(order) == 101
    assert {len(batch) for batch in order} == {9, 10}


@pytest.mark.parametrize("kind", ["shuffled", "pooled"])
def test_the_order_depends_on_seed_and_epoch_alone(kind: str) -> None:
    order = orders(3, 5)[kind]
    assert order == orders(3, 5)[kind]
    assert order != orders(3, 6)[kind]
    assert order != orders(4, 5)[kind]


@pytest.mark.parametrize("kind", ["shuffled", "pooled"])
def test_a_window_is_made_of_whole_blocks_from_anywhere(kind: str) -> None:
    order = orders(0, 0)[kind]
    for start in range(0, 101, WINDOWS.batches):
        rows = np.sort(np.concatenate([np.array(batch) for batch in order[start : start + WINDOWS.batches]]))
        blocks, counts = np.unique(rows // WINDOWS.rows, return_counts=True)
        # all but the first and the last block of a window, which its neighbours share, and the last of the data
        assert (counts < WINDOWS.rows).sum() <= 3
        if len(blocks) == 20:  # of 251: the chance that all lie in one half is 2 ** -19
            assert blocks.min() < 125 < blocks.max()


def test_windows_take_half_of_the_memory_each() -> None:
    # 1,000 bytes a row: 102,400,000 bytes hold 102,400 rows, a window half of them in batches of 100
    assert plan_windows(size=10**6, num_bytes=10**9, batch_size=100, memory=102_400_000) == Windows(512, 50)
    assert plan_windows(size=100, num_bytes=10**5, batch_size=8, memory=10**5) is None
    assert plan_windows(size=100, num_bytes=10**5, batch_size=8, memory=1) == Windows(1, 1)


@pytest.mark.parametrize("first_batch", [0, 2])
def test_a_streamed_split_gives_the_rows_of_its_order(images_folder: Path, first_batch: int) -> None:
    split = ImageSplit.open(images_folder)
    windows = plan_windows(size=23, num_bytes=23 * 6, batch_size=4, memory=100)
    assert windows == Windows(batches=2, rows=1)
    order = shuffled_batches(23, batch_size=4, seed=1, epoch=0, windows=windows)[first_batch:]
    loader = training_loader(split, batch_size=4, seed=1, first_batch=first_batch, memory=100)
    assert len(loader) == 6
    for batch, rows in zip(loader, order, strict=True):
        assert torch.equal(batch.images, split.batch(rows).images)
        assert torch.equal(batch.labels, split.batch(rows).labels)


@pytest.mark.parametrize("memory", [1, 3000, 50_000])
def test_streamed_pairs_are_each_there_once_and_pooled(many_pairs_folder: Path, memory: int) -> None:
    split = PairSplit.open(many_pairs_folder)
    np.save(many_pairs_folder / "source_ids.npy", np.arange(len(split.source.ids), dtype=np.int32) % 100)
    split = PairSplit.open(many_pairs_folder)

    def rows(batches: list) -> list[list[int]]:
        return sorted(row[mask].tolist() for batch in batches for row, mask in zip(*batch[:2], strict=True))

    whole = rows(list(split.batches(100)))
    assert rows(list(training_loader(split, batch_size=10, seed=0, memory=memory))) == whole
    assert rows(list(validation_loader(split, batch_size=10, memory=memory))) == whole


def test_a_streamed_validation_keeps_the_order_of_images(images_folder: Path) -> None:
    split = ImageSplit.open(images_folder)
    images = torch.cat([batch.images for batch in validation_loader(split, batch_size=4, memory=60)])
    assert torch.equal(images, split.batch(np.arange(23)).images)


def test_a_file_that_became_shorter_is_an_error(images_folder: Path) -> None:
    split = ImageSplit.open(images_folder)
    path = images_folder / "images.npy"
    content = path.read_bytes()
    with path.open("r+b") as file:  # in place: the map still holds
        file.truncate(len(content) - 6)
    with pytest.raises(ValueError, match=r"images\.npy: became shorter while it was read; run the prepare stage"):
        list(training_loader(split, batch_size=4, seed=0, memory=60))


GROWTH = """
import sys
from pathlib import Path
import psutil
from encdec.datasets.images import ImageSplit
from encdec.datasets.loading import training_loader

split = ImageSplit.open(Path(sys.argv[1]))
next(iter(training_loader(split, batch_size=64, seed=0, memory=2**16)))  # what the first batch ever takes
process = psutil.Process()
before = process.memory_info().rss
loader = training_loader(split, batch_size=64, seed=0, memory=int(sys.argv[2]))
print(max(process.memory_info().rss for batch in loader) - before)
"""


def test_memory_stays_within_what_is_allowed(images_folder: Path) -> None:
    size, allowed = 2**28, 2**26  # four times the memory
    rows = size // 64**2
    np.lib.format.open_memmap(images_folder / "images.npy", mode="w+", dtype=np.uint8, shape=(rows, 1, 64, 64)).flush()
    np.save(images_folder / "labels.npy", np.zeros(rows, np.int64))
    card = (images_folder / "card.json").read_text()
    (images_folder / "card.json").write_text(card.replace('"height":2,"width":3', '"height":64,"width":64'))

    def growth(memory: int) -> int:
        command = [sys.executable, "-c", GROWTH, str(images_folder), str(memory)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    # beside two windows: row numbers (8 bytes of 4,096) and the batch as float32, 2 MiB in all
    assert growth(allowed) < allowed + 2**24
    assert growth(2 * size) > 0.9 * size, "the measure sees what stays in memory"
