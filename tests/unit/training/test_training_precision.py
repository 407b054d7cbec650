"""What `auto` means on which device."""

import pytest
import torch
from torch import nn

from encdec.training.precision import computed_in


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_f": True, "avx512_bf16": True, "amx_bf16": False}, "bfloat16"),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "float32"),
        ({"avx2": True}, "float32"),
    ],
)
def test_auto_is_bfloat16_where_the_processor_computes_in_it(
    capabilities: dict[str, bool], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    network = nn.Conv2d(1, 1, 1)
    assert computed_in("auto", "cpu", network) == expected
    assert computed_in("float32", "cpu", network) == "float32"
    assert computed_in("bfloat16", "cpu", network) == "bfloat16"


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (nn.Sequential(nn.Flatten(), nn.Conv2d(1, 1, 1)), "bfloat16"),
        (nn.GRU(4, 4), "bfloat16"),
        (nn.Sequential(nn.Linear(512, 512), nn.Linear(512, 1)), "bfloat16"),
        (nn.Sequential(nn.Linear(500, 500), nn.Linear(500, 1)), "float32"),
    ],
    ids=["convolution", "recurrent", "large", "small"],
)
def test_auto_is_float32_for_a_network_whose_conversion_costs_more_than_it_saves(
    network: nn.Module, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert computed_in("auto", "cpu", network) == expected
    assert computed_in("bfloat16", "cpu", network) == "bfloat16"
