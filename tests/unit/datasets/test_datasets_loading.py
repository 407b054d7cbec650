from pathlib import Path

import numpy as np
import pytest
import torch

from encdec.datasets.images import ImageSplit
from encdec.datasets.loading import EpochSampler, training_loader, validation_loader
from encdec.datasets.orders import POOL_BATCHES, Windows, pooled_batches, shuffled_batches
from encdec.datasets.pairs import PairSplit

LENGTHS = np.random.default_rng(0).integers(1, 41, size=1001)


def orders(seed: int, epoch: int) -> dict[str, list[list[int]]]:
    """The batches of both kinds of order, as lists."""
    shuffled = shuffled_batches(1001, batch_size=10, seed=seed, epoch=epoch)
    pooled = pooled_batches(LENGTHS, batch_size=10, seed=seed, epoch=epoch)
    return {"shuffled": [rows.tolist() for rows in shuffled], "pooled": [rows.tolist() for rows in pooled]}


@pytest.mark.parametrize("kind", ["shuffled", "pooled"])
def test_the_same_seed_and_epoch_give_the_same_order_and_another_of_either_another(kind: str) -> None:
    order = orders(3, 5)[kind]
    assert order == orders(3, 5)[kind]
    assert order != orders(3, 6)[kind]
    assert order != orders(4, 5)[kind]
    assert order != orders(5, 3)[kind]


@pytest.mark.parametrize("kind", ["shuffled", "pooled"])
def test_every_row_comes_once_in_batches_of_nearly_one_size(kind: str) -> None:
    order = orders(0, 0)[kind]
    assert sorted(row for batch in order for row in batch) == list(range(1001))
    # 1001 rows in batches of at most 10: 101 batches, of 9 or 10
    assert len(order) == 101
    assert {len(batch) for batch in order} == {9, 10}


def test_the_order_does_not_depend_on_global_random_numbers() -> None:
    np.random.seed(0)
    torch.manual_seed(0)
    first = orders(3, 5)
    np.random.seed(1)
    torch.manual_seed(1)
    assert orders(3, 5) == first


def test_pooled_batches_hold_rows_of_similar_length() -> None:
    def padding(batches: list[list[int]]) -> float:
        return sum(sum(LENGTHS[batch].max() - LENGTHS[batch]) for batch in batches) / LENGTHS.sum()

    # lengths are uniform on 1..40. At random, the longest of 10 is near 37 and the mean 20.5: padding near 0.8 of the
    # tokens. A pool of 50 batches is sorted, so a batch spans about 40/50 of a length: padding of a few hundredths.
    assert padding(orders(0, 0)["shuffled"]) > 0.7
    assert padding(orders(0, 0)["pooled"]) < 0.1


def test_pooled_batches_are_not_in_order_of_length() -> None:
    batches = pooled_batches(LENGTHS[:500], batch_size=10, seed=0, epoch=0)
    assert len(batches) == POOL_BATCHES  # a single pool, so it would rise from end to end
    means = np.array([LENGTHS[batch].mean() for batch in batches])
    # the rank correlation of a random order of 50 has standard deviation 1/7
    assert abs(np.corrcoef(np.arange(50), means)[0, 1]) < 4 / 7


def test_pools_differ_between_epochs_so_that_rows_meet_new_company() -> None:
    together = [{frozenset(batch) for batch in map(tuple, orders(0, epoch)["pooled"])} for epoch in (0, 1)]
    assert not together[0] & together[1]


@pytest.mark.parametrize("windows", [None, Windows(batches=50, rows=4)])
def test_over_epochs_a_row_meets_nearly_as_many_others_as_if_lengths_did_not_matter(windows: Windows | None) -> None:
    def companions(lengths: np.ndarray, epochs: int = 20) -> float:
        """How many different rows the mean row has shared a batch with."""
        met = np.zeros((1001, 1001), dtype=bool)
        for epoch in range(epochs):
            for batch in pooled_batches(lengths, batch_size=10, seed=0, epoch=epoch, windows=windows):
                met[np.ix_(batch, batch)] = True
        return float(met.sum(axis=1).mean()) - 1

    # 20 epochs of 9 others: 180 places. Drawn from all 1,000 rows about 1000 * (1 - (1 - 9 / 1000) ** 20) = 165 differ.
    # A pool of 500 rows has 12.5 of each of 40 lengths, so that a batch is drawn from about 22.5 + 9 places around a
    # row in it, and twice as many rows in both pools: 62 * (1 - (1 - 9 / 62) ** 20) = 59 differ. In fixed buckets: 9.
    assert companions(np.ones(1001, dtype=np.int64)) > 150
    assert companions(LENGTHS) > 40


def test_set_epoch_changes_what_the_loader_gives(images_folder: Path) -> None:
    loader = training_loader(ImageSplit.open(images_folder), batch_size=8, seed=1)
    assert isinstance(loader.sampler, EpochSampler)

    def epoch(number: int) -> list[float]:
        loader.sampler.set_epoch(number)
        return [float(image.mean()) for batch in loader for image in batch.images]

    first = epoch(0)
    assert epoch(1) != first
    assert epoch(0) == first
    assert len(loader) == 3


def test_a_loader_hands_over_the_batches_of_its_order(images_folder: Path) -> None:
    split = ImageSplit.open(images_folder)
    rows = shuffled_batches(23, batch_size=8, seed=1, epoch=0)
    for batch, expected in zip(training_loader(split, batch_size=8, seed=1), rows, strict=True):
        assert torch.equal(batch.images, split.batch(expected).images)
        assert torch.equal(batch.labels, split.batch(expected).labels)


def test_a_resumed_training_begins_behind_the_batches_it_had_seen_and_later_epochs_are_whole(
    images_folder: Path,
) -> None:
    split = ImageSplit.open(images_folder)
    loader = training_loader(split, batch_size=8, seed=1, first_epoch=4, first_batch=2)
    assert len(loader) == 3
    for epoch, skipped in ((4, 2), (5, 0)):
        loader.sampler.set_epoch(epoch)
        rows = shuffled_batches(23, batch_size=8, seed=1, epoch=epoch)[skipped:]
        for batch, expected in zip(loader, rows, strict=True):
            assert torch.equal(batch.images, split.batch(expected).images)


@pytest.mark.parametrize("memory", [2**30, 1], ids=["mapped", "streamed"])
def test_nothing_is_read_behind_the_end_of_an_epoch_that_is_shorter_than_the_data(
    images_folder: Path, monkeypatch: pytest.MonkeyPatch, memory: int
) -> None:
    split = ImageSplit.open(images_folder)
    loader = training_loader(split, batch_size=8, seed=1, memory=memory)
    whole = [batch.labels.tolist() for batch in loader]
    read: list[int] = []
    loaded = ImageSplit.loaded
    monkeypatch.setattr(ImageSplit, "loaded", lambda self, rows: [read.extend(rows.tolist()), loaded(self, rows)][1])
    loader.sampler.last_batch = 2
    assert [batch.labels.tolist() for batch in loader] == whole[:2]
    assert len(loader) == 3
    assert len(read) == (0 if memory > 1 else sum(len(labels) for labels in whole[:2]))


@pytest.mark.parametrize("first_batch", [-1, 4])
def test_a_batch_beyond_the_epoch_is_refused(images_folder: Path, first_batch: int) -> None:
    with pytest.raises(ValueError, match=rf"first_batch {first_batch} must lie in 0\.\.3"):
        training_loader(ImageSplit.open(images_folder), batch_size=8, seed=1, first_batch=first_batch)


def test_pairs_are_trained_on_in_pooled_batches_each_row_once(many_pairs_folder: Path) -> None:
    split = PairSplit.open(many_pairs_folder)
    batches = list(training_loader(split, batch_size=10, seed=0))
    lengths = torch.cat([batch.source_mask.sum(1) for batch in batches])
    assert sorted(lengths.tolist()) == sorted(split.source.lengths.tolist())
    padded = sum(int((~batch.source_mask).sum()) for batch in batches)
    assert padded < 0.1 * split.source.lengths.sum()


def test_images_are_validated_in_their_order(images_folder: Path) -> None:
    split = ImageSplit.open(images_folder)
    images = torch.cat([batch.images for batch in validation_loader(split, batch_size=8)])
    assert torch.equal(images, split.batch(np.arange(23)).images)


def test_pairs_are_validated_by_length_each_row_once(many_pairs_folder: Path) -> None:
    split = PairSplit.open(many_pairs_folder)
    lengths = torch.cat([batch.source_mask.sum(1) for batch in validation_loader(split, batch_size=64)])
    assert lengths.tolist() == sorted(split.source.lengths.tolist())


def test_a_split_without_rows_is_refused(images_folder: Path) -> None:
    np.save(images_folder / "images.npy", np.zeros((0, 1, 2, 3), np.uint8))
    np.save(images_folder / "labels.npy", np.zeros(0, np.int64))
    split = ImageSplit.open(images_folder)
    with pytest.raises(ValueError, match="no rows; give this split a larger share"):
        training_loader(split, batch_size=8, seed=0)
    with pytest.raises(ValueError, match="no rows; give this split a larger share"):
        validation_loader(split, batch_size=8)


def test_a_batch_size_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_size 0 must be at least 1"):
        shuffled_batches(5, batch_size=0, seed=0, epoch=0)
