"""What is done to an image that a model has to restore."""

from typing import Annotated, Literal

from pydantic import Field

from encdec.params.section import PositiveFloat, Section

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
