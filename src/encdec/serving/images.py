"""What a trained model of images answers: the numbers of the evaluation, for images from anywhere."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from encdec.cards import ImageCard
from encdec.models.build import fitting
from encdec.models.storage import TrainedModel
from encdec.serving.options import AutoencoderOptions, ClassifierOptions, Options, VaeOptions, default_options
from encdec.serving.problems import InputError

MAX_IMAGES = 10_000
"""Of one call, which holds them all in memory; `encdec predict` reads more than that batch by batch."""


@torch.inference_mode()
def predict_images(
    model: TrainedModel, images: NDArray[np.float32], *, batch_size: int, options: Options | None = None
) -> NDArray[np.float32]:
    """(N, C, H, W) in [0, 1] -> class probabilities (N, K), reconstructions (N, C, H, W), codes (N, Z) or errors (N,).

    Args:
        options: None: the model's own defaults.

    Raises:
        InputError: no image, too many, or a value that is not a number from 0 to 1.
    """
    card = fitting(model.name, model.card, ImageCard)
    check_images(images, card)
    chosen = default_options(model.name, model.spec) if options is None else options
    starts = range(0, len(images), batch_size)
    parts = [answer(model, torch.from_numpy(images[start : start + batch_size]), chosen) for start in starts]
    predicted: NDArray[np.float32] = torch.cat(parts).numpy()
    return predicted


def check_images(images: NDArray[np.float32], card: ImageCard) -> None:
    shape = (card.channels, card.height, card.width)
    if images.ndim != 4 or images.shape[1:] != shape:
        found = " x ".join(map(str, images.shape))
        wanted = " x ".join(map(str, shape))
        raise InputError(f"images must be N x {wanted} (number, channels, height, width), these are {found}")
    if len(images) == 0:
        raise InputError("no image was given: give at least one")
    if len(images) > MAX_IMAGES:
        raise InputError(f"{len(images):,} images in one request, at most {MAX_IMAGES:,} are answered: send parts")
    if not (images.min() >= 0.0 and images.max() <= 1.0):  # NaN fails both
        found = f"go from {images.min():g} to {images.max():g}"
        raise InputError(f"pixels must be numbers from 0 to 1, these {found}: divide stored ones by {card.pixel_max}")


def answer(model: TrainedModel, images: Tensor, options: Options) -> Tensor:
    """(B, C, H, W) -> (B, K), (B, C, H, W), (B, Z) or (B,)."""
    network: nn.Module = model.network
    if isinstance(options, ClassifierOptions):
        logits: Tensor = network(images)
        return (logits / options.temperature).softmax(dim=1)
    if not isinstance(options, AutoencoderOptions):
        raise ValueError("seq2seq reads texts: give a table with the column source")
    if options.output == "code":
        return code_of(network, images)
    rebuilt = rebuild(network, images, options)
    if options.output == "error":
        return (rebuilt.double() - images.double()).square().flatten(1).mean(dim=1).float()
    return rebuilt


def rebuild(network: nn.Module, images: Tensor, options: AutoencoderOptions) -> Tensor:
    """(B, C, H, W) -> the same; the VAE's is the mean of p(x|z) at the mean of q(z|x), or over samples of it."""
    if not isinstance(options, VaeOptions):
        recon_logits: Tensor = network(images).recon_logits
        return recon_logits.sigmoid()
    from encdec.models.vae.network import VariationalAutoencoder

    vae = fitting("vae", network, VariationalAutoencoder)
    mu, log_var = vae.encode(images)
    if options.num_samples == 0:
        return vae.decode(mu).sigmoid()
    generator = torch.Generator().manual_seed(options.seed)
    noise = torch.randn(options.num_samples, mu.shape[1], generator=generator)  # (S, Z)
    std = (0.5 * log_var).exp()
    total = torch.zeros_like(images)
    for eps in noise:  # one at a time: memory does not grow with the number of samples
        total += vae.decode(mu + std * eps).sigmoid()
    return total / options.num_samples


def code_of(network: nn.Module, images: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, Z); the VAE's is the mean of q(z|x)."""
    encode = getattr(network, "encode", None)
    if encode is None:
        raise ValueError(f"a {type(network).__name__} has no code")
    found = encode(images)
    code: Tensor = found[0] if isinstance(found, tuple) else found
    return code
