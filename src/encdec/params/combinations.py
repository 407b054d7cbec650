"""Combinations that cannot work, found before anything runs."""

from collections.abc import Iterator
from typing import NamedTuple

from encdec.models.autoencoder.spec import AutoencoderSpec
from encdec.models.cnn.spec import CnnSpec
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.models.sparse_autoencoder.spec import SparseAutoencoderSpec, TopKSparsity
from encdec.models.vae.spec import VaeSpec
from encdec.params.data import Evaluation, ImageSource
from encdec.params.networks import ConvolutionalCoder
from encdec.params.problems import Problem
from encdec.params.root import ModelName, ModelSpec

INCEPTION_BRANCHES = 4


class ImageInputs(NamedTuple):
    """What the selected source of images gives. `shape`: channels, height, width. `num_classes`: None if unknown."""

    source: str
    shape: tuple[int, int, int]
    num_classes: int | None

    @classmethod
    def of(cls, source: str, section: ImageSource) -> "ImageInputs":
        return cls(source, section.shape, section.num_classes)

    @property
    def num_inputs(self) -> int:
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def side(self) -> int:
        """The shorter one."""
        return min(self.shape[1:])

    def __str__(self) -> str:
        return f"{self.shape[1]}x{self.shape[2]} images of images.source {self.source}"


def impossible(name: ModelName, spec: ModelSpec, images: ImageInputs | None) -> Iterator[Problem]:
    """Every mistake in how a model's values fit together and, where these are known, fit the images."""
    at = f"models.{name}"
    if spec.tuning.max_epochs > spec.training.max_epochs:
        yield Problem(
            f"{at}.tuning.max_epochs",
            f"{spec.tuning.max_epochs} is above training.max_epochs {spec.training.max_epochs}",
        )
    if isinstance(spec, VaeSpec) and spec.beta_warmup_steps > spec.training.max_steps:
        yield Problem(
            f"{at}.beta_warmup_steps", f"{spec.beta_warmup_steps} is above training.max_steps {spec.training.max_steps}"
        )
    match spec:
        case CnnSpec():
            if spec.network.block == "inception" and min(spec.network.channels) < INCEPTION_BRANCHES:
                least = f"an inception block needs at least {INCEPTION_BRANCHES}, one for each of its branches"
                yield Problem(f"{at}.network.channels", f"{min(spec.network.channels)} is too few: {least}")
            yield from stages(f"{at}.network", spec.network.channels, spec.network.kernel_size, images)
        case SparseAutoencoderSpec():
            if images is not None:
                yield from overcomplete(at, spec, images)
        case AutoencoderSpec() | DenoisingAutoencoderSpec() | VaeSpec():
            network = spec.network
            if images is not None and network.latent_dim >= images.num_inputs:
                what = "a code this large is not undercomplete"
                yield Problem(
                    f"{at}.network.latent_dim",
                    f"{network.latent_dim} is not below the {images.num_inputs} inputs ({images}): {what}",
                )
            if isinstance(network, ConvolutionalCoder):
                yield from stages(f"{at}.network", network.channels, network.kernel_size, images)


def overcomplete(at: str, spec: SparseAutoencoderSpec, images: ImageInputs) -> Iterator[Problem]:
    units = spec.code_dim(images.num_inputs)
    if isinstance(spec.sparsity, TopKSparsity) and spec.sparsity.k >= units:
        yield Problem(
            f"{at}.sparsity.k", f"{spec.sparsity.k} is not below the {units} units of the code (expansion x inputs)"
        )
    elif units <= images.num_inputs:
        yield Problem(
            f"{at}.network.expansion", f"{spec.network.expansion} x {images.num_inputs} inputs is no overcomplete code"
        )


def stages(at: str, channels: tuple[int, ...], kernel_size: int, images: ImageInputs | None) -> Iterator[Problem]:
    """Each entry of `channels` halves the image, and the kernel must fit the image."""
    if kernel_size % 2 == 0:
        yield Problem(f"{at}.kernel_size", f"{kernel_size} must be odd, so that the output keeps its size")
    if images is None:
        return
    if kernel_size > images.side:
        yield Problem(f"{at}.kernel_size", f"{kernel_size} is larger than the {images}")
    if images.side >> len(channels) < 1:
        most = images.side.bit_length() - 1
        yield Problem(f"{at}.channels", f"{len(channels)} stages halve the {images} to nothing; at most {most}")


def meaningless(evaluation: Evaluation, images: ImageInputs) -> Iterator[Problem]:
    """Scores that every model would reach."""
    if images.num_classes is not None and evaluation.top_k > images.num_classes:
        yield Problem(
            "evaluation.top_k",
            f"{evaluation.top_k} is above the {images.num_classes} classes of images.source {images.source}: every "
            "answer would count as right",
        )
