"""Latency of models whose slowness is known."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from encdec.cards import ImageCard
from encdec.datasets.images import ImageSplit
from encdec.models.storage import TrainedModel
from encdec.params.loading import load_params
from encdec.promotion.latency import Asked, measure_latency

CARD = ImageCard(kind="images", source="digits", channels=1, height=2, width=2, pixel_max=16, classes=("a", "b"))


class Slow(nn.Module):
    """Waits for as many milliseconds as the first pixel says; every `stumble`-th call for 50 more."""

    def __init__(self, *, stumble: int) -> None:
        super().__init__()
        self.stumble, self.calls = stumble, 0
        self.threads: set[int] = set()

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        self.threads.add(torch.get_num_threads())
        assert len(images) == 1, "one row at a time"
        time.sleep(float(images.flatten()[0]) * 16 / 1000 + (0.05 if self.calls % self.stumble == 0 else 0))
        return images


def test_the_percentiles_are_of_rows_at_their_best_and_a_stumble_does_not_count(root: Path, tmp_path: Path) -> None:
    spec = load_params(root / "params.yaml").params.models.cnn
    milliseconds = np.array([1] * 9 + [9], dtype=np.uint8)  # one row of ten is slow
    images = np.broadcast_to(milliseconds[:, None, None, None], (10, 1, 2, 2))
    test = ImageSplit(tmp_path, card=CARD, images=images, labels=np.zeros(10, dtype=np.int64))
    slow = Slow(stumble=13)
    before = torch.get_num_threads()
    (found,) = measure_latency([Asked(TrainedModel("cnn", spec, CARD, slow), test)], rows=20, threads=1)
    assert found.rows == 20
    assert slow.calls == 10 + 3 * 20  # a warm-up, and each row three times
    assert found.p50 == pytest.approx(1.0, abs=3.0)
    assert 9.0 <= found.p95 < 40.0  # the slow row, and no stumble of 50
    assert slow.threads == {1}
    assert torch.get_num_threads() == before
