from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from encdec.sources.manifest import ImageSample, PairSample, image_manifest, pair_manifest, write_manifest

SHARES = {"train": 0.5, "val": 0.25, "test": 0.25}


def image(pixels, *, split=None):
    return ImageSample("a", "cat", np.array(pixels, np.uint8), split)


def test_an_image_row_by_hand():
    pixels = [[[0], [4]], [[8], [4]], [[4], [4]]]  # 3 high, 2 wide, 1 channel
    row = image_manifest([image(pixels)], shares=SHARES).iloc[0]
    assert (row.height, row.width, row.channels) == (3, 2, 1)
    # Mean 24 / 6 = 4; squared differences 16, 0, 16, 0, 0, 0: variance 32 / 6.
    assert (row.pixel_min, row.pixel_max, row.pixel_mean) == (0, 8, 4)
    assert row.pixel_std == pytest.approx((32 / 6) ** 0.5, rel=1e-15)
    assert row.content_hash == sha256(b"3x2x1\0" + bytes([0, 4, 8, 4, 4, 4])).hexdigest()


def test_statistics_agree_with_numpy_on_a_colour_image():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    row = image_manifest([image(pixels)], shares=SHARES).iloc[0]
    assert row.pixel_mean == pytest.approx(pixels.mean(dtype=np.float64), rel=1e-14)
    assert row.pixel_std == pytest.approx(pixels.std(dtype=np.float64), rel=1e-14)
    assert (row.pixel_min, row.pixel_max) == (pixels.min(), pixels.max())


def test_a_constant_image_deviates_by_exactly_nothing():
    assert image_manifest([image(np.full((28, 28, 3), 77))], shares=SHARES).iloc[0].pixel_std == 0.0


def test_equal_pixels_in_another_shape_are_another_content():
    rows = image_manifest([image([[[1], [2]]]), image([[[1]], [[2]]]), image([[[1, 2]]])], shares=SHARES)
    assert rows.content_hash.nunique() == 3


def test_the_content_decides_the_split_where_the_source_does_not():
    pixels = [[[[value]]] for value in range(50)]
    rows = image_manifest([image(value) for value in pixels], shares=SHARES)
    assert set(rows.split) == {"train", "val", "test"}
    again = image_manifest([image(value) for value in reversed(pixels)], shares=SHARES)
    assert list(again.split[::-1]) == list(rows.split)
    assert set(image_manifest([image(value, split="test") for value in pixels], shares=SHARES).split) == {"test"}


def test_a_pair_row_by_hand():
    # "e" and a combining accent is one character in NFC; the target has 3 code points.
    row = pair_manifest([PairSample("7", "gro\u0301up", "fr", "e\u0301", "a b")], shares=SHARES).iloc[0]
    assert (row["sample"], row.group, row.slice, row.source, row.target) == ("7", "gróup", "fr", "é", "a b")
    assert (row.source_characters, row.target_characters) == (1, 3)
    assert row.content_hash == sha256("é\0a b".encode()).hexdigest()


def test_source_and_target_are_told_apart_in_the_hash():
    rows = pair_manifest([PairSample("1", "g", "", "ab", "c"), PairSample("2", "g", "", "a", "bc")], shares=SHARES)
    assert rows.content_hash.nunique() == 2


def test_pairs_of_a_group_share_a_split_and_groups_spread():
    samples = [PairSample(f"{index}", f"{index % 40}", "", f"{index}", "x") for index in range(200)]
    rows = pair_manifest(samples, shares=SHARES)
    assert rows.groupby("group").split.nunique().max() == 1
    assert rows.split.nunique() == 3


@pytest.mark.parametrize("samples", [[], [PairSample("1", "g", "", "s", "t")]], ids=["no row", "one row"])
def test_columns_have_their_types_in_the_file_even_without_rows(tmp_path, samples):
    write_manifest(tmp_path, pair_manifest(samples, shares=SHARES))
    types = pd.read_parquet(tmp_path / "manifest.parquet").dtypes
    assert {name: str(type_) for name, type_ in types.items()} == {
        **dict.fromkeys(("sample", "content_hash", "group", "split", "slice", "source", "target"), "str"),
        **dict.fromkeys(("source_characters", "target_characters"), "int64"),
    }
