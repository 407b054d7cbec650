"""The images of `data/01_raw/images`, decoded."""

from collections.abc import Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encdec.params.data import Images
from encdec.sources.manifest import MANIFEST_FILE
from encdec.sources.provenance import FILES_FOLDER
from encdec.sources.workers import CHUNK, worked

CHUNK_BYTES = 2**22  # of pixels that a process hands over at once


def iter_images(raw: Path, params: Images) -> Generator[NDArray[np.uint8], None, None]:
    """Each image as (H, W, C) in stored units, in the order of the manifest and with its height, width and channels.

    Args:
        raw: the folder that `ingest_images` wrote, with the same `params`.
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
            with closing(decoded(raw, samples)) as chunks:
                for chunk in chunks:
                    yield from chunk


def decoded(raw: Path, samples: Sequence[str]) -> Generator[list[NDArray[np.uint8]], None, None]:
    """The images of source `folder`, some at a time, by all cores.

    They are decoded as they were at ingest, which looks at every pixel to judge and to describe: to keep the pixels
    from there would take the place of the data once more, as large as the files are before they are fitted.
    """
    sizes = pd.read_parquet(raw / MANIFEST_FILE, columns=["height", "width", "channels"])
    chunk = max(1, min(CHUNK, CHUNK_BYTES // int(sizes.prod(axis=1).max())))
    return worked(partial(decode_files, files=raw / FILES_FOLDER), samples, label="prepare images", chunk=chunk)


def decode_files(samples: Sequence[str], *, files: Path) -> list[NDArray[np.uint8]]:
    from encdec.sources.decoding import decode_image

    return [decode_image((files / sample).read_bytes(), name=sample) for sample in samples]
