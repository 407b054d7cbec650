"""The figures of an autoencoder: what it rebuilds, what it cannot, and its code."""

import torch

from encdec.datasets.images import ImageSplit
from encdec.figures.picture import Picture
from encdec.figures.reconstruction import Rival, reconstructions, worst_reconstructions
from encdec.figures.scatter import latent_scatter
from encdec.figures.selection import largest, one_of_each, shown
from encdec.metrics.scores import Scores
from encdec.models.autoencoder.network import Autoencoder
from encdec.params.data import Evaluation


@torch.inference_mode()
def figures(
    network: Autoencoder, split: ImageSplit, scores: Scores, settings: Evaluation, *, rival: Rival | None
) -> list[Picture]:
    network.eval()
    count = shown(max(split.card.height, split.card.width))
    errors = scores.columns["mse"].astype(float)
    typical = one_of_each(split.labels, count=count)
    worst = largest(errors, count=count)
    usual, hard = split.batch(typical).images, split.batch(worst).images
    code = torch.cat([network.encode(images) for images, _ in split.batches(settings.batch_size)]).numpy()
    return [
        reconstructions(usual.numpy(), network(usual).recon_logits.sigmoid().numpy(), rival=rival),
        worst_reconstructions(
            hard.numpy(),
            network(hard).recon_logits.sigmoid().numpy(),
            classes=[split.card.classes[int(one)] for one in split.labels[worst]],
            mean=float(errors.mean()),
            rival=rival,
        ),
        latent_scatter(code, split.labels, classes=split.card.classes),
    ]
