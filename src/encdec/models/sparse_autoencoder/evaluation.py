"""Scores a sparse autoencoder on one split."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from encdec.datasets.images import ImageSplit
from encdec.losses.reconstruction import image_mse
from encdec.metrics.columns import joined
from encdec.metrics.reconstruction import RECONSTRUCTION_METRICS
from encdec.metrics.scores import Columns, Metric, Scores
from encdec.metrics.sparsity import dead_units, mean_active_units
from encdec.models.sparse_autoencoder.network import SparseAutoencoder
from encdec.models.sparse_autoencoder.spec import SparseAutoencoderSpec
from encdec.params.data import Evaluation

METRICS = (
    *RECONSTRUCTION_METRICS,
    Metric("mean_active_units", lambda columns: mean_active_units(columns["active_units"]), higher_is_better=False),
    Metric("dead_units", lambda columns: dead_units(columns["active"]), higher_is_better=False),
)


def score(
    network: SparseAutoencoder, spec: SparseAutoencoderSpec, split: ImageSplit, settings: Evaluation, *, seed: int
) -> Scores:
    """Columns mse, the mean over an image's pixels; active (N, Z), which units work; active_units, how many.

    Table units: for each unit how often it works and its mean value. Nothing is drawn at random, so `seed` changes
    nothing. On a resample of the rows `dead_units` can only grow: its interval lies at or above its value.
    """
    columns, total = reconstruct(network, split, batch_size=settings.batch_size)
    active = columns["active"]
    units = pd.DataFrame(
        {
            "unit": np.arange(active.shape[1]),
            "active_share": active.mean(axis=0),
            "mean_activation": total / len(active),
        }
    )
    return Scores(columns, METRICS, {"units": units})


@torch.inference_mode()
def reconstruct(
    network: SparseAutoencoder, split: ImageSplit, *, batch_size: int
) -> tuple[Columns, NDArray[np.float64]]:
    """The columns, and the sum over images of each unit's value (Z,)."""
    network.eval()
    total = np.zeros(network.to_code.out_features)
    return joined(reconstructed(network, split, total, batch_size=batch_size), rows=len(split)), total


def reconstructed(
    network: SparseAutoencoder, split: ImageSplit, total: NDArray[np.float64], *, batch_size: int
) -> Iterator[Columns]:
    """The columns, batch by batch; each adds its values to `total`."""
    for images, _ in split.batches(batch_size, label="evaluate sparse_autoencoder"):
        out = network(images)
        active = network.active(out.z)
        total += out.z.double().sum(dim=0).numpy()
        yield {
            "mse": image_mse(out.recon_logits, images).double().numpy(),
            "active_units": active.sum(dim=1).numpy(),
            "active": active.numpy(),
        }
