"""The parameters of the denoising autoencoder."""

from typing import ClassVar, Literal

from encdec.params.corruption import Corruption
from encdec.params.networks import Coder
from encdec.params.section import Section
from encdec.params.training import Training, TuningBudget


class DenoisingAutoencoderSpec(Section):
    kind: ClassVar[Literal["images", "pairs"]] = "images"
    monitor: ClassVar[str] = "val/mse"

    enabled: bool
    network: Coder
    corruption: Corruption
    reconstruction: Literal["mse", "bce"]
    training: Training
    tuning: TuningBudget
