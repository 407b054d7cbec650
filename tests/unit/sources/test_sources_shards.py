"""Shards give back what was put into them, in its order, and are told from those of another manifest."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from encdec.pixels import fit_pixels
from encdec.preparation.images import prepare_images
from encdec.sources import reading, shards
from encdec.sources.ingest import ingest_images
from encdec.sources.reading import iter_images
from encdec.sources.shards import ShardWriter, list_groups, read_group


@pytest.fixture
def small_groups(monkeypatch):
    """Groups of a few files, and pieces of fewer."""
    monkeypatch.setattr(shards, "GROUP_BYTES", 300)
    monkeypatch.setattr(reading, "CHUNK_BYTES", 100)


@pytest.fixture
def levels(user_dir):
    """Forty images in two classes, no two alike, of two sizes."""
    for number in range(40):
        path = user_dir / ("cows", "hens")[number % 2] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4 + number % 2, 3), number).save(path)


@pytest.mark.usefixtures("small_groups")
def test_a_shard_gives_back_its_files_in_their_order_group_by_group(tmp_path):
    files = {f"\u732b/{number}.png": bytes([number]) * number * 20 for number in range(1, 12)}
    with ShardWriter(tmp_path / "0.parquet") as shard:
        for sample, data in files.items():
            shard.add(sample, data)
    groups = list(list_groups(tmp_path))
    assert len(groups) > 3
    assert sum(group.num_rows for group in groups) == len(files)
    assert [pair for group in groups for pair in zip(*read_group(group), strict=True)] == list(files.items())


def test_a_shard_without_a_file_is_not_written(tmp_path):
    with ShardWriter(tmp_path / "0.parquet"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small_groups", "levels")
def test_images_come_in_the_order_of_the_manifest_from_every_group(images_of, user_dir, out):
    images = images_of("folder")
    ingest_images(images, user_dir=user_dir, out=out)
    assert len(list(list_groups(out / "files/images"))) > 3
    means = [float(image.mean()) for image in iter_images(out, images)]
    assert means == list(pd.read_parquet(out / "manifest.parquet")["pixel_mean"])
    assert len(set(means)) == 40


@pytest.mark.usefixtures("levels")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows.iloc[:-1], "39 rows in manifest.parquet, 40 files packed; run the ingest stage again"),
        (lambda rows: rows.iloc[::-1], "does not hold the samples of manifest.parquet in their order; run the ingest"),
    ],
    ids=["fewer", "turned"],
)
def test_shards_of_another_manifest_are_an_error(images_of, user_dir, out, change, told):
    images = images_of("folder")
    ingest_images(images, user_dir=user_dir, out=out)
    change(pd.read_parquet(out / "manifest.parquet")).to_parquet(out / "manifest.parquet", index=False)
    with pytest.raises(ValueError, match=told):
        list(iter_images(out, images))


@pytest.mark.usefixtures("levels")
@pytest.mark.parametrize("damage", ["cut off", "one bit"])
def test_a_damaged_shard_is_an_error_that_names_it_and_says_what_to_do(images_of, user_dir, out, damage):
    images = images_of("folder")
    ingest_images(images, user_dir=user_dir, out=out)
    (shard,) = (out / "files/images").glob("*.parquet")
    written = bytearray(shard.read_bytes())
    place = written.index(b"IDAT")  # in the bytes of an image, which the file formats do not look at
    written[place] ^= 1
    shard.write_bytes(shard.read_bytes()[: len(written) // 2] if damage == "cut off" else written)
    with pytest.raises(ValueError, match=rf"{shard}: is not what ingest wrote \(.*\): run the ingest stage again"):
        list(iter_images(out, images))


@pytest.mark.usefixtures("small_groups", "levels")
def test_images_are_fitted_where_they_are_decoded(images_of, user_dir, out):
    images = images_of("folder")
    ingest_images(images, user_dir=user_dir, out=out)
    whole, fitted = (list(iter_images(out, images, shape=shape)) for shape in (None, (3, 2, 5)))
    assert {image.shape for image in fitted} == {(2, 5, 3)}
    for one, other in zip(whole, fitted, strict=True):
        assert (fit_pixels(one, (3, 2, 5)).transpose(1, 2, 0) == other).all()


@pytest.mark.usefixtures("levels")
def test_fitted_images_are_prepared_to_the_same_arrays(images_of, user_dir, out, tmp_path):
    images = images_of("folder")
    ingest_images(images, user_dir=user_dir, out=out)
    manifest, source = pd.read_parquet(out / "manifest.parquet"), json.loads((out / "source.json").read_text())
    arrays = {}
    for fitted in (False, True):
        outs = {split: tmp_path / f"{fitted}" / split for split in ("train", "val", "test")}
        for folder in outs.values():
            folder.mkdir(parents=True)
        read = iter_images(out, images, shape=images.shape if fitted else None)
        prepare_images(read, manifest, card_shape=images.shape, source=source, outs=outs, fitted=fitted)
        arrays[fitted] = [np.load(folder / "images.npy") for folder in outs.values()]
    assert all((one == other).all() for one, other in zip(arrays[False], arrays[True], strict=True))
    assert arrays[True][0].std() > 0


@pytest.mark.usefixtures("levels")
@pytest.mark.parametrize("shape", [None, (1, 8, 8)])
def test_an_image_of_another_size_than_the_manifest_says_is_an_error(images_of, user_dir, out, shape):
    images = images_of("folder")
    ingest_images(images, user_dir=user_dir, out=out)
    rows = pd.read_parquet(out / "manifest.parquet")
    rows.loc[7, "height"] = 5
    rows.to_parquet(out / "manifest.parquet", index=False)
    told = rf"{rows['sample'][7]}: an image \(3, 4, 1\), manifest.parquet says \(5, 4, 1\); run the ingest stage again"
    with pytest.raises(ValueError, match=told):
        list(iter_images(out, images, shape=shape))


@pytest.mark.usefixtures("levels")
def test_pixels_are_those_of_the_files(images_of, user_dir, out):
    images = images_of("folder")
    ingest_images(images, user_dir=user_dir, out=out)
    samples = pd.read_parquet(out / "manifest.parquet")["sample"]
    for sample, image in zip(samples, iter_images(out, images), strict=True):
        assert (image[:, :, 0] == np.asarray(Image.open(user_dir / sample))).all()
