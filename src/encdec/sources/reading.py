"""The images of `data/01_raw/images`, decoded."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encdec.params.data import Images
from encdec.sources.manifest import MANIFEST_FILE
from encdec.sources.provenance import FILES_FOLDER


def iter_images(raw: Path, params: Images) -> Iterator[NDArray[np.uint8]]:
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
            from encdec.sources.decoding import decode_image

            yield from (decode_image((files / sample).read_bytes(), name=sample) for sample in samples)
