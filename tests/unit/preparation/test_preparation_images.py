"""Prepared images: values by hand, alpha on white, the rows that are rejected, and the same bytes twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from encdec.cards import ImageCard
from encdec.pixels import fit_pixels
from encdec.preparation.images import prepare_images

SOURCE = {"name": "folder", "classes": ["cat", "dog"], "pixel_max": 255}


def manifest(images: list[NDArray[np.uint8]], labels: list[str], splits: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"sample": [f"{n:02d}" for n in range(len(images))], "split": splits, "label": labels})
    sizes = np.array([image.shape for image in images])
    return frame.astype("str").assign(height=sizes[:, 0], width=sizes[:, 1], channels=sizes[:, 2])


@pytest.fixture
def images() -> list[NDArray[np.uint8]]:
    return [np.arange(6, dtype=np.uint8).reshape(2, 3, 1) + np.uint8(10 * n) for n in range(5)]


@pytest.fixture
def rows(images: list[NDArray[np.uint8]]) -> pd.DataFrame:
    return manifest(images, ["dog", "cat", "dog", "cat", "dog"], ["train", "val", "train", "test", "train"])


@pytest.fixture
def outs(tmp_path: Path) -> dict[str, Path]:
    folders = {split: tmp_path / split for split in ("train", "val", "test")}
    for folder in folders.values():
        folder.mkdir()
    return folders


def prepare(images: list[NDArray[np.uint8]], rows: pd.DataFrame, outs: dict[str, Path], **source: Any) -> pd.DataFrame:
    return prepare_images(iter(images), rows, card_shape=(1, 2, 3), source=SOURCE | source, outs=outs)


def test_each_image_stands_with_its_label_in_its_split(
    images: list[NDArray[np.uint8]], rows: pd.DataFrame, outs: dict[str, Path]
) -> None:
    assert prepare(images, rows, outs).empty
    train = np.load(outs["train"] / "images.npy")
    assert (train.shape, train.dtype) == ((3, 1, 2, 3), np.uint8)
    np.testing.assert_array_equal(train[1, 0], [[20, 21, 22], [23, 24, 25]])
    np.testing.assert_array_equal(np.load(outs["test"] / "images.npy")[0, 0], [[30, 31, 32], [33, 34, 35]])
    labels = np.load(outs["train"] / "labels.npy")
    assert (labels.tolist(), labels.dtype) == ([1, 1, 1], np.int64)
    assert np.load(outs["val"] / "labels.npy").tolist() == [0]
    assert pd.read_parquet(outs["train"] / "rows.parquet").to_dict("list") == {
        "sample": ["00", "02", "04"],
        "label": ["dog", "dog", "dog"],
    }
    assert ImageCard.model_validate_json((outs["val"] / "card.json").read_text()) == ImageCard(
        kind="images", source="folder", channels=1, height=2, width=3, pixel_max=255, classes=("cat", "dog")
    )


def test_stored_units_are_kept(images: list[NDArray[np.uint8]], rows: pd.DataFrame, outs: dict[str, Path]) -> None:
    prepare([image % np.uint8(17) for image in images], rows, outs, pixel_max=16)
    np.testing.assert_array_equal(np.load(outs["train"] / "images.npy")[0, 0], [[0, 1, 2], [3, 4, 5]])
    assert ImageCard.model_validate_json((outs["train"] / "card.json").read_text()).pixel_max == 16


def test_an_image_that_fits_is_transposed_alone() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    fitted = fit_pixels(image, (3, 2, 4))
    assert fitted[2, 1, 3] == image[1, 3, 2] == 23
    np.testing.assert_array_equal(fitted.transpose(1, 2, 0), image)


def test_a_transparent_pixel_is_white() -> None:
    # grey 100 at alpha 0, 255 and 51 (a fifth): 255, 100, and 100 / 5 + 255 * 4 / 5 = 224
    image = np.array([[[100, 0], [100, 255], [100, 51]]], dtype=np.uint8)
    np.testing.assert_array_equal(fit_pixels(image, (1, 1, 3)), [[[255, 100, 224]]])
    coloured = np.array([[[10, 20, 30, 0], [10, 20, 30, 255]]], dtype=np.uint8)
    np.testing.assert_array_equal(fit_pixels(coloured, (3, 1, 2))[:, 0], [[255, 10], [255, 20], [255, 30]])


def test_colours_become_grey_by_their_luma_and_grey_becomes_colours() -> None:
    # 0.299 * 255 = 76.2, 0.587 * 255 = 149.7, 0.114 * 255 = 29.1
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], dtype=np.uint8)
    np.testing.assert_array_equal(fit_pixels(colours, (1, 1, 4)), [[[76, 150, 29, 255]]])
    grey = np.array([[[7], [9]]], dtype=np.uint8)
    np.testing.assert_array_equal(fit_pixels(grey, (3, 1, 2)), [[[7, 9]]] * 3)


def test_a_greater_image_is_averaged_to_the_size() -> None:
    # Halved by the triangle of width 2: the weights of a row of 4 for its left half are 3, 3, 1 over 7 (the fourth
    # pixel lies outside of the triangle), so rows 0, 0, 70, 70 give 10 and, mirrored, 60.
    image = np.repeat(np.array([[0, 0, 70, 70]], dtype=np.uint8), 4, axis=0)[:, :, None]
    np.testing.assert_array_equal(fit_pixels(image, (1, 2, 2)), [[[10, 60], [10, 60]]])


def test_a_row_of_an_undeclared_class_or_odd_channels_is_listed(
    images: list[NDArray[np.uint8]], rows: pd.DataFrame, outs: dict[str, Path]
) -> None:
    rows.loc[2, "label"] = "cow"
    images[4] = np.zeros((2, 3, 5), dtype=np.uint8)
    rows.loc[4, "channels"] = 5
    rejected = prepare(images, rows, outs)
    assert rejected.to_dict("records") == [
        {
            "sample": "02",
            "split": "train",
            "reason": "undeclared class",
            "detail": "label cow is not a declared class",
        },
        {
            "sample": "04",
            "split": "train",
            "reason": "unknown channels",
            "detail": "5 channels are neither grey nor colours",
        },
    ]
    assert np.load(outs["train"] / "images.npy").shape == (1, 1, 2, 3)
    assert pd.read_parquet(outs["train"] / "rows.parquet")["sample"].tolist() == ["00"]


def test_twice_gives_the_same_bytes(images: list[NDArray[np.uint8]], rows: pd.DataFrame, outs: dict[str, Path]) -> None:
    written = []
    for _ in range(2):
        prepare(images, rows, outs)
        written.append({path: path.read_bytes() for out in outs.values() for path in out.iterdir()})
    assert written[0] == written[1]
    assert sorted(path.name for path in outs["val"].iterdir()) == [
        "card.json",
        "images.npy",
        "labels.npy",
        "rows.parquet",
    ]


def test_an_empty_split_is_told(images: list[NDArray[np.uint8]], rows: pd.DataFrame, outs: dict[str, Path]) -> None:
    rows.loc[1, "split"] = "train"
    with pytest.raises(ValueError, match=r"val has no row to prepare \(0 in the manifest, 0 rejected\); give it more"):
        prepare(images, rows, outs)


def test_images_that_do_not_fit_the_manifest_are_told(
    images: list[NDArray[np.uint8]], rows: pd.DataFrame, outs: dict[str, Path]
) -> None:
    with pytest.raises(ValueError, match=r"5 rows, but the source has 4 images; run the ingest stage again"):
        prepare(images[:4], rows, outs)
    with pytest.raises(ValueError, match=r"5 rows, but the source has more images"):
        prepare([*images, images[0]], rows, outs)
    with pytest.raises(ValueError, match=r"^01: an image \(3, 2, 1\) of uint8, the manifest says \(2, 3, 1\)"):
        prepare([images[0], images[1].transpose(1, 0, 2), *images[2:]], rows, outs)


def test_values_that_do_not_go_to_255_are_not_resized(
    images: list[NDArray[np.uint8]], rows: pd.DataFrame, outs: dict[str, Path]
) -> None:
    with pytest.raises(
        ValueError, match=r"^00: an image \(2, 3, 1\) with values up to 16 would have to become \(4, 4, 1\)"
    ):
        prepare_images(images, rows, card_shape=(1, 4, 4), source=SOURCE | {"pixel_max": 16}, outs=outs)
