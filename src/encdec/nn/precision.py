"""Numbers of few digits inside a network, and of enough where they leave it."""

import torch
from torch import Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """What a loss adds up over pixels or units: under autocast a layer returns bfloat16, of three digits."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
