"""Combinations that cannot work, found before anything runs."""

from collections.abc import Iterator

from encdec.models.autoencoder.spec import AutoencoderSpec
from encdec.models.cnn.spec import CnnSpec
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.sparse_autoencoder.spec import SparseAutoencoderSpec, TopKSparsity
from encdec.models.vae.spec import VaeSpec
from encdec.params.data import Images
from encdec.params.networks import ConvolutionalCoder
from encdec.params.problems import Problem
from encdec.params.root import ModelName, ModelSpec

INCEPTION_BRANCHES = 4


def impossible(name: ModelName, spec: ModelSpec, images: Images) -> Iterator[Problem]:
    """Every mistake in how a model's values fit together and fit the images."""
    at = f"models.{name}"
    if spec.tuning.max_epochs > spec.training.max_epochs:
        yield Problem(
            f"{at}.tuning.max_epochs",
            f"{spec.tuning.max_epochs} is above training.max_epochs {spec.training.max_epochs}",
        )
    if spec.kind == "pairs":
        return
    _, height, width = images.shape
    inputs = images.shape[0] * height * width
    size = f"{height}x{width} images of images.source {images.source}"
    match spec:
        case CnnSpec():
            if spec.network.block == "inception" and min(spec.network.channels) < INCEPTION_BRANCHES:
                least = f"an inception block needs at least {INCEPTION_BRANCHES}, one for each of its branches"
                yield Problem(f"{at}.network.channels", f"{min(spec.network.channels)} is too few: {least}")
            yield from stages(
                f"{at}.network", spec.network.channels, spec.network.kernel_size, min(height, width), size
            )
        case SparseAutoencoderSpec(sparsity=TopKSparsity(k=k)) if k >= spec.code_dim(inputs):
            yield Problem(
                f"{at}.sparsity.k",
                f"{k} is not below the {spec.code_dim(inputs)} units of the code (expansion x inputs)",
            )
        case SparseAutoencoderSpec() if spec.code_dim(inputs) <= inputs:
            yield Problem(
                f"{at}.network.expansion", f"{spec.network.expansion} x {inputs} inputs is no overcomplete code"
            )
        case SparseAutoencoderSpec():
            pass
        case AutoencoderSpec() | DenoisingAutoencoderSpec() | VaeSpec():
            network = spec.network
            if network.latent_dim >= inputs:
                what = "a code this large is not undercomplete"
                yield Problem(
                    f"{at}.network.latent_dim",
                    f"{network.latent_dim} is not below the {inputs} inputs ({size}): {what}",
                )
            if isinstance(network, ConvolutionalCoder):
                yield from stages(f"{at}.network", network.channels, network.kernel_size, min(height, width), size)
    if isinstance(spec, VaeSpec) and spec.beta_warmup_steps > spec.training.max_steps:
        yield Problem(
            f"{at}.beta_warmup_steps", f"{spec.beta_warmup_steps} is above training.max_steps {spec.training.max_steps}"
        )


def stages(at: str, channels: tuple[int, ...], kernel_size: int, side: int, size: str) -> Iterator[Problem]:
    """Each entry of `channels` halves the image, and the kernel must fit the image."""
    if kernel_size > side:
        yield Problem(f"{at}.kernel_size", f"{kernel_size} is larger than the {size}")
    if kernel_size % 2 == 0:
        yield Problem(f"{at}.kernel_size", f"{kernel_size} must be odd, so that the output keeps its size")
    if side >> len(channels) < 1:
        yield Problem(
            f"{at}.channels", f"{len(channels)} stages halve the {size} to nothing; at most {side.bit_length() - 1}"
        )
