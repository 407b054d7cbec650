"""How fast, and in how much memory, a training goes on data that is four times as large as what it may hold.

Makes a split of generated images, and trains one small network on it in processes of their own, alternating:

- memory: every row held in memory as one tensor, indexed by a random permutation;
- stream: the project's loader with `--memory` bytes allowed, which reads windows from the disk.

Both make float32 batches of the same rows a batch and do the same steps through the same optimiser. The ratio is the
rate of the stream over that of the memory. `resident` is what the process adds to its size after the network is
there, largest of all batches; `first` and `last` are the same at the end of the first and of the last epoch: flat
where they agree. Before each run the file's pages are dropped from the system's cache, so that the disk is read.
Where a memory cgroup can be made (root, version 1 or 2), the stream runs in one that holds no more than `--limit`:
the system's cache of the file then counts as well. It asserts nothing.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import Tensor, nn

from encdec.batches import ImageBatch
from encdec.datasets.images import ImageSplit
from encdec.datasets.loading import training_loader
from encdec.outs import write_json

MEBI = 2**20
SIDE = 28
BATCH = 128
CGROUPS = {
    Path("/sys/fs/cgroup"): ("memory.max", "memory.peak"),
    Path("/sys/fs/cgroup/memory"): ("memory.limit_in_bytes", "memory.max_usage_in_bytes"),
}

Epochs = Callable[[int], Iterator[Tensor]]
"""The images of an epoch, in batches."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", type=int, default=256, help="MiB that the loader may hold")
    parser.add_argument("--times", type=int, default=4, help="how many times as large the split is")
    parser.add_argument("--limit", type=int, default=800, help="MiB of the cgroup around the stream")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=256, help="units of the network, an autoencoder 784-HIDDEN-784")
    parser.add_argument("--folder", type=Path, help="where a temporary folder is made (its disk is measured as well)")
    parser.add_argument("--run", choices=("memory", "stream"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        result = train(arguments.folder, arguments.run, arguments.memory * MEBI, arguments.epochs, arguments.hidden)
        print(json.dumps(result))
        return
    if arguments.limit >= arguments.memory * arguments.times:
        parser.error(
            f"--limit {arguments.limit} would hold the whole split: take less, or a larger --memory or --times"
        )
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        make_split(Path(folder), num_bytes=arguments.memory * arguments.times * MEBI)
        rounds = [
            {how: alone(Path(folder), how, arguments) for how in ("memory", "stream")} for _ in range(arguments.rounds)
        ]
    show(rounds, arguments)


def make_split(folder: Path, *, num_bytes: int) -> None:
    rows = num_bytes // SIDE**2
    rng = np.random.default_rng(0)
    images = np.lib.format.open_memmap(folder / "images.npy", mode="w+", dtype=np.uint8, shape=(rows, 1, SIDE, SIDE))
    for start in range(0, rows, 10_000):
        part = images[start : start + 10_000]
        part[:] = rng.integers(0, 256, part.shape, dtype=np.uint8)
    images.flush()
    os.sync()
    np.save(folder / "labels.npy", np.zeros(rows, np.int64))
    card = {"kind": "images", "source": "mnist", "channels": 1, "height": SIDE, "width": SIDE, "pixel_max": 255}
    write_json(folder / "card.json", {**card, "classes": ["none"]})


def alone(folder: Path, how: str, arguments: argparse.Namespace) -> dict[str, float]:
    """One run in a process of its own, the stream in a cgroup where one can be made."""
    with (folder / "images.npy").open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    own = [f"--{name}={getattr(arguments, name)}" for name in ("memory", "epochs", "hidden")]
    command = [sys.executable, __file__, "--run", how, "--folder", str(folder), *own]
    with cgroup(arguments.limit * MEBI if how == "stream" else None) as group:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, preexec_fn=lambda: enter(group) if group else None
        )
        result: dict[str, float] = json.loads(done.stdout)
        if group is not None:
            result["cgroup"] = int((group / peak_file(group)).read_text()) / MEBI
    return result


@contextmanager
def cgroup(limit: int | None) -> Iterator[Path | None]:
    group = None
    for root, (limit_file, _) in CGROUPS.items() if limit is not None else ():
        try:
            made = root / f"encdec-streaming-{os.getpid()}"
            made.mkdir()
            if (made / limit_file).exists():
                (made / limit_file).write_text(str(limit))
                group = made
                break
            made.rmdir()
        except OSError:
            continue
    try:
        yield group
    finally:
        if group is not None:
            group.rmdir()


def enter(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))


def peak_file(group: Path) -> str:
    return CGROUPS[group.parent][1]


def train(folder: Path, how: str, memory: int, epochs: int, hidden: int) -> dict[str, float]:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(SIDE**2, hidden), nn.ReLU(), nn.Linear(hidden, SIDE**2))
    optimiser = torch.optim.Adam(network.parameters(), fused=True)
    step(network, optimiser, torch.rand(BATCH, 1, SIDE, SIDE))  # what the first step ever takes
    process = psutil.Process()
    before = process.memory_info().rss
    split = ImageSplit.open(folder)
    epoch_of = in_memory(split) if how == "memory" else streamed(split, memory)
    seconds, sizes = 0.0, []
    for epoch in range(epochs):
        largest, began = 0, time.perf_counter()
        for count, images in enumerate(epoch_of(epoch)):
            step(network, optimiser, images)
            if count % 64 == 0:
                largest = max(largest, process.memory_info().rss - before)
        seconds += time.perf_counter() - began
        sizes.append(largest / MEBI)
    rate = epochs * len(split) / seconds
    return {"rate": rate, "resident": max(sizes), "first": sizes[0], "last": sizes[-1]}


def in_memory(split: ImageSplit) -> Epochs:
    whole = torch.from_numpy(np.array(split.images))

    def epoch_of(epoch: int) -> Iterator[Tensor]:
        order = torch.from_numpy(np.random.default_rng(epoch).permutation(len(split)))
        return (whole.index_select(0, rows) / split.card.pixel_max for rows in order.split(BATCH))  # type: ignore[no-untyped-call]  # torch has not typed it

    return epoch_of


def streamed(split: ImageSplit, memory: int) -> Epochs:
    loader = training_loader(split, batch_size=BATCH, seed=0, memory=memory)

    def epoch_of(epoch: int) -> Iterator[Tensor]:
        loader.sampler.set_epoch(epoch)
        return (batch.images for batch in loader if isinstance(batch, ImageBatch))

    return epoch_of


def step(network: nn.Module, optimiser: torch.optim.Optimizer, images: Tensor) -> None:
    optimiser.zero_grad()
    (network(images) - images.flatten(1)).square().mean().backward()
    optimiser.step()


def show(rounds: list[dict[str, dict[str, float]]], arguments: argparse.Namespace) -> None:
    size = arguments.memory * arguments.times
    print(f"a split of {size} MiB, {arguments.memory} MiB allowed, {arguments.epochs} epochs, {len(rounds)} rounds")
    print(f"{'':8}{'rows/s':>10}{'resident':>10}{'first':>8}{'last':>8}{'cgroup':>8}  (MiB)")
    for how in ("memory", "stream"):
        rate, resident, first, last = (
            statistics.median(found[how][key] for found in rounds) for key in ("rate", "resident", "first", "last")
        )
        peaks = [found[how]["cgroup"] for found in rounds if "cgroup" in found[how]]
        peak = f"{statistics.median(peaks):.0f}" if peaks else "-"
        print(f"{how:8}{rate:10,.0f}{resident:10.0f}{first:8.0f}{last:8.0f}{peak:>8}")
    ratios = [found["stream"]["rate"] / found["memory"]["rate"] for found in rounds]
    print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
