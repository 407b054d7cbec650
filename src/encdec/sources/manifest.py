"""`manifest.parquet`: one row per sample, from which everything after ingest is judged."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encdec.sources.rejections import Rejection, write_rejected
from encdec.sources.split import assign

MANIFEST_FILE = "manifest.parquet"
IMAGE_COLUMNS = {
    "sample": "str",
    "content_hash": "str",
    "split": "str",
    "label": "str",
    "height": "int64",
    "width": "int64",
    "channels": "int64",
    "pixel_min": "float64",
    "pixel_max": "float64",
    "pixel_mean": "float64",
    "pixel_std": "float64",
}
PAIR_COLUMNS = {
    "sample": "str",
    "content_hash": "str",
    "group": "str",
    "split": "str",
    "slice": "str",
    "source": "str",
    "target": "str",
    "source_characters": "int64",
    "target_characters": "int64",
}


class ImageSample(NamedTuple):
    """`pixels`: (H, W, C), stored units. `split`: the source's own, or None where the content decides.

    `seen`: the pixels by which it is told whether two are the same, where these are not all of `pixels`.
    """

    sample: str
    label: str
    pixels: NDArray[np.uint8]
    split: str | None
    seen: NDArray[np.uint8] | None = None


class PairSample(NamedTuple):
    """`group`: rows with the same group come into the same split. `slice`: reported apart, "" where there is none.

    `split`: the source's own, or None where the group decides.
    """

    sample: str
    group: str
    slice: str
    source: str
    target: str
    split: str | None = None


def image_manifest(samples: Iterable[ImageSample], *, shares: Mapping[str, float]) -> pd.DataFrame:
    """A row per image, in the order given; an image without a split of its own gets one by its content.

    Pixel statistics are in stored units; the standard deviation is that of the whole image (divisor H * W * C).
    """
    return frame([image_row(sample, shares) for sample in samples], IMAGE_COLUMNS)


def pair_manifest(samples: Iterable[PairSample], *, shares: Mapping[str, float]) -> pd.DataFrame:
    """A row per pair, in the order given; texts and groups are brought to Unicode's NFC, lengths are code points."""
    return frame([pair_row(sample, shares) for sample in samples], PAIR_COLUMNS)


def write_manifest(out: Path, manifest: pd.DataFrame, *, rejected: Sequence[Rejection] = ()) -> None:
    """Write the samples, and beside them what could be none."""
    manifest.to_parquet(out / MANIFEST_FILE, index=False)
    write_rejected(out, rejected)


def frame(rows: list[tuple[object, ...]], columns: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns)).astype(dict(columns))


def image_row(sample: ImageSample, shares: Mapping[str, float]) -> tuple[object, ...]:
    content_hash = image_hash(sample.pixels if sample.seen is None else sample.seen)
    split = sample.split or assign(content_hash, shares)
    return (sample.sample, content_hash, split, sample.label, *sample.pixels.shape, *pixel_statistics(sample.pixels))


def image_hash(pixels: NDArray[np.uint8]) -> str:
    """SHA-256 of "HxWxC", a zero byte, and the (H, W, C) pixels row by row: the same for every file format."""
    height, width, channels = pixels.shape
    return sha256(f"{height}x{width}x{channels}\0".encode() + pixels.tobytes()).hexdigest()


def pixel_statistics(pixels: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Minimum, maximum, mean and standard deviation, from exact integer sums: no machine rounds them differently."""
    count = pixels.size
    total = int(pixels.sum(dtype=np.uint64))
    total_of_squares = int(np.square(pixels, dtype=np.uint16).sum(dtype=np.uint64))
    variance = (count * total_of_squares - total**2) / count**2
    return float(pixels.min()), float(pixels.max()), total / count, variance**0.5


def pair_row(sample: PairSample, shares: Mapping[str, float]) -> tuple[object, ...]:
    source, target, group = normalize("NFC", sample.source), normalize("NFC", sample.target), sample.group
    group = normalize("NFC", group)
    content_hash = sha256(f"{source}\0{target}".encode()).hexdigest()
    split = sample.split or assign(group, shares)
    return sample.sample, content_hash, group, split, sample.slice, source, target, len(source), len(target)
