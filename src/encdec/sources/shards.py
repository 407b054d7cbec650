"""A user's image files packed into a few Parquet files: to make a small file costs as much as to decode its image.

Each shard holds the bytes of files that follow each other in the manifest, as they were: `pandas.read_parquet` of one
gives the columns sample and data. Its row groups are as large as a reader may hold in memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

SHARDS_FOLDER = "images"
GROUP_BYTES = 2**23
SCHEMA = pa.schema([("sample", pa.string()), ("data", pa.binary())])


class Group(NamedTuple):
    """The row group `number` of a shard, with so many rows."""

    shard: Path
    number: int
    num_rows: int


class ShardWriter:
    """Writes a shard; nothing where no file is added. One that is not closed is no Parquet file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer: pq.ParquetWriter | None = None
        self.samples: list[str] = []
        self.contents: list[bytes] = []
        self.num_bytes = 0

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()
        if self.writer is not None:
            self.writer.close()

    def add(self, sample: str, data: bytes) -> None:
        self.samples.append(sample)
        self.contents.append(data)
        self.num_bytes += len(data)
        if self.num_bytes >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        if not self.samples:
            return
        if self.writer is None:  # images are compressed already
            self.writer = pq.ParquetWriter(
                self.path,
                SCHEMA,
                compression="none",
                use_dictionary=False,
                write_statistics=False,
                write_page_checksum=True,
            )
        self.writer.write_table(pa.table([self.samples, self.contents], schema=SCHEMA))
        self.samples, self.contents, self.num_bytes = [], [], 0


def list_groups(folder: Path) -> Iterator[Group]:
    """The row groups of every shard, in the order in which their files stand in the manifest.

    Raises:
        ValueError: a shard is no whole Parquet file.
    """
    for shard in sorted(folder.glob("*.parquet")):
        with whole(shard):
            metadata = pq.read_metadata(shard)
        for number in range(metadata.num_row_groups):
            yield Group(shard, number, metadata.row_group(number).num_rows)


@contextmanager
def whole(shard: Path) -> Iterator[None]:
    """Says in a sentence that a shard was cut off or changed."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's own: it cannot be read
        raise ValueError(f"{shard}: is not what ingest wrote ({error}): run the ingest stage again") from error


@lru_cache(maxsize=1)
def read_group(group: Group) -> tuple[list[str], list[bytes]]:
    """The samples of a row group and the bytes of their files.

    Raises:
        ValueError: they are not the bytes that were written.
    """
    with whole(group.shard), pq.ParquetFile(group.shard, page_checksum_verification=True) as file:
        table = file.read_row_group(group.number, use_threads=False)
    return table["sample"].to_pylist(), table["data"].to_pylist()
