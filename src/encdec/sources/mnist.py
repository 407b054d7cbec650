"""Sources `mnist`, `fashion-mnist` and `kmnist`: 70,000 images, 28x28, as IDX files with a test split of their own."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from encdec.params.data import Mnist, MnistLike
from encdec.sources.download import PublicFile, fetch
from encdec.sources.idx import read_idx
from encdec.sources.manifest import ImageSample, image_manifest, write_manifest
from encdec.sources.provenance import FILES_FOLDER, write_image_source
from encdec.sources.unpacking import Digest, md5_of_file, sha256_of_content

Part = Literal["train", "t10k"]
PARTS: tuple[Part, ...] = ("train", "t10k")
PIXEL_MAX = 255
FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "t10k_images": "t10k-images-idx3-ubyte",
    "t10k_labels": "t10k-labels-idx1-ubyte",
}
BYTES = {  # a header of 16 or 8, and a byte per pixel or label
    "train_images": 16 + 60_000 * 28 * 28,
    "train_labels": 8 + 60_000,
    "t10k_images": 16 + 10_000 * 28 * 28,
    "t10k_labels": 8 + 10_000,
}


class IdxSource(NamedTuple):
    """`digests`: by the keys of FILES."""

    name: str
    address: str
    digests: Mapping[str, Digest]
    classes: tuple[str, ...]
    licence: str


MNIST = IdxSource(
    "mnist",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    {
        "train_images": sha256_of_content("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        "train_labels": sha256_of_content("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        "t10k_images": sha256_of_content("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        "t10k_labels": sha256_of_content("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    },
    tuple(str(digit) for digit in range(10)),
    "CC BY-SA 3.0: Y. LeCun and C. Cortes, MNIST",
)
FASHION_MNIST = IdxSource(
    "fashion-mnist",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    {
        "train_images": md5_of_file("8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        "train_labels": md5_of_file("25c81989df183df01b3e8a0aad5dffbe"),
        "t10k_images": md5_of_file("bef4ecab320f06d8554ea6380940ec79"),
        "t10k_labels": md5_of_file("bb300cfdad3c16e7a12a480ee83cd310"),
    },
    ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    "MIT: Zalando SE, Fashion-MNIST (arXiv:1708.07747)",
)
KMNIST = IdxSource(
    "kmnist",
    "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    {
        "train_images": md5_of_file("bdb82020997e1d708af4cf47b453dcf7"),
        "train_labels": md5_of_file("e144d726b3acfaa3e44228e80efcd344"),
        "t10k_images": md5_of_file("5c965bf0a639b31b8f53240b1b52f4d7"),
        "t10k_labels": md5_of_file("7320c461ea6c1c855c0b718fb2a4b134"),
    },
    ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    "CC BY-SA 4.0: KMNIST Dataset (created by CODH), adapted from Kuzushiji Dataset (created by NIJL and others), "
    "doi:10.20676/00000341",
)


def ingest_mnist(params: Mnist | MnistLike, *, source: IdxSource, out: Path) -> None:
    files = out / FILES_FOLDER
    files.mkdir()
    for key in FILES:
        fetch(public_file(source, key, params), into=files)
    own_train = {"train": 1 - params.val_fraction, "val": params.val_fraction}
    write_manifest(out, image_manifest(samples(files, source), shares=own_train))
    train, test = (len(read_images(files, part)) for part in PARTS)
    split = {name: share * train / (train + test) for name, share in own_train.items()} | {
        "test": test / (train + test)
    }
    classes, licence = source.classes, source.licence
    write_image_source(out, name=source.name, classes=classes, pixel_max=PIXEL_MAX, split=split, licence=licence)


def public_file(source: IdxSource, key: str, params: Mnist | MnistLike) -> PublicFile:
    """A digest that the user states takes the place of the published one."""
    stated = getattr(params.sha256, key) if isinstance(params, MnistLike) else None
    digest = source.digests[key] if stated is None else sha256_of_content(stated)
    at = f"images.sources.{source.name}.sha256.{key}"
    file = f"{FILES[key]}.gz"
    advice = f"The SHA-256 is the one that params.yaml states at {at}." if stated is not None else ""
    if digest.packed:
        advice = (
            "A mirror that packed it anew cannot be verified by that digest: where you trust yours, state the SHA-256 "
            f"of the decompressed bytes (gzip -dc {file} | sha256sum) in params.yaml at {at}."
        )
    return PublicFile(source.name, file, f"{source.address}{file}", digest, BYTES[key], advice)


def read_images(files: Path, part: Part) -> NDArray[np.uint8]:
    """(N, 28, 28)."""
    return read_idx(files / f"{part}-images-idx3-ubyte", axes=3)


def samples(files: Path, source: IdxSource) -> Iterator[ImageSample]:
    """The images of `train`, whose split the content decides, then those of `t10k`, which are the test split.

    Raises:
        ValueError: a file of images and its file of labels differ in length, or a label has no class.
    """
    for part in PARTS:
        images, labels = read_images(files, part), read_idx(files / f"{part}-labels-idx1-ubyte", axes=1)
        if len(images) != len(labels):
            raise ValueError(f"{source.name}: {part} has {len(images)} images and {len(labels)} labels")
        split = "test" if part == "t10k" else None
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            if label >= len(source.classes):
                told = f"{part}-labels-idx1-ubyte: label {label} at {index}"
                raise ValueError(f"{source.name}: {told}, expected 0 to {len(source.classes) - 1}")
            yield ImageSample(f"{part}/{index:05d}", source.classes[label], image[:, :, np.newaxis], split)
