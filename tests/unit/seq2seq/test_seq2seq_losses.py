"""Losses of token sequences: hand values, references, the reduction, extremes."""

import math

import pytest
import torch
from torch.nn import functional as F

from encdec.losses.sequence import sequence_nll, token_cross_entropy

LOG2, LOG4 = math.log(2.0), math.log(4.0)
# probabilities of 4 tokens: 1/2 1/4 1/8 1/8 at each step
LOGITS = torch.tensor([0.5, 0.25, 0.125, 0.125]).log().expand(2, 3, 4)
LABELS = torch.tensor([[0, 1, 2], [1, 3, 3]])
MASK = torch.tensor([[True, True, True], [True, False, False]])


def test_cross_entropy_is_the_mean_over_real_tokens_of_the_batch() -> None:
    # -log p: log 2, log 4, log 8 and log 4 = 1 + 2 + 3 + 2 = 8 log 2 over 4 real tokens
    # (a mean over sequences first would give (2 + 2) / 2 log 2: also 2, so the next test has other lengths)
    torch.testing.assert_close(token_cross_entropy(LOGITS, LABELS, MASK, label_smoothing=0.0), torch.tensor(2.0 * LOG2))


def test_a_long_sequence_counts_for_more_than_a_short_one() -> None:
    labels = torch.tensor([[0, 0, 0], [3, 3, 3]])
    # log 2 three times and log 8 once: (3 + 3) / 4 log 2; a mean over sequences would give (1 + 3) / 2 log 2
    torch.testing.assert_close(token_cross_entropy(LOGITS, labels, MASK, label_smoothing=0.0), torch.tensor(1.5 * LOG2))


def test_label_smoothing_by_hand() -> None:
    # one token, label 0, e = 0.4: 0.6 log 2 + 0.1 (1 + 2 + 3 + 3) log 2 = 1.5 log 2
    loss = token_cross_entropy(LOGITS[:1, :1], LABELS[:1, :1], MASK[:1, :1], label_smoothing=0.4)
    torch.testing.assert_close(loss, torch.tensor(1.5 * LOG2))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.7])
def test_label_smoothing_is_torchs_over_the_real_tokens_alone(label_smoothing: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 7, 6, generator=generator)
    labels = torch.randint(6, (5, 7), generator=generator)
    mask = torch.arange(7) < torch.tensor([7, 1, 3, 4, 2])[:, None]
    reference = F.cross_entropy(logits[mask], labels[mask], label_smoothing=label_smoothing)
    torch.testing.assert_close(token_cross_entropy(logits, labels, mask, label_smoothing=label_smoothing), reference)


def test_nll_is_the_sum_over_each_sequences_real_tokens() -> None:
    # row 0: (1 + 2 + 3) log 2; row 1: log 4, its padding counts nothing
    torch.testing.assert_close(sequence_nll(LOGITS, LABELS, MASK), torch.tensor([6.0 * LOG2, LOG4]))


def test_both_agree_where_nothing_is_smoothed() -> None:
    mean = sequence_nll(LOGITS, LABELS, MASK).sum() / MASK.sum()
    torch.testing.assert_close(token_cross_entropy(LOGITS, LABELS, MASK, label_smoothing=0.0), mean)


def test_both_stay_finite_at_extreme_logits() -> None:
    logits = torch.tensor([1e4, -1e4, 0.0, 0.0]).expand(2, 3, 4)
    # label 0 costs nothing, label 1 costs 2e4, labels 2 and 3 cost 1e4
    torch.testing.assert_close(sequence_nll(logits, LABELS, MASK), torch.tensor([3e4, 2e4]))
    assert token_cross_entropy(logits, LABELS, MASK, label_smoothing=0.1).isfinite()
