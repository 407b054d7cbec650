"""What `auto` means on which device."""

import pytest
import torch

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
    assert computed_in("auto", "cpu") == expected
    assert computed_in("float32", "cpu") == "float32"
    assert computed_in("bfloat16", "cpu") == "bfloat16"
