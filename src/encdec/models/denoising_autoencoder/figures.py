"""The figures of a denoising autoencoder: what it was given, what it made of it, and what was under the noise."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from encdec.datasets.images import ImageSplit
from encdec.figures.picture import Picture
from encdec.figures.reconstruction import Rival, denoised
from encdec.figures.scatter import latent_scatter
from encdec.figures.selection import largest, one_of_each, shown
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
    count = shown(max(split.card.height, split.card.width))
    chosen = (one_of_each(split.labels, count=count), largest(scores.columns["mse"].astype(float), count=count))
    noisy, code = corrupted(network, split, spec.corruption, batch_size=settings.batch_size, seed=seed, rows=chosen)
    pictures = []
    for rows, given, worst in zip(chosen, noisy, (False, True), strict=True):
        pictures.append(
            denoised(
                split.batch(rows).images.numpy(),
                given.numpy(),
                network(given).recon_logits.sigmoid().numpy(),
                rival=rival,
                noise=described(spec.corruption),
                classes=[split.card.classes[int(one)] for one in split.labels[rows]] if worst else (),
            )
        )
    what = "the code of their corrupted form"
    return [*pictures, latent_scatter(code.numpy(), split.labels, classes=split.card.classes, what=what)]


def corrupted(
    network: DenoisingAutoencoder,
    split: ImageSplit,
    corruption: Corruption,
    *,
    batch_size: int,
    seed: int,
    rows: Sequence[NDArray[np.int64]],
) -> tuple[list[Tensor], Tensor]:
    """The corrupted images of each set of rows, (R, C, H, W) each, and the code of every corrupted image (N, Z).

    Batch after batch is corrupted from one generator, as in `score`; no more than one batch is in memory.
    """
    generator = torch.Generator().manual_seed(seed)
    kept, codes, start = [split.batch(one).images for one in rows], [], 0
    for images, _ in split.batches(batch_size):
        noisy = corrupt(images, corruption, generator=generator)
        codes.append(network.encode(noisy))
        for wanted, place in zip(rows, kept, strict=True):
            here = torch.from_numpy((wanted >= start) & (wanted < start + len(images)))
            place[here] = noisy[torch.from_numpy(wanted)[here] - start]
        start += len(images)
    return kept, torch.cat(codes)


def described(corruption: Corruption) -> str:
    match corruption:
        case GaussianNoise(noise_std=noise_std):
            return f"Gaussian noise of standard deviation {noise_std:g}"
        case Masking(mask_prob=mask_prob):
            return f"masking of {100 * mask_prob:g} % of the pixels"
        case SaltAndPepper(flip_prob=flip_prob):
            return f"salt and pepper on {100 * flip_prob:g} % of the pixels"
