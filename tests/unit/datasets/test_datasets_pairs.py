from pathlib import Path

import numpy as np
import pytest
import torch

from encdec.datasets.pairs import PairSplit


def test_padding_and_masks_by_hand(pairs_folder: Path) -> None:
    batch = PairSplit.open(pairs_folder).batch(np.array([2, 0, 1]))
    # rows 2, 0, 1: sources [14 15], [10 11 12], [13]; targets [], [20], [21 22] between BOS 1 and EOS 2; PAD 0
    assert batch.source_ids.tolist() == [[14, 15, 0], [10, 11, 12], [13, 0, 0]]
    assert batch.source_mask.tolist() == [[True, True, False], [True, True, True], [True, False, False]]
    assert batch.target_ids.tolist() == [[1, 2, 0, 0], [1, 20, 2, 0], [1, 21, 22, 2]]
    assert batch.target_mask.tolist() == [
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]
    assert batch.source_ids.dtype == batch.target_ids.dtype == torch.int64
    assert batch.source_mask.dtype == batch.target_mask.dtype == torch.bool


def test_a_batch_is_no_wider_than_its_longest_row(pairs_folder: Path) -> None:
    batch = PairSplit.open(pairs_folder).batch(np.array([1]))
    assert batch.source_ids.tolist() == [[13]]
    assert batch.target_ids.tolist() == [[1, 21, 22, 2]]


def test_batches_give_every_row_once_and_in_order(many_pairs_folder: Path) -> None:
    split = PairSplit.open(many_pairs_folder)
    batches = list(split.batches(64))
    assert [len(batch.source_ids) for batch in batches] == [64] * 15 + [40]
    lengths = torch.cat([batch.source_mask.sum(1) for batch in batches])
    assert lengths.tolist() == split.source.lengths.tolist()


def test_the_vectorised_padding_equals_a_loop_over_rows(many_pairs_folder: Path) -> None:
    split = PairSplit.open(many_pairs_folder)
    indices = np.random.default_rng(1).integers(0, 1000, size=50)  # with repeats
    batch = split.batch(indices)
    for row, index in enumerate(indices):
        start, end = split.source.offsets[index], split.source.offsets[index + 1]
        expected = split.source.ids[start:end].tolist()
        assert batch.source_ids[row].tolist() == expected + [0] * (batch.source_ids.shape[1] - len(expected))
        assert batch.source_ids[row][batch.source_mask[row]].tolist() == expected


def test_lengths_count_the_tokens_of_both_sides(pairs_folder: Path) -> None:
    # 3 + 1, 1 + 2, 2 + 0
    assert PairSplit.open(pairs_folder).lengths.tolist() == [4, 3, 2]


@pytest.mark.parametrize(
    ("file", "array", "message"),
    [
        ("source_offsets.npy", np.array([0, 3, 4]), r"source_offsets\.npy: must rise from 0 to the 6 ids"),
        ("source_offsets.npy", np.array([0, 4, 3, 6]), r"source_offsets\.npy: must rise from 0 to the 6 ids"),
        ("source_offsets.npy", np.array([0, 6]), "1 sources but 3 targets"),
        ("target_ids.npy", np.array([20, 21, 100], np.int32), "ids from 20 to 100, the card says 100 tokens"),
        ("target_ids.npy", np.array([20, 21, 22]), "int64 with 1 axes, expected int32 with 1"),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(
    pairs_folder: Path, file: str, array: np.ndarray, message: str
) -> None:
    np.save(pairs_folder / file, array)
    with pytest.raises(ValueError, match=message):
        PairSplit.open(pairs_folder)
