"""The figures of an autoencoder: what it rebuilds, what it cannot, and its code."""

import torch

from encdec.datasets.images import ImageSplit
from encdec.figures.picture import Picture
from encdec.figures.reconstruction import Rival, usual_and_worst
from encdec.figures.scatter import latent_scatter
from encdec.metrics.scores import Scores
from encdec.models.autoencoder.network import Autoencoder
from encdec.params.data import Evaluation


@torch.inference_mode()
def figures(
    network: Autoencoder, split: ImageSplit, scores: Scores, settings: Evaluation, *, rival: Rival | None
) -> list[Picture]:
    network.eval()
    code = torch.cat([network.encode(images) for images, _ in split.batches(settings.batch_size)]).numpy()
    return [
        *usual_and_worst(
            lambda rows: split.batch(rows).images.numpy(),
            lambda images: network(torch.from_numpy(images)).recon_logits.sigmoid().numpy(),
            card=split.card,
            labels=split.labels,
            measured=scores.columns["mse"].astype(float),
            rival=rival,
        ),
        latent_scatter(code, split.labels, classes=split.card.classes),
    ]
