"""In which numbers a training computes."""

from typing import Literal

import torch

from encdec.params.root import Accelerator
from encdec.params.training import Precision

Computed = Literal["bfloat16", "float32"]


def computed_in(precision: Precision, accelerator: Accelerator) -> Computed:
    """What `auto` stands for here: bfloat16 where the device has instructions for it, else float32.

    A processor without them computes bfloat16 many times slower than float32.
    """
    if precision != "auto":
        return precision
    return "bfloat16" if has_bfloat16(accelerator) else "float32"


def has_bfloat16(accelerator: Accelerator) -> bool:
    if accelerator != "cpu" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return any(bool(has) for name, has in torch.cpu.get_capabilities().items() if name.endswith("bf16"))
