"""Any bytes as a .parquet file of text pairs: samples and rejections, or a refusal in words."""

from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from harness import fuzz, instrumented

with instrumented():
    from tables import PAIRS, read_samples


def read(path: Path) -> None:
    found = read_samples(path)
    assert [one.sample for one in found] == [f"{path.name}: row {number}" for number in range(1, len(found) + 1)]


def parquet(kind: pa.DataType, **options: object) -> bytes:
    out = BytesIO()
    sources, targets = (pa.array(texts).cast(kind) for texts in zip(*PAIRS, strict=True))
    pq.write_table(pa.table({"source": sources, "target": targets}), out, **options)
    return out.getvalue()


if __name__ == "__main__":
    plain = {"use_dictionary": False, "compression": "none", "write_statistics": False, "store_schema": False}
    seeds = [parquet(pa.string(), **plain), parquet(pa.dictionary(pa.int8(), pa.string())), parquet(pa.large_string())]
    fuzz(read, name="input.parquet", seeds=seeds)
