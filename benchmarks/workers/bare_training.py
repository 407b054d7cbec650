"""Trains the same network in the shortest loop: float32 tensors in memory, no logging, no checkpoint, no validation."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.parameters import case_params
from benchmarks.places import PROJECT
from benchmarks.workers.common import Clock, Request, answer, num_parameters, read_request
from benchmarks.workers.quality import Sample, monitored
from encdec.batches import ImageBatch, PairBatch
from encdec.datasets.images import ImageSplit
from encdec.datasets.orders import pooled_batches
from encdec.datasets.pairs import PairSplit
from encdec.losses.kl import gaussian_kl
from encdec.losses.reconstruction import reconstruction_loss
from encdec.losses.sequence import token_cross_entropy
from encdec.models.autoencoder.spec import AutoencoderSpec
from encdec.models.build import build_network
from encdec.models.cnn.spec import CnnSpec
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.seq2seq.spec import Seq2SeqSpec
from encdec.models.sparse_autoencoder.network import SparseAutoencoder
from encdec.models.sparse_autoencoder.spec import SparseAutoencoderSpec
from encdec.models.vae.network import VariationalAutoencoder
from encdec.models.vae.spec import VaeSpec
from encdec.nn.corruption import corrupt
from encdec.nn.layout import channels_last
from encdec.params.root import ModelSpec
from encdec.starting import reuse_memory
from encdec.training.optimisers import build_schedule

Batch = ImageBatch | PairBatch
Loss = Callable[[Batch], Tensor]


def image_loss(network: nn.Module, spec: ModelSpec, batch: ImageBatch) -> Tensor:
    """What the project's objective of the same name minimises."""
    images = batch.images
    match spec:
        case CnnSpec():
            return F.cross_entropy(network(images), batch.labels, label_smoothing=spec.label_smoothing)
        case AutoencoderSpec():
            return reconstruction_loss(network(images).recon_logits, images, kind=spec.reconstruction)
        case DenoisingAutoencoderSpec():
            noisy = corrupt(images, spec.corruption, generator=None)
            return reconstruction_loss(network(noisy).recon_logits, images, kind=spec.reconstruction)
        case SparseAutoencoderSpec():
            assert isinstance(network, SparseAutoencoder)
            out = network(images)
            wider = network.decode(network.units(out.code_logits, widen=4))  # Multi-TopK, as the objective has it
            least = reconstruction_loss(out.recon_logits, images, kind=spec.reconstruction)
            return least + reconstruction_loss(wider, images, kind=spec.reconstruction) / 8
        case VaeSpec():
            assert isinstance(network, VariationalAutoencoder)
            drawn = network(images)
            nll = network.reconstruction_nll(drawn.recon_logits, images).mean()
            return nll + spec.beta * gaussian_kl(drawn.mu, drawn.log_var)
        case Seq2SeqSpec():
            raise TypeError("seq2seq reads pairs")


def pair_loss(network: nn.Module, spec: Seq2SeqSpec, batch: PairBatch) -> Tensor:
    logits = network(batch.source_ids, batch.source_mask, batch.target_ids)
    labels, mask = batch.target_ids[:, 1:], batch.target_mask[:, 1:]
    return token_cross_entropy(logits, labels, mask, label_smoothing=spec.label_smoothing)


def batch_loss(network: nn.Module, spec: ModelSpec) -> Loss:
    def of(batch: Batch) -> Tensor:
        if isinstance(batch, PairBatch):
            assert isinstance(spec, Seq2SeqSpec)
            return pair_loss(network, spec, batch)
        return image_loss(network, spec, batch)

    return of


def image_batches(split: ImageSplit, *, batch_size: int) -> Callable[[int], Iterator[Batch]]:
    """All images as float32 in memory; an epoch is a random permutation, cut."""
    whole = split.batch(np.arange(len(split)))

    def epoch(number: int) -> Iterator[Batch]:
        order = torch.randperm(len(split))
        for rows in torch.split(order, batch_size):
            yield ImageBatch(whole.images[rows], whole.labels[rows])

    return epoch


def pair_batches(split: PairSplit, *, batch_size: int, seed: int) -> Callable[[int], Iterator[Batch]]:
    """All pairs padded in memory; batches of like length in the project's own order, cut to their longest row."""
    whole = split.batch(np.arange(len(split)))
    source_lengths, target_lengths = whole.source_mask.sum(dim=1), whole.target_mask.sum(dim=1)

    def epoch(number: int) -> Iterator[Batch]:
        for chosen in pooled_batches(split.lengths, batch_size=batch_size, seed=seed, epoch=number):
            rows = torch.from_numpy(chosen)
            source, target = int(source_lengths[rows].max()), int(target_lengths[rows].max())
            yield PairBatch(
                whole.source_ids[rows, :source],
                whole.source_mask[rows, :source],
                whole.target_ids[rows, :target],
                whole.target_mask[rows, :target],
            )

    return epoch


def optimise(
    network: nn.Module, spec: ModelSpec, *, recipe: str, adam_rate: float, total_steps: int
) -> Callable[[Tensor], None]:
    """A step: `bare_adam` is plain Adam; `bare_fused` has the project's optimiser, schedule and clipping."""
    training, parameters = spec.training, list(network.parameters())
    rate = training.learning_rate
    if recipe == "bare_adam":
        adam = torch.optim.Adam(parameters, lr=adam_rate)

        def plain(loss: Tensor) -> None:
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has not typed it
            adam.step()

        return plain
    adamw = torch.optim.AdamW(parameters, lr=rate, weight_decay=training.weight_decay, fused=True)
    schedule = build_schedule(adamw, training, total_steps=total_steps)

    def same_recipe(loss: Tensor) -> None:
        adamw.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has not typed it
        nn.utils.clip_grad_norm_(parameters, training.gradient_clip)
        adamw.step()
        if schedule is not None:
            schedule.step()

    return same_recipe


def main() -> None:
    request: Request = read_request()
    outside = {**request["outside"], "seed": request["seed"], "threads": request["threads"]}
    _, spec = case_params(request["case"], request["model"], inside=request["inside"], outside=outside)
    prepared = PROJECT / "data" / "03_prepared" / spec.kind
    batch_size, every, sample = spec.training.batch_size, request["every"], None
    train: ImageSplit | PairSplit
    val: ImageSplit | PairSplit
    if spec.kind == "pairs":
        train, val = PairSplit.open(prepared / "train"), PairSplit.open(prepared / "val")
        batches = pair_batches(train, batch_size=batch_size, seed=request["seed"])
        if every:
            sample = Sample(request["sample"], val=val, prepared=prepared / "train")
    else:
        train, val = ImageSplit.open(prepared / "train"), ImageSplit.open(prepared / "val")
        batches = image_batches(train, batch_size=batch_size)
    network = build_network(request["model"], spec, train.card)
    if request["competitor"] == "bare_fused":  # all that the project does, but for its Trainer
        reuse_memory()
        network = channels_last(network)
    total_steps = min(request["epochs"] * math.ceil(len(train) / batch_size), request["max_steps"])
    loss_of = batch_loss(network, spec)
    step_with = optimise(
        network, spec, recipe=request["competitor"], adam_rate=request["learning_rate"], total_steps=total_steps
    )
    samples, step, clock = 0, 0, Clock()
    network.train()
    clock.start()
    for number in range(request["epochs"]):
        for batch in batches(number):
            if step == total_steps:
                break
            step_with(loss_of(batch))
            step += 1
            samples += int(batch.target_mask[:, 1:].sum()) if isinstance(batch, PairBatch) else len(batch.images)
            if sample is not None and step % every == 0:
                with clock.paused():
                    sample.look(network, clock.seconds)
    clock.stop()
    quality = monitored(network, spec, val)
    if sample is not None:
        quality["val/phoneme_error_rate"] = sample.look(network, clock.seconds)
    answer(
        samples=samples,
        seconds=clock.seconds,
        parameters=num_parameters(network),
        quality=quality,
        curve=sample.curve.points if sample is not None else (),
    )


if __name__ == "__main__":
    main()
