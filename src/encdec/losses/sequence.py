"""Losses of predicted token sequences, in nats. Axes: B batch, T predicted steps, V vocabulary."""

from torch import Tensor
from torch.nn import functional as F

IGNORED = -100  # the label that F.cross_entropy leaves out


def token_cross_entropy(logits: Tensor, labels: Tensor, mask: Tensor, *, label_smoothing: float) -> Tensor:
    """Cross-entropy of the next token, the mean over the real tokens of the batch: a scalar.

    Logits (B, T, V), labels (B, T), mask (B, T), True = real token. With smoothing e the label's probability is
    1 - e + e/V and every other token's is e/V (arXiv:1512.00567).
    """
    labels = labels.masked_fill(~mask, IGNORED)
    return F.cross_entropy(
        logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, label_smoothing=label_smoothing
    )


def sequence_nll(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Negative log-likelihood of each sequence, the sum over its real tokens: (B, T, V), (B, T), (B, T) -> (B,)."""
    labels = labels.masked_fill(~mask, IGNORED)
    return F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none").sum(dim=1)
