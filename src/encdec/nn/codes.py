"""Codes of which most units rest: what a sparse autoencoder does to the scores of its units."""

import torch
from torch import Tensor


def keep_largest(code: Tensor, *, k: int) -> Tensor:
    """All but the k largest units of each row (B, Z) become 0 (k-sparse autoencoder, arXiv:1312.5663)."""
    values, indices = code.topk(k, dim=1)
    return torch.zeros_like(code).scatter(1, indices, values)
