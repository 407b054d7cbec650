"""Source `digits`: 1,797 real handwritten digits, 8x8, in 17 grey levels, that lie inside scikit-learn."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encdec.params.data import Digits
from encdec.sources.manifest import ImageSample, image_manifest, write_manifest
from encdec.sources.provenance import FILES_FOLDER, write_image_source

IMAGES_FILE, LABELS_FILE = "digits.npy", "labels.npy"
PIXEL_MAX = 16
LICENCE = "CC BY 4.0: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, doi:10.24432/C50P49"


def ingest_digits(params: Digits, *, out: Path) -> None:
    from sklearn.datasets import load_digits  # here, because it takes a second

    loaded = load_digits()
    images, labels = loaded.images.astype(np.uint8), loaded.target.astype(np.int64)  # (N, 8, 8), (N,)
    files = out / FILES_FOLDER
    files.mkdir()
    np.save(files / IMAGES_FILE, images)
    np.save(files / LABELS_FILE, labels)
    shares = params.split.shares()
    write_manifest(out, image_manifest(samples(images, labels), shares=shares))
    classes = [str(digit) for digit in range(10)]
    write_image_source(out, name="digits", classes=classes, pixel_max=PIXEL_MAX, split=shares, licence=LICENCE)


def samples(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Iterator[ImageSample]:
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        yield ImageSample(f"{index:05d}", str(label), image[:, :, np.newaxis], None)


def read_digits(files: Path) -> NDArray[np.uint8]:
    """(N, 8, 8) uint8, 0 to 16: `ingest_digits` wrote it; the sample's name is the index."""
    return np.asarray(np.load(files / IMAGES_FILE), dtype=np.uint8)
