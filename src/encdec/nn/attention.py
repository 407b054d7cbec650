"""Attention of decoder states (the queries) over encoder outputs (the memory), for all target steps at once.

Axes: B batch, T queries, S source steps, Q query size, M memory size, A attention size.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

MAX_ENERGIES = 2**25  # values of (B, T, S, A) held at once: 128 MiB of float32


class Attended(NamedTuple):
    context: Tensor  # (B, T, M)
    weights: Tensor  # (B, T, S), each row sums to 1 and is 0 on padding


class DotAttention(nn.Module):
    """score = q . k (arXiv:1508.04025). Where the sizes differ, k = W m, the paper's "general" score; else k = m."""

    def __init__(self, *, query_dim: int, memory_dim: int) -> None:
        super().__init__()
        same = query_dim == memory_dim
        self.to_keys: nn.Module = nn.Identity() if same else nn.Linear(memory_dim, query_dim, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        """(B, S, M) -> (B, S, Q): what a search computes once per source."""
        keys: Tensor = self.to_keys(memory)
        return keys

    def forward(self, queries: Tensor, keys: Tensor, memory: Tensor, mask: Tensor) -> Attended:
        """Queries (B, T, Q), keys (B, S, Q), memory (B, S, M), mask (B, S), True = real token."""
        return attend(queries @ keys.transpose(1, 2), memory, mask)


class AdditiveAttention(nn.Module):
    """score = v . tanh(W q + U m) (arXiv:1409.0473); here q is the decoder's state at the same step."""

    def __init__(self, *, query_dim: int, memory_dim: int, attention_dim: int) -> None:
        super().__init__()
        self.to_queries = nn.Linear(query_dim, attention_dim, bias=False)
        self.to_keys = nn.Linear(memory_dim, attention_dim)
        self.to_scores = nn.Linear(attention_dim, 1, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        """(B, S, M) -> (B, S, A): what a search computes once per source."""
        keys: Tensor = self.to_keys(memory)
        return keys

    def forward(self, queries: Tensor, keys: Tensor, memory: Tensor, mask: Tensor) -> Attended:
        """Queries (B, T, Q), keys (B, S, A), memory (B, S, M), mask (B, S), True = real token."""
        projected = self.to_queries(queries)  # (B, T, A)
        if projected.shape[1] * keys.numel() <= MAX_ENERGIES:
            return attend(self._scores(projected, keys), memory, mask)
        steps = max(1, MAX_ENERGIES // keys.numel())
        parts = [  # recomputed in the backward pass, so that only one part is in memory at a time
            checkpoint(self._scores, part, keys, use_reentrant=False, preserve_rng_state=False)
            for part in projected.split(steps, dim=1)
        ]
        return attend(torch.cat(parts, dim=1), memory, mask)

    def _scores(self, projected: Tensor, keys: Tensor) -> Tensor:
        energies = (projected[:, :, None] + keys[:, None]).tanh_()  # (B, T, S, A)
        scores: Tensor = self.to_scores(energies)
        return scores.squeeze(-1)  # (B, T, S)


def attend(scores: Tensor, memory: Tensor, mask: Tensor) -> Attended:
    """Scores (B, T, S), memory (B, S, M), mask (B, S) -> softmax over the real tokens and the mean of the memory."""
    weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(dim=-1)  # (B, T, S)
    return Attended(weights @ memory, weights)  # (B, T, S) @ (B, S, M) -> (B, T, M)
