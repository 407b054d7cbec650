"""Scores an autoencoder on one split."""

import torch

from encdec.datasets.images import ImageSplit
from encdec.losses.reconstruction import image_mse
from encdec.metrics.columns import joined
from encdec.metrics.reconstruction import RECONSTRUCTION_METRICS
from encdec.metrics.scores import Scores
from encdec.models.autoencoder.network import Autoencoder
from encdec.models.autoencoder.spec import AutoencoderSpec
from encdec.params.data import Evaluation


@torch.inference_mode()
def score(network: Autoencoder, spec: AutoencoderSpec, split: ImageSplit, settings: Evaluation, *, seed: int) -> Scores:
    """Column mse: of each image's reconstruction, the mean over its pixels.

    Nothing is drawn at random, so `seed` changes nothing.
    """
    network.eval()
    parts = (
        {"mse": image_mse(network(images).recon_logits, images).double().numpy()}
        for images, _ in split.batches(settings.batch_size, label="evaluate autoencoder")
    )
    return Scores(joined(parts, rows=len(split)), RECONSTRUCTION_METRICS, {})
