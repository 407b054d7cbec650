"""Codes of which most units rest: what a sparse autoencoder does to the scores of its units."""

import torch
from torch import Tensor, nn


def keep_largest(code: Tensor, *, k: int) -> Tensor:
    """All but the k largest units of each row (B, Z) become 0 (k-sparse autoencoder, arXiv:1312.5663)."""
    values, indices = code.topk(k, dim=1)
    return torch.zeros_like(code).scatter(1, indices, values)


@torch.no_grad()
def start_tied(to_code: nn.Linear, from_code: nn.Linear) -> None:
    """Each unit starts by looking for what it draws: a random direction of length 1, as many as there are units.

    Encoder and decoder are free to part in training. So started, fewer units die (arXiv:2406.04093).
    """
    directions = nn.functional.normalize(torch.randn_like(to_code.weight), dim=1)  # (Z, F)
    to_code.weight.copy_(directions)
    from_code.weight.copy_(directions.T)
    to_code.bias.zero_()
