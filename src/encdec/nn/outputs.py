"""What autoencoders return."""

from typing import NamedTuple

from torch import Tensor


class AutoencoderOutput(NamedTuple):
    """The reconstruction is sigmoid(recon_logits)."""

    recon_logits: Tensor  # (B, C, H, W)
    z: Tensor  # (B, Z)
