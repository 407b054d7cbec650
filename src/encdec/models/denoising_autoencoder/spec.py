"""The parameters of the denoising autoencoder."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from encdec.params.networks import Coder
from encdec.params.section import PositiveFloat, Section
from encdec.params.training import Training, TuningBudget

OpenProbability = Annotated[float, Field(gt=0.0, lt=1.0)]


class GaussianNoise(Section):
    """Additive, in units of the pixel range [0, 1]; not clipped."""

    kind: Literal["gaussian"]
    noise_std: PositiveFloat


class Masking(Section):
    """Each pixel is set to 0 with this probability."""

    kind: Literal["masking"]
    mask_prob: OpenProbability


class SaltAndPepper(Section):
    """Each pixel is replaced with this probability, by 0 or 1 with equal chance."""

    kind: Literal["salt_and_pepper"]
    flip_prob: OpenProbability


Corruption = Annotated[GaussianNoise | Masking | SaltAndPepper, Field(discriminator="kind")]


class DenoisingAutoencoderSpec(Section):
    kind: ClassVar[Literal["images", "pairs"]] = "images"
    monitor: ClassVar[str] = "val/mse"

    enabled: bool
    network: Coder
    corruption: Corruption
    reconstruction: Literal["mse", "bce"]
    training: Training
    tuning: TuningBudget
