"""How fast a folder of images becomes raw data, and then arrays, beside its decoder alone.

Makes a folder of image files from generated pixels, then alternates, in rounds:

- decoder: Pillow opens and converts every file, in the same pool of processes, and nothing else is done;
- ingest: the whole of it: listing, checks, copies, digests, statistics, the manifest;
- prepare: the same files decoded again and written as arrays.

A ratio is the decoder's time over the stage's: 1.0 would be a stage that costs nothing beside decoding. CPU seconds
are of all processes together, and tell more than the clock on a machine that does other work as well.
It shows no quality of any data, and asserts nothing.
"""

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from encdec.params.loading import load_params
from encdec.params.root import Params
from encdec.preparation.images import prepare_images
from encdec.sources.ingest import ingest_images
from encdec.sources.reading import iter_images
from encdec.sources.workers import num_cores, worked

CLASSES = 10
SPLITS = ("train", "val", "test")


class Spent(NamedTuple):
    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=64, help="pixels of the height and the width of each image")
    parser.add_argument("--fit", type=int, help="those that images are given for training (--side)")
    parser.add_argument("--format", choices=("png", "jpg"), default="png")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where a temporary folder is made (its disk is measured as well)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        paths = make_images(Path(folder) / "user", count=arguments.files, side=arguments.side, suffix=arguments.format)
        rounds = measure(Path(folder), paths, side=arguments.fit or arguments.side, rounds=arguments.rounds)
    print(f"{arguments.files:,} {arguments.format} files of {arguments.side} x {arguments.side}, {num_cores()} cores")
    show(rounds, files=arguments.files)


def measure(folder: Path, paths: Sequence[Path], *, side: int, rounds: int) -> list[dict[str, Spent]]:
    user, raw, prepared = folder / "user", folder / "raw", folder / "prepared"
    params = parameters(side)
    found = []
    for _ in range(rounds):
        for out in (raw, prepared):
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
        found.append(
            {
                "decoder": spent(partial(decode_alone, paths)),
                "ingest": spent(partial(ingest_images, params.images, user_dir=user, out=raw)),
                "prepare": spent(partial(prepare, raw, prepared, params)),
            }
        )
    return found


def make_images(user: Path, *, count: int, side: int, suffix: str) -> list[Path]:
    """Gradients with noise, so that a file is compressed about as well as a photograph is."""
    rng = np.random.default_rng(0)
    gradient = np.add.outer(np.arange(side), np.arange(side))
    for label in range(CLASSES):
        (user / f"class_{label}").mkdir(parents=True)
    paths = [user / f"class_{number % CLASSES}" / f"{number:06d}.{suffix}" for number in range(count)]
    for number, path in enumerate(paths):
        pixels = gradient * (number % 13) + rng.integers(0, 32, (side, side))
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return sorted(paths)


def parameters(side: int) -> Params:
    """The project's own, with the folder as source and images of this size."""
    params = load_params(Path(__file__).parents[1] / "params.yaml").params
    folder = params.images.sources.folder.model_copy(update={"height": side, "width": side})
    sources = params.images.sources.model_copy(update={"folder": folder})
    return params.model_copy(
        update={"images": params.images.model_copy(update={"source": "folder", "sources": sources})}
    )


def decode_alone(paths: Sequence[Path]) -> None:
    with closing(worked(decode, paths, label="decoder alone")) as parts:
        for _ in parts:
            pass


def decode(paths: Sequence[Path]) -> None:
    for path in paths:
        with Image.open(path) as image:
            image.convert("L")


def prepare(raw: Path, prepared: Path, params: Params) -> None:
    outs = {split: prepared / split for split in SPLITS}
    for out in outs.values():
        out.mkdir()
    manifest = pd.read_parquet(raw / "manifest.parquet")
    source = {"name": "folder", "pixel_max": 255, "classes": sorted(set(manifest["label"]))}
    shape = params.images.shape
    with closing(iter_images(raw, params.images, shape=shape)) as images:
        prepare_images(images, manifest, card_shape=shape, source=source, outs=outs, fitted=True)


def spent(work: Callable[[], object]) -> Spent:
    before, began = cpu_seconds(), time.perf_counter()
    work()
    return Spent(time.perf_counter() - began, cpu_seconds() - before)


def cpu_seconds() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def show(rounds: list[dict[str, Spent]], *, files: int) -> None:
    print(f"medians of {len(rounds)} rounds")
    print(f"{'':10}{'seconds':>10}{'files/s':>10}{'ratio':>8}{'CPU s':>10}{'CPU ratio':>11}")
    for name in rounds[0]:
        wall, cpu = (statistics.median(getattr(found[name], field) for found in rounds) for field in Spent._fields)
        ratios = (
            statistics.median(getattr(found["decoder"], field) / getattr(found[name], field) for found in rounds)
            for field in Spent._fields
        )
        by_clock, by_cpu = ratios
        print(f"{name:10}{wall:10.1f}{files / wall:10,.0f}{by_clock:8.2f}{cpu:10.1f}{by_cpu:11.2f}")


if __name__ == "__main__":
    main()
