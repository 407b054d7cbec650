"""What a denoising autoencoder's input suffers (Vincent et al., JMLR 11, 2010). Pure functions."""

import torch
from torch import Tensor

from encdec.params.corruption import Corruption, GaussianNoise, Masking, SaltAndPepper


def corrupt(images: Tensor, corruption: Corruption, *, generator: torch.Generator | None) -> Tensor:
    """Each pixel of (B, C, H, W) is corrupted by itself; the images that were given stay as they are.

    gaussian: images + noise_std * normal noise, not clipped. masking: a pixel becomes 0 with mask_prob.
    salt_and_pepper: a pixel becomes 0 or 1, with flip_prob / 2 each.

    Args:
        images: pixels in [0, 1].
        corruption: the kind and its strength.
        generator: on the CPU; None: the global generator of the images' device.
    """
    match corruption:
        case GaussianNoise(noise_std=noise_std):
            noise = torch.empty_like(images, device=noise_device(images, generator))
            return images + noise_std * noise.normal_(generator=generator).to(images.device)
        case Masking(mask_prob=mask_prob):
            return images.masked_fill(uniform(images, generator) < mask_prob, 0.0)
        case SaltAndPepper(flip_prob=flip_prob):
            u = uniform(images, generator)  # [0, flip_prob / 2): pepper; [flip_prob / 2, flip_prob): salt
            return images.masked_fill(u < flip_prob, 1.0).masked_fill(u < flip_prob / 2, 0.0)


def uniform(images: Tensor, generator: torch.Generator | None) -> Tensor:
    """A number in [0, 1) for each pixel."""
    numbers = torch.empty_like(images, device=noise_device(images, generator))
    return numbers.uniform_(generator=generator).to(images.device)


def noise_device(images: Tensor, generator: torch.Generator | None) -> torch.device:
    return images.device if generator is None else generator.device
