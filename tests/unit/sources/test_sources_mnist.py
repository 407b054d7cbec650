"""`fashion-mnist` and `kmnist` from a real server on localhost that serves small IDX files, packed by the test.

Their public files were never reached from here: the table of digests is compared with the published one alone.
"""

import gzip
import json
import struct
from hashlib import md5, sha256

import numpy as np
import pandas as pd
import pytest

from encdec.params.data import IdxDigests
from encdec.preparation.images import prepare_images
from encdec.sources.download import DownloadError
from encdec.sources.ingest import ingest_images
from encdec.sources.mnist import BYTES, FASHION_MNIST, FILES, KMNIST, MNIST, public_file
from encdec.sources.reading import iter_images

PUBLISHED_MD5 = {
    "fashion-mnist": """
        train-images-idx3-ubyte.gz 8d4fb7e6c68d591d4c3dfef9ec88bf0d
        train-labels-idx1-ubyte.gz 25c81989df183df01b3e8a0aad5dffbe
        t10k-images-idx3-ubyte.gz bef4ecab320f06d8554ea6380940ec79
        t10k-labels-idx1-ubyte.gz bb300cfdad3c16e7a12a480ee83cd310
    """,
    "kmnist": """
        train-images-idx3-ubyte.gz bdb82020997e1d708af4cf47b453dcf7
        train-labels-idx1-ubyte.gz e144d726b3acfaa3e44228e80efcd344
        t10k-images-idx3-ubyte.gz 5c965bf0a639b31b8f53240b1b52f4d7
        t10k-labels-idx1-ubyte.gz 7320c461ea6c1c855c0b718fb2a4b134
    """,
}
SOURCES = [FASHION_MNIST, KMNIST]
IMAGES = np.random.default_rng(5).integers(0, 256, size=(150, 28, 28), dtype=np.uint8)
LABELS = np.arange(150, dtype=np.uint8) % 10


def idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def contents():
    """What the files of the mirror have when they are decompressed: 120 images to train on, 30 to test on."""
    parts = {"train": slice(0, 120), "t10k": slice(120, 150)}
    images = {f"{part}_images": idx(IMAGES[rows]) for part, rows in parts.items()}
    return images | {f"{part}_labels": idx(LABELS[rows]) for part, rows in parts.items()}


@pytest.fixture
def mirror(server, monkeypatch, contents):
    for source in SOURCES:
        for key, content in contents.items():
            server.files[f"/{source.name}/{FILES[key]}.gz"] = gzip.compress(content, mtime=0)
    monkeypatch.setenv("ENCDEC_MIRROR", server.address)
    return server


@pytest.fixture
def stated(contents):
    return IdxDigests(**{key: sha256(content).hexdigest() for key, content in contents.items()})


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_file_has_its_address_and_its_published_digest(source, images_of):
    section = images_of(source.name).selected
    files = [public_file(source, key, section) for key in FILES]
    assert [f"{file.file} {file.digest.value}" for file in files] == [
        line.strip() for line in PUBLISHED_MD5[source.name].strip().splitlines()
    ]
    assert {(file.digest.algorithm, file.digest.packed) for file in files} == {("MD5", True)}
    assert all(file.url == source.address + file.file for file in files)


def test_the_addresses_and_classes_are_the_published_ones():
    assert FASHION_MNIST.address == "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
    assert KMNIST.address == "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"
    assert KMNIST.classes == ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    assert FASHION_MNIST.classes[0] == "T-shirt/top"
    assert FASHION_MNIST.classes[9] == "Ankle boot"
    assert [len(set(source.classes)) for source in (MNIST, *SOURCES)] == [10, 10, 10]
    assert BYTES["train_images"] == 47_040_016  # 16 + 60,000 * 784


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_stated_digests_let_a_mirror_in_that_packed_the_files_anew(source, mirror, stated, images_of, out, user_dir):
    images = images_of(source.name, sha256=stated, val_fraction=0.25)
    ingest_images(images, user_dir=user_dir, out=out)
    rows = pd.read_parquet(out / "manifest.parquet")
    assert len(rows) == 150
    assert [source.classes.index(label) for label in rows.label] == LABELS.tolist()
    assert (rows.split == "test").tolist() == [False] * 120 + [True] * 30
    assert 10 <= (rows.split == "val").sum() <= 50  # a quarter of 120, by content: 30, five standard deviations are 24
    assert (np.stack(list(iter_images(out, images)))[:, :, :, 0] == IMAGES).all()
    about = json.loads((out / "source.json").read_text())
    assert about["name"] == source.name
    assert about["classes"] == list(source.classes)
    assert about["licence"] == source.licence
    assert about["files"] == {FILES[key]: getattr(stated, key) for key in FILES}
    assert about["split"] == pytest.approx({"train": 0.6, "val": 0.2, "test": 0.2})

    folders = {split: out / split for split in ("train", "val", "test")}
    for folder in folders.values():
        folder.mkdir()
    prepare_images(iter_images(out, images), rows, card_shape=images.shape, source=about, outs=folders)
    card = json.loads((folders["test"] / "card.json").read_text())
    assert (card["channels"], card["height"], card["width"]) == (1, 28, 28)
    assert (np.load(folders["test"] / "labels.npy") == LABELS[120:]).all()


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_without_a_stated_digest_such_a_mirror_is_refused_and_told_what_to_state(
    source, mirror, contents, images_of, out, user_dir
):
    with pytest.raises(DownloadError) as caught:
        ingest_images(images_of(source.name), user_dir=user_dir, out=out)
    packed = gzip.compress(contents["train_images"], mtime=0)
    name = "train-images-idx3-ubyte.gz"
    told = str(caught.value)
    assert told.startswith(f"{source.name}/{name}: {mirror.address}/{source.name}/{name}: found a file of ")
    assert f"a file of {len(packed)} bytes with MD5 {md5(packed).hexdigest()}, 2 times; expected a file whose " in told
    assert f"packed bytes have MD5 {source.digests['train_images'].value}. " in told
    assert f"(gzip -dc {name} | sha256sum) in params.yaml at images.sources.{source.name}.sha256.train_images." in told


def test_a_wrong_digest_that_was_stated_is_named(mirror, stated, images_of, out, user_dir):
    wrong = stated.model_copy(update={"t10k_labels": "0" * 64})
    with pytest.raises(DownloadError) as caught:
        ingest_images(images_of("kmnist", sha256=wrong), user_dir=user_dir, out=out)
    assert f"kmnist/t10k-labels-idx1-ubyte.gz: {mirror.address}" in str(caught.value)
    assert f"found decompressed bytes with SHA-256 {stated.t10k_labels}, 2 times" in str(caught.value)
    assert str(caught.value).endswith(
        "The SHA-256 is the one that params.yaml states at images.sources.kmnist.sha256.t10k_labels."
    )


def test_a_label_without_a_class_is_named(mirror, stated, contents, images_of, out, user_dir):
    labels = idx(np.where(np.arange(30) == 4, 10, 3).astype(np.uint8))
    mirror.files["/kmnist/t10k-labels-idx1-ubyte.gz"] = gzip.compress(labels, mtime=0)
    section = stated.model_copy(update={"t10k_labels": sha256(labels).hexdigest()})
    with pytest.raises(ValueError, match="kmnist: t10k-labels-idx1-ubyte: label 10 at 4, expected 0 to 9"):
        ingest_images(images_of("kmnist", sha256=section), user_dir=user_dir, out=out)
