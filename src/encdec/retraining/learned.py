"""Test rows of the last commit that training reads now: with another split, or another column `split` of an index."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from pyarrow.parquet import ParquetFile

from encdec.datasets.folder import read_array
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.retraining.measured import Positions

DIGEST_BYTES = 16


def learned_rows(split: ImageSplit | PairSplit, others: Sequence[Path]) -> Positions:
    """Positions of the rows of a split's scores whose content is in one of the others.

    The label does not count: the picture was seen. A source of texts is left out where one of its pairs was seen.
    Memory holds a digest for each row of the split, and of the others a few rows at a time.

    Raises:
        ValueError: a file of prepared data is missing or broken.
    """
    pairs = isinstance(split, PairSplit)
    rows = list(pair_digests(split.folder) if pairs else image_digests(split.folder))
    wanted = set(rows)
    seen: set[bytes] = set()
    for folder in others:
        seen |= wanted.intersection(pair_digests(folder) if pairs else image_digests(folder))
    if not isinstance(split, PairSplit):
        return np.array([place for place, row in enumerate(rows) if row in seen], dtype=np.int64)
    found = split.rows["source"]
    sources = set(found[[row in seen for row in rows]])
    return np.flatnonzero(found.drop_duplicates().isin(sources)).astype(np.int64)


def image_digests(folder: Path) -> Iterator[bytes]:
    """Of the pixels as they are stored, and their shape."""
    images = read_array(folder / "images.npy", dtype=np.uint8, ndim=4)
    shape = repr(images.shape[1:]).encode()
    for image in images:
        yield digest_of(shape + np.ascontiguousarray(image).tobytes())


def pair_digests(folder: Path) -> Iterator[bytes]:
    """Of the source and the target."""
    file = folder / "rows.parquet"
    if not file.is_file():
        raise ValueError(f"{file}: no such file; run the prepare stage")
    with ParquetFile(file) as table:
        for batch in table.iter_batches(columns=["source", "target"]):
            for source, target in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield digest_of(repr((source, target)).encode())


def digest_of(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()
