"""The figures of a denoising autoencoder: what it was given, what it made of it, and what was under the noise."""

import torch
from torch import Tensor

from encdec.datasets.images import ImageSplit
from encdec.figures.picture import Picture
from encdec.figures.reconstruction import SHOWN, Rival, denoised
from encdec.figures.scatter import latent_scatter
from encdec.figures.selection import largest, one_of_each
from encdec.metrics.scores import Scores
from encdec.models.denoising_autoencoder.network import DenoisingAutoencoder
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.nn.corruption import corrupt
from encdec.params.corruption import Corruption, GaussianNoise, Masking, SaltAndPepper
from encdec.params.data import Evaluation


@torch.inference_mode()
def figures(
    network: DenoisingAutoencoder,
    spec: DenoisingAutoencoderSpec,
    split: ImageSplit,
    scores: Scores,
    settings: Evaluation,
    *,
    rival: Rival | None,
    seed: int,
) -> list[Picture]:
    """The noise on each image is the one that `score` measured it with."""
    network.eval()
    noisy = corrupted(split, spec.corruption, batch_size=settings.batch_size, seed=seed)
    pictures = []
    worst = largest(scores.columns["mse"].astype(float), count=SHOWN)
    for rows, hard in ((one_of_each(split.labels, count=SHOWN), False), (worst, True)):
        given = noisy[torch.from_numpy(rows)]
        pictures.append(
            denoised(
                split.batch(rows).images.numpy(),
                given.numpy(),
                network(given).recon_logits.sigmoid().numpy(),
                rival=rival,
                noise=described(spec.corruption),
                classes=[split.card.classes[int(one)] for one in split.labels[rows]] if hard else (),
            )
        )
    code = torch.cat([network.encode(part) for part in noisy.split(settings.batch_size)]).numpy()
    what = "the code of their corrupted form"
    return [*pictures, latent_scatter(code, split.labels, classes=split.card.classes, what=what)]


def corrupted(split: ImageSplit, corruption: Corruption, *, batch_size: int, seed: int) -> Tensor:
    """Every image of the split (N, C, H, W), batch after batch from one generator, as in `score`."""
    generator = torch.Generator().manual_seed(seed)
    parts = [corrupt(images, corruption, generator=generator) for images, _ in split.batches(batch_size)]
    return torch.cat(parts)


def described(corruption: Corruption) -> str:
    match corruption:
        case GaussianNoise(noise_std=noise_std):
            return f"Gaussian noise of standard deviation {noise_std:g}"
        case Masking(mask_prob=mask_prob):
            return f"masking of {100 * mask_prob:g} % of the pixels"
        case SaltAndPepper(flip_prob=flip_prob):
            return f"salt and pepper on {100 * flip_prob:g} % of the pixels"
