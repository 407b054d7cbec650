"""Scores a denoising autoencoder on one split."""

from collections.abc import Iterator

import torch

from encdec.datasets.images import ImageSplit
from encdec.losses.reconstruction import image_mse
from encdec.metrics.columns import joined
from encdec.metrics.reconstruction import RECONSTRUCTION_METRICS, psnr
from encdec.metrics.scores import Columns, Metric, Scores
from encdec.models.denoising_autoencoder.network import DenoisingAutoencoder
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.nn.corruption import corrupt
from encdec.params.data import Evaluation

METRICS = (
    *RECONSTRUCTION_METRICS,
    Metric("psnr_before", lambda columns: psnr(columns["mse_before"]), higher_is_better=True),
)


@torch.inference_mode()
def score(
    network: DenoisingAutoencoder,
    spec: DenoisingAutoencoderSpec,
    split: ImageSplit,
    settings: Evaluation,
    *,
    seed: int,
) -> Scores:
    """Columns mse and mse_before: against the clean image, of the reconstruction and of the corrupted input.

    Both are means over an image's pixels. One generator with this seed corrupts batch after batch, so that a filter
    that does the same is given the same images.
    """
    network.eval()
    return Scores(joined(restored(network, spec, split, settings, seed=seed), rows=len(split)), METRICS, {})


def restored(
    network: DenoisingAutoencoder, spec: DenoisingAutoencoderSpec, split: ImageSplit, settings: Evaluation, *, seed: int
) -> Iterator[Columns]:
    """The columns, batch by batch."""
    generator = torch.Generator().manual_seed(seed)
    for images, _ in split.batches(settings.batch_size, label="evaluate denoising_autoencoder"):
        corrupted = corrupt(images, spec.corruption, generator=generator)
        before = (corrupted - images).double().square().flatten(1).mean(dim=1)
        after = image_mse(network(corrupted).recon_logits, images).double()
        yield {"mse": after.numpy(), "mse_before": before.numpy()}
