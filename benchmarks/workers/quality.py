"""How good a network of this project is on val, in float32 and by the metric that chooses its best epoch."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.exchange import visible_tokens
from benchmarks.workers.common import ErrorCurve
from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.losses.kl import gaussian_kl
from encdec.losses.reconstruction import reconstruction_mse
from encdec.losses.sequence import sequence_nll
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.seq2seq.evaluation import predict
from encdec.models.seq2seq.network import Seq2Seq
from encdec.models.seq2seq.spec import Decoding
from encdec.models.vae.network import VariationalAutoencoder
from encdec.nn.corruption import corrupt
from encdec.params.root import ModelSpec
from encdec.preparation.vocabulary import Vocabulary

BATCH_SIZE = 500
GREEDY = Decoding(beam_size=1, length_penalty=1.0)


@torch.inference_mode()
def monitored(network: nn.Module, spec: ModelSpec, val: ImageSplit | PairSplit) -> dict[str, float]:
    """`spec.monitor` on the whole of val; the network is left in eval mode."""
    network.eval()
    parts = pair_parts(network, val) if isinstance(val, PairSplit) else image_parts(network, spec, val)
    totals = np.sum(list(parts), axis=0)
    return {spec.monitor: float(totals[0] / totals[1])}


def image_parts(network: nn.Module, spec: ModelSpec, val: ImageSplit) -> Iterator[tuple[float, int]]:
    """For each batch the sum over images and their number."""
    for number, batch in enumerate(val.batches(BATCH_SIZE)):
        images, count = batch.images, len(batch.images)
        generator = torch.Generator().manual_seed(number)
        mean: Tensor
        if isinstance(network, VariationalAutoencoder):
            out = network(images, generator=generator)
            mean = network.reconstruction_nll(out.recon_logits, images).mean() + gaussian_kl(out.mu, out.log_var)
        elif spec.monitor == "val/nll":
            mean = F.cross_entropy(network(images), batch.labels)
        else:
            seen = images
            if isinstance(spec, DenoisingAutoencoderSpec):
                seen = corrupt(images, spec.corruption, generator=generator)
            mean = reconstruction_mse(network(seen).recon_logits, images)
        yield float(mean) * count, count


def pair_parts(network: nn.Module, val: PairSplit) -> Iterator[tuple[float, int]]:
    """For each batch the nats of all its target tokens and their number."""
    for batch in val.batches(BATCH_SIZE):
        labels, mask = batch.target_ids[:, 1:], batch.target_mask[:, 1:]
        logits = network(batch.source_ids, batch.source_mask, batch.target_ids)
        yield float(sequence_nll(logits, labels, mask).sum()), int(mask.sum())


class Sample:
    """The fixed sample of val for a network of this project, decoded greedily. `prepared`: the folder of train."""

    def __init__(self, path: str, *, val: PairSplit, prepared: Path) -> None:
        self.curve = ErrorCurve(path)
        self.rows = np.array(self.curve.rows)
        self.val = val
        self.vocabulary = Vocabulary.load(prepared / "vocabulary" / "target.json")

    def look(self, network: nn.Module, seconds: float) -> float:
        """Add the error rate to the curve; the network's mode is what it was."""
        assert isinstance(network, Seq2Seq)
        training = network.training
        found = predict(
            network, self.val, self.rows, decoding=GREEDY, vocabulary=self.vocabulary, batch_size=BATCH_SIZE
        )
        network.train(training)
        return self.curve.add(seconds, [visible_tokens(text, self.val.card.target_tokens) for text in found.texts])
