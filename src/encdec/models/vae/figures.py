"""The figures of a variational autoencoder: what it rebuilds, what it makes up, and what its code means."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from encdec.datasets.images import ImageSplit
from encdec.figures.bars import falling_bars
from encdec.figures.fonts import label
from encdec.figures.image_grid import Row, cards, image_rows
from encdec.figures.picture import Picture, Words
from encdec.figures.reconstruction import Rival, usual_and_worst
from encdec.figures.scatter import latent_scatter
from encdec.figures.selection import largest, one_of_each
from encdec.metrics.scores import Scores
from encdec.models.vae.network import VariationalAutoencoder
from encdec.params.data import Evaluation

SAMPLES, COLUMNS = 40, 10
STEPS, WALK = 9, 7
PATHS, MOST_UNITS = 5, 10
MINUS = "\N{MINUS SIGN}"
REACH = 3.0
"""Standard deviations of the prior to which a walk goes on either side."""
WORKING_KL = 0.01
"""Nats: a unit with less tells the decoder nothing (the threshold of arXiv:1509.00519 is of the same size)."""


@torch.inference_mode()
def figures(
    network: VariationalAutoencoder,
    split: ImageSplit,
    scores: Scores,
    settings: Evaluation,
    *,
    rival: Rival | None,
    seed: int,
) -> list[Picture]:
    """`seed` decides the samples from the prior."""
    network.eval()
    mu, log_var = encoded(network, split, batch_size=settings.batch_size)
    kl = kl_by_unit(mu, log_var)
    generator = torch.Generator().manual_seed(seed)
    return [
        samples(network.sample(SAMPLES, generator=generator)),
        *interpolations(network, split),
        walk(network, kl),
        unit_kl(kl),
        latent_scatter(mu.numpy(), split.labels, classes=split.card.classes, what="the mean of the code"),
        *usual_and_worst(
            lambda rows: network.target(split.batch(rows).images).numpy(),
            lambda images: means(network, torch.from_numpy(images)).numpy(),
            card=split.card,
            labels=split.labels,
            measured=scores.columns["mse"].astype(float),
            rival=rival,
        ),
    ]


def encoded(network: VariationalAutoencoder, split: ImageSplit, *, batch_size: int) -> tuple[Tensor, Tensor]:
    """mu and log_var of every image, (N, Z) each."""
    parts = [network.encode(images) for images, _ in split.batches(batch_size)]
    return torch.cat([mu for mu, _ in parts]), torch.cat([log_var for _, log_var in parts])


def means(network: VariationalAutoencoder, images: Tensor) -> Tensor:
    """The decoded mean of the code: (B, C, H, W) in [0, 1]."""
    return network.decode(network.encode(images)[0]).sigmoid()


def kl_by_unit(mu: Tensor, log_var: Tensor) -> NDArray[np.float64]:
    """KL(q(z|x) || p(z)) of each unit in nats, the mean over images: (N, Z), (N, Z) -> (Z,)."""
    mu, log_var = mu.double(), log_var.double()
    return (0.5 * (mu.square() + log_var.exp() - 1.0 - log_var)).mean(dim=0).numpy()


def samples(images: Tensor) -> Picture:
    words = Words(
        name="samples",
        title="Samples from the prior",
        caption=(
            f"{len(images)} images that the decoder makes of codes drawn from the prior, none left out. What looks "
            f"like no image of the data shows where the prior and the codes of real images part."
        ),
        alt=f"{len(images)} generated images.",
        group="samples",
    )
    return cards(images.numpy(), words=words, columns=COLUMNS)


def interpolations(network: VariationalAutoencoder, split: ImageSplit) -> list[Picture]:
    """Straight lines in the code from an image of each class to one of the next, the real images at the ends.

    None where there is one image alone.
    """
    rows = one_of_each(split.labels, count=PATHS + 1)
    if len(rows) < 2:
        return []
    images = network.target(split.batch(rows).images)
    codes, shares = network.encode(images)[0], torch.linspace(0, 1, STEPS)[:, None]
    lines = []
    for first, last in zip(range(len(rows) - 1), range(1, len(rows)), strict=True):
        between = network.decode(codes[first] + shares * (codes[last] - codes[first])).sigmoid()
        path = torch.cat((images[first : first + 1], between, images[last : last + 1]))
        names = [label(split.card.classes[int(split.labels[rows[end]])], most=12) for end in (first, last)]
        lines.append(Row(f"{names[0]} to {names[1]}", path.numpy()))
    words = Words(
        name="interpolations",
        title="Interpolations",
        caption=(
            f"Each row goes in a straight line through the code from one test image to another: the first and the "
            f"last picture are real, the {STEPS} between are decoded. A code worth its name passes only plausible "
            f"images."
        ),
        alt=f"{len(lines)} rows of images that change step by step from one test image into another.",
        group="samples",
    )
    steps = [f"{100 * float(share):.0f} %" for share in shares[:, 0]]
    return [image_rows(lines, words=words, above=["real", *steps, "real"])]


def walk(network: VariationalAutoencoder, kl: NDArray[np.float64]) -> Picture:
    """From -3 to 3 along each of the units that say most, the others at 0."""
    units = largest(kl, count=min(MOST_UNITS, int((kl > WORKING_KL).sum()) or 1))
    values = torch.linspace(-REACH, REACH, WALK)
    rows = []
    for unit in units:
        codes = torch.zeros(WALK, len(kl))
        codes[:, int(unit)] = values
        rows.append(Row(f"unit {unit}", network.decode(codes).sigmoid().numpy()))
    words = Words(
        name="walk",
        title="A walk through the code",
        caption=(
            f"Each row moves one unit from {MINUS}{REACH:g} to {REACH:g} standard deviations of the prior, all others "
            f"at 0: the {len(units)} units that carry most, from {kl[units[0]]:.2f} nats down to "
            f"{kl[units[-1]]:.2f}. What changes along a row is what the unit means."
        ),
        alt=f"{len(units)} rows of {WALK} decoded images, one unit of the code varied in each.",
        group="code",
    )
    return image_rows(rows, words=words, above=[f"{float(value):g}".replace("-", MINUS) for value in values])


def unit_kl(kl: NDArray[np.float64]) -> Picture:
    idle = int((kl <= WORKING_KL).sum())
    words = Words(
        name="unit_kl",
        title="What each unit of the code carries",
        caption=(
            f"KL divergence from the prior of each of {len(kl)} units, in nats per image, the largest first; together "
            f"{kl.sum():.1f}. {idle} units carry at most {WORKING_KL:g} nats: the decoder learns nothing from them."
        ),
        alt=f"Bars of the KL divergence of {len(kl)} units, {kl.max():.2f} to {kl.min():.2f} nats; {idle} idle.",
        group="code",
    )
    axis, unit = "nats per image", "unit of the code"
    return falling_bars(kl, words=words, axis=axis, unit=unit, limit=WORKING_KL, limit_text="idle")
