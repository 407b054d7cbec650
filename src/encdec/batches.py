"""Typed batches and the cards that describe prepared data. The axis letters used everywhere:

B batch, C channels, H height, W width, K classes, Z latent units, S source steps, T target steps, V vocabulary.
"""

from typing import NamedTuple

from torch import Tensor


class ImageBatch(NamedTuple):
    images: Tensor  # (B, C, H, W) float32 in [0, 1]
    labels: Tensor  # (B,) int64


class PairBatch(NamedTuple):
    source_ids: Tensor  # (B, S) int64, padded with PAD_ID
    source_mask: Tensor  # (B, S) bool, True = real token
    target_ids: Tensor  # (B, T) int64: BOS_ID, tokens, EOS_ID, then PAD_ID
    target_mask: Tensor  # (B, T) bool, True = real token (BOS and EOS are real)
