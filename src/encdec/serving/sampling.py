"""Targets drawn from a sequence-to-sequence model, instead of searched for."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor

from encdec.cards import BOS_ID, EOS_ID, PAD_ID
from encdec.models.seq2seq.network import Seq2Seq
from encdec.nn.search import Decoded, allowed_log_probs
from encdec.serving.options import TextOptions


def sample(
    network: Seq2Seq, source_ids: Tensor, source_mask: Tensor, *, sources: Sequence[str], options: TextOptions
) -> Decoded:
    """`num_samples` targets of each source, token by token from softmax(logits / temperature).

    Each target has random numbers of its own, made from the seed, its source and its number: what else is in the batch
    changes no draw. The scores are log-probabilities by the model itself, at temperature 1.

    Args:
        source_ids: (B, S).
        source_mask: (B, S), True = real token.
        sources: the texts of the ids.

    Returns:
        ids (B * num_samples, T) and scores, the targets of a source one behind the other; no attention.
    """
    encoded = network.encode(source_ids, source_mask)
    batch_size, each, longest = len(source_ids), options.num_samples, network.max_decoded_length
    numbers = torch.from_numpy(np.concatenate([uniform(text, longest, options) for text in sources]))  # (B*K, T)
    state = encoded.state.repeat_interleave(each, dim=1)  # (L, B*K, G*H)
    token_ids = torch.full((batch_size, each), BOS_ID)
    ended = torch.zeros(batch_size * each, dtype=torch.bool)
    scores = torch.zeros(batch_size * each, dtype=torch.float64)
    ids = []
    for index in range(longest):
        step = network.step(token_ids, state, encoded)
        state, logits = step.state, step.logits.flatten(0, 1).double()  # (B*K, V)
        probs = allowed_log_probs(logits / options.temperature).exp()
        drawn = inverse_cdf(probs, numbers[:, index])
        gained = allowed_log_probs(logits).gather(1, drawn[:, None])[:, 0]
        scores += gained.masked_fill(ended, 0.0)
        drawn = drawn.masked_fill(ended, PAD_ID)
        ids.append(drawn)
        ended = ended | (drawn == EOS_ID)
        if bool(ended.all()):
            break
        token_ids = drawn.view(batch_size, each)
    return Decoded(torch.stack(ids, dim=1), scores, None)


def uniform(text: str, longest: int, options: TextOptions) -> np.ndarray:
    """Numbers in [0, 1) for each sample and step of a source: (K, T)."""
    key = int.from_bytes(sha256(text.encode()).digest()[:8], "little")
    # a generator for each sample: more samples do not change the first ones
    rows = [np.random.default_rng([options.seed, key, number]).random(longest) for number in range(options.num_samples)]
    return np.stack(rows)


def inverse_cdf(probs: Tensor, numbers: Tensor) -> Tensor:
    """Unnormalised probabilities (N, V) and a number in [0, 1) for each row -> a token (N,), never one that has 0."""
    cumulative = probs.cumsum(dim=1)
    found = torch.searchsorted(cumulative, (numbers * cumulative[:, -1])[:, None], right=True)[:, 0]
    return found.clamp(max=probs.shape[1] - 1)  # the product may be rounded up to the whole
