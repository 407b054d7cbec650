from pathlib import Path

import numpy as np
import pytest
import torch

from encdec.datasets.images import ImageSplit, ResidentImages


def test_a_batch_holds_its_rows_in_the_order_asked_for_scaled_so_that_pixel_max_is_one(images_folder: Path) -> None:
    batch = ImageSplit.open(images_folder).batch(np.array([16, 4, 17]))
    # pixels are i % 17: 16, 4, 0, of 16: 1.0, 0.25, 0.0; labels are i % 3: 1, 1, 2
    expected = torch.tensor([1.0, 0.25, 0.0])[:, None, None, None].expand(3, 1, 2, 3)
    torch.testing.assert_close(batch.images, expected, rtol=0, atol=0)
    assert batch.images.dtype == torch.float32
    assert batch.labels.tolist() == [1, 1, 2]
    assert batch.labels.dtype == torch.int64


def test_batches_give_every_row_once_and_in_order(images_folder: Path) -> None:
    split = ImageSplit.open(images_folder)
    batches = list(split.batches(8))
    assert [len(batch.labels) for batch in batches] == [8, 8, 7]
    whole = split.batch(np.arange(23))
    assert torch.equal(torch.cat([batch.images for batch in batches]), whole.images)
    assert torch.equal(torch.cat([batch.labels for batch in batches]), whole.labels)


def test_a_batch_is_a_copy_that_may_be_written_to(images_folder: Path) -> None:
    split = ImageSplit.open(images_folder)
    next(split.batches(4)).images.fill_(9.0)
    next(split.batches(4)).labels.fill_(9)
    assert float(next(split.batches(4)).images.max()) == 3 / 16
    assert next(split.batches(4)).labels.tolist() == [0, 1, 2, 0]


def test_batches_of_images_on_a_device_are_those_of_the_split(images_folder: Path) -> None:
    split = ImageSplit.open(images_folder)
    near = ResidentImages(split, torch.device("cpu"))
    rows = np.array([16, 4, 17])
    assert all(torch.equal(one, other) for one, other in zip(near.batch(rows), split.batch(rows), strict=True))
    assert (len(near), near.card) == (len(split), split.card)


def test_images_stay_on_the_disk_until_they_are_read(images_folder: Path) -> None:
    assert isinstance(ImageSplit.open(images_folder).images, np.memmap)


def test_rows_name_the_samples(images_folder: Path) -> None:
    assert ImageSplit.open(images_folder).rows["sample"].tolist() == [str(i) for i in range(23)]


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"card\.json: no such file; run the prepare stage"):
        ImageSplit.open(tmp_path / "nowhere")


def test_switched_off_data_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "off.json").write_text("{}")
    with pytest.raises(ValueError, match=r"switched off in params\.yaml"):
        ImageSplit.open(tmp_path)


def test_a_card_of_pairs_is_refused(images_folder: Path, pairs_folder: Path) -> None:
    (images_folder / "card.json").write_bytes((pairs_folder / "card.json").read_bytes())
    with pytest.raises(ValueError, match=r"card\.json: not a ImageCard \(kind: Input should be 'images'"):
        ImageSplit.open(images_folder)


@pytest.mark.parametrize(
    ("file", "array", "message"),
    [
        ("labels.npy", np.zeros(22, np.int64), "23 images but 22 labels"),
        ("labels.npy", np.full(23, 3), "labels from 3 to 3, the card names 3 classes"),
        ("labels.npy", np.full(23, -1), "labels from -1 to -1, the card names 3 classes"),
        ("images.npy", np.zeros((23, 1, 3, 2), np.uint8), r"images of shape \(1, 3, 2\), the card says \(1, 2, 3\)"),
        ("images.npy", np.zeros((23, 1, 2, 3)), "float64 with 4 axes, expected uint8 with 4"),
    ],
)
def test_arrays_that_do_not_fit_the_card_are_refused(
    images_folder: Path, file: str, array: np.ndarray, message: str
) -> None:
    np.save(images_folder / file, array)
    with pytest.raises(ValueError, match=message):
        ImageSplit.open(images_folder)


def test_a_file_that_was_cut_off_is_refused(images_folder: Path) -> None:
    path = images_folder / "images.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"images\.npy: not a readable array"):
        ImageSplit.open(images_folder)


def test_a_batch_of_no_rows_is_refused(images_folder: Path) -> None:
    with pytest.raises(ValueError, match="batch_size 0 must be at least 1"):
        next(ImageSplit.open(images_folder).batches(0))
