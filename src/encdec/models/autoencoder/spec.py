"""The parameters of the undercomplete, deep or convolutional autoencoder."""

from typing import ClassVar, Literal

from encdec.params.networks import Coder
from encdec.params.section import Section
from encdec.params.training import Training, TuningBudget


class AutoencoderSpec(Section):
    kind: ClassVar[Literal["images", "pairs"]] = "images"
    monitor: ClassVar[str] = "val/mse"

    enabled: bool
    network: Coder
    reconstruction: Literal["mse", "bce"]
    training: Training
    tuning: TuningBudget
