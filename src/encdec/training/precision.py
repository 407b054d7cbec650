"""In which numbers a training computes."""

from typing import Literal

import torch
from torch import nn

from encdec.params.root import Accelerator
from encdec.params.training import Precision

Computed = Literal["bfloat16", "float32"]
LEAST_WORTH = 2**18
"""Parameters of a network of linear layers from which on bfloat16 is faster at batch 128."""


def computed_in(precision: Precision, accelerator: Accelerator, network: nn.Module) -> Computed:
    """What `auto` stands for here: bfloat16 where it is the faster one, else float32.

    It is where the device has instructions for it (a processor without them computes it many times slower than
    float32) and the network has work enough for each weight that is converted.
    """
    if precision != "auto":
        return precision
    return "bfloat16" if has_bfloat16(accelerator) and is_worth_converting(network) else "float32"


def is_worth_converting(network: nn.Module) -> bool:
    """Convolutions and recurrent cells use a weight many times for each row; a network of linear layers must be large.

    Of those, one with 68,000 parameters loses a tenth of its speed, one with 471,000 gains as much.
    """
    if any(isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.RNNBase) for module in network.modules()):
        return True
    return sum(each.numel() for each in network.parameters()) >= LEAST_WORTH


def device_kind(accelerator: Accelerator) -> Literal["cpu", "cuda", "mps"]:
    """Where Lightning will train."""
    if accelerator != "cpu" and torch.cuda.is_available():
        return "cuda"
    return "mps" if accelerator != "cpu" and torch.backends.mps.is_available() else "cpu"


def computing(accelerator: Accelerator) -> str:
    """What of this machine decides about the numbers: a training goes on only where it is the same."""
    return f"{device_kind(accelerator)}, {'with' if has_bfloat16(accelerator) else 'without'} bfloat16"


def has_bfloat16(accelerator: Accelerator) -> bool:
    match device_kind(accelerator):
        case "cuda":
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
        case "mps":
            return False
        case "cpu":
            return any(bool(has) for name, has in torch.cpu.get_capabilities().items() if name.endswith("bf16"))
