"""What batches of similar length cost in quality, and what they save in time, beside plainly shuffled ones.

Trains the seq2seq of params.yaml (what it searches is fixed here) on the prepared pairs with each kind of batch from
the same weights, for the same number of steps, once per seed, and measures nats per token on val. In an epoch both
kinds have the same rows; only their company differs. Needs `data/03_prepared/pairs`. It asserts nothing.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import torch

from encdec.batches import PairBatch
from encdec.datasets.loading import EpochSampler, Loader, Order, training_loader, validation_loader
from encdec.datasets.orders import shuffled_batches
from encdec.datasets.pairs import PairSplit
from encdec.losses.sequence import sequence_nll, token_cross_entropy
from encdec.models.build import build_network
from encdec.models.seq2seq.network import Seq2Seq
from encdec.params.loading import load_params

ROOT = Path(__file__).parents[1]
HIDDEN_DIM, DROPOUT_PROB, LEARNING_RATE = 96, 0.1, 3e-3  # inside what params.yaml searches
KINDS = ("pooled", "shuffled")


class Result(NamedTuple):
    """`nll`: nats per target token of val. `padding`: the share of source places of train that hold no token."""

    nll: float
    seconds: float
    padding: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, default=ROOT / "data/03_prepared/pairs")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    train, val = (PairSplit.open(arguments.data / split) for split in ("train", "val"))
    fit = partial(trained, train, val, batch=arguments.batch, steps=arguments.steps)
    rounds = [{kind: fit(kind, seed=seed) for kind in KINDS} for seed in range(arguments.seeds)]
    show(rounds, steps=arguments.steps)


def trained(train: PairSplit, val: PairSplit, kind: str, *, seed: int, batch: int, steps: int) -> Result:
    spec = load_params(ROOT / "params.yaml").params.models.seq2seq
    fixed = spec.network.model_copy(update={"hidden_dim": HIDDEN_DIM, "dropout_prob": DROPOUT_PROB})
    spec = spec.model_copy(update={"network": fixed})
    torch.manual_seed(seed)
    network = build_network("seq2seq", spec, train.card)
    assert isinstance(network, Seq2Seq)
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    began, padding = time.perf_counter(), []
    for one in islice(endless(loader_of(train, kind, batch=batch, seed=seed)), steps):
        optimiser.zero_grad()
        logits = network(one.source_ids, one.source_mask, one.target_ids)
        loss = token_cross_entropy(logits, one.target_ids[:, 1:], one.target_mask[:, 1:], label_smoothing=0.0)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has not typed it
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        padding.append(1 - float(one.source_mask.float().mean()))
    seconds = time.perf_counter() - began
    return Result(nll_of(network, val), seconds, statistics.mean(padding))


def loader_of(train: PairSplit, kind: str, *, batch: int, seed: int) -> Loader:
    if kind == "pooled":
        return training_loader(train, batch_size=batch, seed=seed)
    order: Order = partial(shuffled_batches, len(train), batch_size=batch, seed=seed)
    return Loader(train, EpochSampler(order))


def endless(loader: Loader) -> Iterator[PairBatch]:
    for epoch in count():
        loader.sampler.set_epoch(epoch)
        yield from (batch for batch in loader if isinstance(batch, PairBatch))


@torch.no_grad()
def nll_of(network: Seq2Seq, val: PairSplit) -> float:
    network.eval()
    total = tokens = 0.0
    for one in validation_loader(val, batch_size=512):
        assert isinstance(one, PairBatch)
        logits = network(one.source_ids, one.source_mask, one.target_ids)
        total += float(sequence_nll(logits, one.target_ids[:, 1:], one.target_mask[:, 1:]).sum())
        tokens += float(one.target_mask[:, 1:].sum())
    return total / tokens


def show(rounds: list[dict[str, Result]], *, steps: int) -> None:
    print(f"{steps} steps, {len(rounds)} seeds")
    print(f"{'':10}{'val nll of each seed':>30}{'mean':>9}{'seconds':>10}{'padding':>9}")
    for kind in KINDS:
        found = [results[kind] for results in rounds]
        each = " ".join(f"{result.nll:.4f}" for result in found)
        nll, seconds, padding = (statistics.mean(column) for column in zip(*found, strict=True))
        print(f"{kind:10}{each:>30}{nll:9.4f}{seconds:10.1f}{padding:9.1%}")
    ratios = [results["pooled"].nll / results["shuffled"].nll for results in rounds]
    print(f"val nll, pooled over shuffled: {statistics.mean(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()
