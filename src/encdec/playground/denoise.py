"""Noise on an image, and what takes it off again: the denoising autoencoder, and the best linear filter."""

from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from encdec.datasets.images import ImageSplit
from encdec.evaluation.baselines import flat
from encdec.evaluation.principal_components import PrincipalComponents, fit_components
from encdec.evaluation.wiener import fit_wiener, restore
from encdec.models.storage import TrainedModel
from encdec.nn.corruption import corrupt
from encdec.params.corruption import Corruption, GaussianNoise, Masking, SaltAndPepper
from encdec.playground.answers import Pixels, squared_errors

Noise = Literal["gaussian", "masking", "salt_and_pepper"]
NOISES: tuple[Noise, ...] = get_args(Noise)
FITTED = 20_000
"""The filter is fitted once to at most so many images of train."""


class Restored(NamedTuple):
    """One image (C, H, W) with noise, and without it again; errors are mean squared errors against the clean image."""

    noisy: Pixels
    denoised: Pixels
    filtered: Pixels | None

    def errors(self, clean: Pixels) -> dict[str, float]:
        images = {"noisy": self.noisy, "denoised": self.denoised, "filtered": self.filtered}
        return {
            name: float(squared_errors(clean[None], image[None])[0])
            for name, image in images.items()
            if image is not None
        }


def noise_of(kind: Noise, strength: float) -> Corruption:
    """The corruption of a strength between 0 and 1: the standard deviation, or the share of the pixels."""
    match kind:
        case "gaussian":
            return GaussianNoise(kind="gaussian", noise_std=strength)
        case "masking":
            return Masking(kind="masking", mask_prob=strength)
        case "salt_and_pepper":
            return SaltAndPepper(kind="salt_and_pepper", flip_prob=strength)


def strength_of(corruption: Corruption) -> float:
    match corruption:
        case GaussianNoise(noise_std=strength) | Masking(mask_prob=strength) | SaltAndPepper(flip_prob=strength):
            return strength


def fit_filter(train: ImageSplit, *, seed: int) -> PrincipalComponents:
    """What a Wiener filter needs to know of the clean images; the noise comes later."""
    with threadpool_limits(1):
        return fit_components(flat(train, np.float64)[:FITTED], pixel_max=train.card.pixel_max, seed=seed)


@torch.inference_mode()
def restored(
    model: TrainedModel, clean: Pixels, corruption: Corruption, *, components: PrincipalComponents | None, seed: int
) -> Restored:
    """Noise from this seed on one image (C, H, W), and the two ways to take it off."""
    generator = torch.Generator().manual_seed(seed)
    noisy = corrupt(torch.from_numpy(clean[None]), corruption, generator=generator)
    denoised: Pixels = model.network(noisy).recon_logits.sigmoid()[0].numpy()
    filtered = None
    if components is not None:
        given = noisy.flatten(1).double().numpy()
        filtered = restore(fit_wiener(components, corruption), given)[0].reshape(clean.shape).astype(np.float32)
    return Restored(noisy[0].numpy(), denoised, filtered)
