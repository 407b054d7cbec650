"""How the numbers of a network lie in memory, and of how many digits they are where they leave it."""

from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def channels_last(network: Network) -> Network:
    """The same network, whose convolutions keep the channels of a pixel side by side: their kernels are faster so."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # not in its stubs


def at_least_float32(values: Tensor) -> Tensor:
    """What a loss adds up over pixels or units: under autocast a layer returns bfloat16, of three digits."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
