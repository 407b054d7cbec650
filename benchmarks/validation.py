"""How many cells of a manifest validation reads in a second, for manifests of 10^4, 10^5 and 10^6 rows.

A cell is a row's value in a column. The time is that of the stage's work: reading the manifest, running the suite
with Great Expectations, writing its result and its page; importing Great Expectations, which takes the same whatever
the manifest, is shown apart. Images and texts are made by number; every row is another one, as in real data.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from encdec.params.data import SPLITS
from encdec.params.loading import load_params
from encdec.params.root import KINDS, Kind, Params
from encdec.validation.validate import ValidationReport, validate_images, validate_pairs

ROOT = Path(__file__).parents[1]
SHARES = (0.7, 0.15, 0.15)
SOURCE: dict[str, Any] = {
    "name": "made",
    "classes": [str(digit) for digit in range(10)],
    "pixel_max": 16,
    "split": dict(zip(SPLITS, SHARES, strict=True)),
}


class Time(NamedTuple):
    """In seconds: by the clock, and of the processor, which other work on the machine changes less."""

    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes of manifests")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is timed (3)")
    arguments = parser.parse_args()
    params = load_params(ROOT / "params.yaml").params
    began = time.perf_counter()
    import great_expectations  # noqa: F401, the time of the import is what is measured

    print(f"importing Great Expectations: {time.perf_counter() - began:.1f} s; medians of {arguments.rounds}\n")
    print(
        "| kind | rows | cells | seconds | least to greatest | million cells/s | processor seconds | million cells/s |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for kind in KINDS:
            make_manifest(kind, 100).to_parquet(folder / "manifest.parquet", index=False)
            validate(kind, folder, params)  # what is loaded at the first use
            for num_rows in arguments.rows:
                manifest = make_manifest(kind, num_rows)
                manifest.to_parquet(folder / "manifest.parquet", index=False)
                times = [validate(kind, folder, params) for _ in range(arguments.rounds)]
                print_row(kind, manifest, times)


def print_row(kind: Kind, manifest: pd.DataFrame, times: list[Time]) -> None:
    wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
    spread = f"{min(time.wall for time in times):.2f} to {max(time.wall for time in times):.2f}"
    rates = [f"{manifest.size / seconds / 1e6:.2f}" for seconds in (wall, cpu)]
    print(
        f"| {kind} | {len(manifest):,} | {manifest.size:,} | {wall:.2f} | {spread} | {rates[0]} | {cpu:.2f} "
        f"| {rates[1]} |",
        flush=True,
    )


def validate(kind: Kind, folder: Path, params: Params) -> Time:
    """What the work of the stage took.

    Raises:
        ValueError: an error was found, which would not be what is to be measured.
    """
    began, began_cpu = time.perf_counter(), time.process_time()
    report = checked(kind, pd.read_parquet(folder / "manifest.parquet"), params)
    report.write(folder)
    found = Time(time.perf_counter() - began, time.process_time() - began_cpu)
    if report.errors and report.num_rows >= 1000:
        raise ValueError(json.dumps([finding.as_json() for finding in report.errors], indent=2))
    return found


def checked(kind: Kind, manifest: pd.DataFrame, params: Params) -> ValidationReport:
    """By the checks of the default sources, digits and dates."""
    if kind == "images":
        return validate_images(manifest, params.images.sources.digits.validation, SOURCE)
    source = params.pairs.sources.dates
    return validate_pairs(manifest, source.validation, SOURCE, max_characters=source.max_characters)


def make_manifest(kind: Kind, num_rows: int) -> pd.DataFrame:
    """A good manifest; the same numbers in every run."""
    generator = np.random.default_rng(0)
    numbers = range(num_rows)
    shared = {
        "sample": [f"{number:08d}" for number in numbers],
        "content_hash": [f"{number * 2654435761:064x}" for number in numbers],
        "split": generator.choice(np.array(SPLITS, dtype=object), num_rows, p=SHARES),
    }
    if kind == "images":
        texts = {**shared, "label": generator.choice(np.array(SOURCE["classes"], dtype=object), num_rows)}
        sizes = dict.fromkeys(("height", "width"), 8) | {"channels": 1}
        pixels = {"pixel_min": 0.0, "pixel_max": 16.0} | {
            name: generator.random(num_rows) for name in ("pixel_mean", "pixel_std")
        }
        return pd.DataFrame({**texts, **sizes, **pixels}).astype(dict.fromkeys(texts, "str"))
    texts = {
        **shared,
        "group": [f"group {number}" for number in numbers],
        "slice": generator.choice(np.array(["en", "ko", "ar"], dtype=object), num_rows),
        "source": [f"{number:08d} 년 é {number % 1000}" for number in numbers],
        "target": [f"{number:08d}" for number in numbers],
    }
    frame = pd.DataFrame(texts).astype("str")
    return frame.assign(source_characters=frame["source"].str.len(), target_characters=frame["target"].str.len())


if __name__ == "__main__":
    main()
