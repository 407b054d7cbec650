"""The figures of a sparse autoencoder: what it rebuilds, its dictionary, and which units work."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from encdec.datasets.images import ImageSplit
from encdec.figures.bars import falling_bars
from encdec.figures.image_grid import cards
from encdec.figures.picture import Picture, Words
from encdec.figures.reconstruction import Rival, usual_and_worst
from encdec.metrics.scores import Scores
from encdec.models.sparse_autoencoder.network import SparseAutoencoder
from encdec.params.data import Evaluation

MOST_UNITS, COLUMNS = 160, 16


@torch.inference_mode()
def figures(
    network: SparseAutoencoder, split: ImageSplit, scores: Scores, settings: Evaluation, *, rival: Rival | None
) -> list[Picture]:
    network.eval()
    shares = scores.columns["active"].astype(float).mean(axis=0)
    return [
        dictionary(network, shares),
        activity(shares),
        *usual_and_worst(
            lambda rows: split.batch(rows).images.numpy(),
            lambda images: network(torch.from_numpy(images)).recon_logits.sigmoid().numpy(),
            card=split.card,
            labels=split.labels,
            measured=scores.columns["mse"].astype(float),
            rival=rival,
        ),
    ]


def atoms(network: SparseAutoencoder, units: NDArray[np.int64]) -> Tensor:
    """What each of the units (U,) adds to the scores of the pixels when it works alone at 1: (U, C, H, W).

    With one layer these are the decoder's columns; through hidden layers, the change from a code of nothing.
    """
    nothing = torch.zeros(len(units), network.to_code.out_features)
    alone = nothing.index_put((torch.arange(len(units)), torch.from_numpy(units)), torch.tensor(1.0))
    return network.decode(alone) - network.decode(nothing)


def dictionary(network: SparseAutoencoder, shares: NDArray[np.float64]) -> Picture:
    """`shares` (Z,): how many of the images each unit works on."""
    order = np.argsort(-shares, kind="stable")[:MOST_UNITS]
    dead, size = int((shares == 0).sum()), len(shares)
    which = f"All {size} units" if size <= MOST_UNITS else f"The {MOST_UNITS} busiest of {size} units"
    words = Words(
        name="dictionary",
        title="Dictionary",
        caption=(
            f"{which}, the busiest first: what each adds to the image when it works, brighter in orange and darker in "
            f"blue, each on its own scale. {dead} units work on no test image and are crossed out."
        ),
        alt=f"{len(order)} small images, one per unit of the code; {dead} of {size} units are dead.",
        group="code",
    )
    images = atoms(network, order).numpy()
    return cards(images, words=words, columns=COLUMNS, kind="signed", marked=shares[order] == 0, target=32)


def activity(shares: NDArray[np.float64]) -> Picture:
    dead, size = int((shares == 0).sum()), len(shares)
    words = Words(
        name="activity",
        title="How often each unit works",
        caption=(
            f"The share of test images on which each of the {size} units works, the busiest first. An image uses "
            f"{shares.sum():.1f} units on average, the busiest unit works on {100 * shares.max():.0f} % of the images, "
            f"and {dead} work on none."
        ),
        alt=f"Bars of how often {size} units work, from {shares.max():.2f} to {shares.min():.2f}; {dead} are dead.",
        group="code",
    )
    unit, axis = "units, the busiest first", "share of test images"
    return falling_bars(shares, words=words, axis=axis, unit=unit, limit=0.0, limit_text="dead")
