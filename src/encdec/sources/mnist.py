"""Source `mnist`: 70,000 handwritten digits, 28x28, as IDX files with a test split of their own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from encdec.params.data import Mnist
from encdec.sources.download import fetch
from encdec.sources.idx import read_idx
from encdec.sources.manifest import ImageSample, image_manifest, write_manifest
from encdec.sources.provenance import FILES_FOLDER, write_image_source

ADDRESS = "https://ossci-datasets.s3.amazonaws.com/mnist/"
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
LICENCE = "CC BY-SA 3.0: Y. LeCun and C. Cortes, MNIST"
Part = Literal["train", "t10k"]
PARTS: tuple[Part, ...] = ("train", "t10k")
PIXEL_MAX = 255


def ingest_mnist(params: Mnist, *, out: Path) -> None:
    files = out / FILES_FOLDER
    files.mkdir()
    for name, sha256 in SHA256.items():
        fetch("mnist", f"{name}.gz", url=f"{ADDRESS}{name}.gz", sha256=sha256, into=files)
    own_train = {"train": 1 - params.val_fraction, "val": params.val_fraction}
    write_manifest(out, image_manifest(samples(files), shares=own_train))
    train, test = (len(read_images(files, part)) for part in PARTS)
    split = {name: share * train / (train + test) for name, share in own_train.items()} | {
        "test": test / (train + test)
    }
    classes = [str(digit) for digit in range(10)]
    write_image_source(out, name="mnist", classes=classes, pixel_max=PIXEL_MAX, split=split, licence=LICENCE)


def read_images(files: Path, part: Part) -> NDArray[np.uint8]:
    """(N, 28, 28)."""
    return read_idx(files / f"{part}-images-idx3-ubyte", axes=3)


def samples(files: Path) -> Iterator[ImageSample]:
    """The images of `train`, whose split the content decides, then those of `t10k`, which are the test split.

    Raises:
        ValueError: a file of images and its file of labels differ in length.
    """
    for part in PARTS:
        images, labels = read_images(files, part), read_idx(files / f"{part}-labels-idx1-ubyte", axes=1)
        if len(images) != len(labels):
            raise ValueError(f"mnist: {part} has {len(images)} images and {len(labels)} labels")
        split = "test" if part == "t10k" else None
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield ImageSample(f"{part}/{index:05d}", str(label), image[:, :, np.newaxis], split)
