"""How fast trained models are evaluated in batches, beside the same network given one row at a time.

For each model its whole scoring of the test split, without files (of the VAE with its importance samples; of the
sequence model the search alone, greedy and with a beam), in batches of all rows and row by row over --rows of them,
alternating, on the same threads. What a scoring does once weighs more where the rows are fewer. The
median of the repeats, their spread (least to greatest), the ratio of the medians, and the peak memory of a process
that evaluates this model alone. Prints a table and asserts nothing. It needs the outs of `prepare` and `train`.
"""

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from encdec.cards import PAD_ID, ImageCard
from encdec.datasets.folder import spans
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.evaluation.evaluate import score_images
from encdec.models.build import fitting
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.spec import Decoding
from encdec.models.storage import load_model
from encdec.params.data import Evaluation
from encdec.params.loading import load_params
from encdec.params.root import MODEL_NAMES, ModelName

MIB = 2**20
LEAST_SECONDS = 0.5
"""Of one repeat: a small split is evaluated several times."""
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes: what `ru_maxrss` counts in."""


class Options(NamedTuple):
    models: Path
    prepared: Path
    threads: int
    repeats: int
    rows: int
    batch_size: int
    beam_size: int
    settings: Evaluation


class Case(NamedTuple):
    """`run(batch_size, rows)` evaluates so many rows and gives the tokens that it wrote, 0 where it writes none."""

    label: str
    total: int
    run: Callable[[int, int], int]


class Result(NamedTuple):
    """Rows per second of each repeat; `tokens` of a row, 0 where none are written; `peak` in bytes."""

    label: str
    total: int
    batched: list[float]
    single: list[float]
    tokens: float
    peak: int


def image_case(name: ModelName, options: Options) -> Case:
    """The model's own `score`, on the first rows of the split."""
    model = load_model(options.models / name)
    split = ImageSplit.open(options.prepared / "images" / "test")

    def run(batch_size: int, rows: int) -> int:
        card = fitting(name, split.card, ImageCard)
        part = ImageSplit(split.folder, card=card, images=split.images[:rows], labels=split.labels[:rows])
        score_images(model, part, options.settings.model_copy(update={"batch_size": batch_size}), seed=0)
        return 0

    samples = f", {options.settings.importance_samples} samples" if name == "vae" else ""
    return Case(f"{name}{samples}", len(split), run)


def pair_case(options: Options, *, beam_size: int) -> Case:
    """The search alone, sources of like length together; row by row they are evenly spaced over all lengths."""
    model = load_model(options.models / "seq2seq")
    network = fitting(model.name, model.network, Seq2Seq).eval()
    split = PairSplit.open(options.prepared / "pairs" / "test")
    by_length = np.argsort(split.source.lengths, kind="stable")
    decoding = Decoding(beam_size=beam_size, length_penalty=1.0)

    @torch.inference_mode()
    def run(batch_size: int, rows: int) -> int:
        chosen = by_length[np.linspace(0, len(by_length) - 1, rows).round().astype(np.int64)]
        tokens = 0
        for start, end in spans(rows, batch_size):
            batch = split.batch(chosen[start:end])
            ids = network.decode(batch.source_ids, batch.source_mask, decoding).ids
            tokens += int((ids != PAD_ID).sum())
        return tokens

    return Case("seq2seq, greedy" if beam_size == 1 else f"seq2seq, beam {beam_size}", len(split), run)


def measure(case: Case, options: Options) -> Result:
    """Batches over all rows, and one row at a time over `options.rows` of them, in turn."""
    torch.set_num_threads(options.threads)
    rows = min(options.rows, case.total)
    tokens = case.run(options.batch_size, case.total) / case.total
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT
    case.run(1, min(rows, 8))  # what is done once is not measured
    batched, single = [], []
    for _ in range(options.repeats):
        batched.append(rate(case.run, options.batch_size, case.total))
        single.append(rate(case.run, 1, rows))
    return Result(case.label, case.total, batched, single, tokens, peak)


def rate(run: Callable[[int, int], int], batch_size: int, rows: int) -> float:
    began, done = time.perf_counter(), 0
    while (seconds := time.perf_counter() - began) < LEAST_SECONDS:
        run(batch_size, rows)
        done += rows
    return done / seconds


def measure_model(name: ModelName, beam_size: int | None, options: Options) -> Result:
    case = image_case(name, options) if beam_size is None else pair_case(options, beam_size=beam_size)
    return measure(case, options)


def spread(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


def table(results: Sequence[Result]) -> str:
    """In Markdown."""
    lines = [
        "| model | rows | batched, rows/s | one at a time, rows/s | ratio | batched, tokens/s | peak memory, MiB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for found in results:
        batched = statistics.median(found.batched)
        ratio = batched / statistics.median(found.single)
        tokens = f"{batched * found.tokens:,.0f}" if found.tokens else ""
        lines.append(
            f"| {found.label} | {found.total:,} | {spread(found.batched)} | {spread(found.single)} | {ratio:.1f} | "
            f"{tokens} | {found.peak / MIB:,.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    params = load_params(Path("params.yaml")).params
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("data/05_models"), help="the folder of trained models")
    parser.add_argument("--prepared", type=Path, default=Path("data/03_prepared"), help="the folder of prepared data")
    parser.add_argument("--model", choices=MODEL_NAMES, nargs="+", default=MODEL_NAMES, help="only these models")
    parser.add_argument("--threads", type=int, default=params.threads, help="threads of PyTorch")
    parser.add_argument("--repeats", type=int, default=5, help="how often both ways are measured")
    parser.add_argument("--rows", type=int, default=100, help="rows that are given one at a time")
    parser.add_argument("--batch-size", type=int, default=params.evaluation.batch_size, help="rows of a batch")
    parser.add_argument("--beam-size", type=int, default=4, help="hypotheses per source of the beam search")
    given = parser.parse_args()
    options = Options(
        models=given.models,
        prepared=given.prepared,
        threads=given.threads,
        repeats=given.repeats,
        rows=given.rows,
        batch_size=given.batch_size,
        beam_size=given.beam_size,
        settings=params.evaluation,
    )
    results = []
    for name in given.model:
        for beam_size in (1, options.beam_size) if name == "seq2seq" else (None,):
            with get_context("spawn").Pool(1) as alone:  # a process of its own: the peak is that of this model
                results.append(alone.apply(measure_model, (name, beam_size, options)))
    print(f"{options.threads} threads of PyTorch {torch.__version__}, batches of {options.batch_size}, ", end="")
    print(f"median (least to greatest) of {options.repeats} repeats\n\n{table(results)}")


if __name__ == "__main__":
    main()
