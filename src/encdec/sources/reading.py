"""The images of `data/01_raw/images`, decoded."""

from collections.abc import Generator, Sequence
from contextlib import closing
from functools import partial
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encdec.params.data import Images
from encdec.pixels import fit_pixels
from encdec.sources.manifest import MANIFEST_FILE
from encdec.sources.provenance import FILES_FOLDER
from encdec.sources.shards import SHARDS_FOLDER, Group, list_groups, read_group
from encdec.sources.workers import CHUNK, worked

CHUNK_BYTES = 2**22  # of pixels that a process hands over at once
AGAIN = "run the ingest stage again"


def iter_images(
    raw: Path, params: Images, *, shape: tuple[int, int, int] | None = None
) -> Generator[NDArray[np.uint8], None, None]:
    """Each image as (H, W, C) in stored units, in the order of the manifest and with its height, width and channels.

    Args:
        raw: the folder that `ingest_images` wrote, with the same `params`.
        shape: (C, H, W) that images of the source `folder` are fitted to, by the processes that decode them; those of
            other sources come as they are.

    Raises:
        ValueError: the files of source `folder` are not those of the manifest.
    """
    samples = [str(sample) for sample in pd.read_parquet(raw / MANIFEST_FILE, columns=["sample"])["sample"]]
    files = raw / FILES_FOLDER
    match params.source:
        case "digits":
            from encdec.sources.digits import read_digits

            digits = read_digits(files)
            yield from (digits[int(sample)][:, :, np.newaxis] for sample in samples)
        case "mnist" | "fashion-mnist" | "kmnist":
            from encdec.sources.mnist import PARTS, read_images

            parts = {str(part): read_images(files, part) for part in PARTS}
            for part, index in (sample.split("/") for sample in samples):
                yield parts[part][int(index)][:, :, np.newaxis]
        case "folder":
            with closing(decoded(raw, samples, shape)) as chunks:
                for chunk in chunks:
                    yield from chunk


def decoded(
    raw: Path, samples: Sequence[str], shape: tuple[int, int, int] | None
) -> Generator[list[NDArray[np.uint8]], None, None]:
    """The images of source `folder`, some at a time, by all cores.

    They are decoded as they were at ingest, which looks at every pixel to judge and to describe: to keep the pixels
    from there would take the place of the data once more, as large as the files are before they are fitted.

    Raises:
        ValueError: the manifest and the shards do not have the same samples.
    """
    sizes = pd.read_parquet(raw / MANIFEST_FILE, columns=["height", "width", "channels"]).to_numpy()
    largest = int(sizes.prod(axis=1).max()) if shape is None else prod(shape)
    step = max(1, min(CHUNK, CHUNK_BYTES // largest))
    pieces, first = [], 0
    for group in list_groups(raw / FILES_FOLDER / SHARDS_FOLDER):
        for start in range(0, group.num_rows, step):
            stop = min(start + step, group.num_rows)
            rows = slice(first + start, first + stop)
            pieces.append(Piece(group, start, samples[rows], sizes[rows]))
        first += group.num_rows
    if first != len(samples):
        raise ValueError(f"{raw}: {len(samples)} rows in {MANIFEST_FILE}, {first} files packed; {AGAIN}")
    work = partial(decode_pieces, shape=shape)
    return worked(work, pieces, label="prepare images", chunk=1, sizes=[len(each.samples) for each in pieces])


class Piece(NamedTuple):
    """Rows of a group from `start`, and the samples and sizes (H, W, C) that they should have."""

    group: Group
    start: int
    samples: Sequence[str]
    sizes: NDArray[np.int64]


def decode_pieces(pieces: Sequence[Piece], *, shape: tuple[int, int, int] | None) -> list[NDArray[np.uint8]]:
    from encdec.sources.decoding import decode_image

    images = []
    for group, start, expected, sizes in pieces:
        samples, contents = read_group(group)
        stop = start + len(expected)
        if samples[start:stop] != list(expected):
            raise ValueError(f"{group.shard}: does not hold the samples of {MANIFEST_FILE} in their order; {AGAIN}")
        for row, size in zip(range(start, stop), sizes, strict=True):
            image = decode_image(contents[row], name=samples[row])
            if image.shape != tuple(size):
                found = f"an image {image.shape}, {MANIFEST_FILE} says {tuple(map(int, size))}"
                raise ValueError(f"{samples[row]}: {found}; {AGAIN}")
            images.append(image if shape is None else fit_pixels(image, shape).transpose(1, 2, 0))
    return images
