"""A walk through the code of the variational autoencoder: change a unit, see the decoded image change.

Axes: N images, C, H, W of an image, Z units of the code, U units that are used most.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from encdec.datasets.images import ImageSplit
from encdec.losses.kl import gaussian_kl_per_image
from encdec.models.build import fitting
from encdec.models.storage import TrainedModel
from encdec.models.vae.network import VariationalAutoencoder
from encdec.playground.answers import Pixels, codes_of, spread

COMPARED = 2000
"""So many images of val say which units are used."""
REACH = 3.0
"""The prior is N(0, 1): 99.7 % of its codes are within this."""

SILENT = 0.05
"""Nats below which a unit is not worth a slider."""

Code = NDArray[np.float32]


class Unit(NamedTuple):
    """`nats` that it carries on average; known images lie within `reach` on both sides of 0."""

    number: int
    nats: float
    reach: float


@torch.inference_mode()
def most_used(model: TrainedModel, val: ImageSplit, *, most: int) -> tuple[Unit, ...]:
    """Units of the code that carry something, KL(q(z_i|x) || p(z_i)) on average, the greatest first.

    A unit that the encoder leaves at the prior carries 0 nats: it changes nothing that the decoder listens to. Where
    none carries anything, the first is given all the same, so that the page can show that.
    """
    images = val.batch(spread(val, COMPARED)).images
    mu, log_var = fitting(model.name, model.network, VariationalAutoencoder).encode(images)  # (N, Z)
    nats = gaussian_kl_per_image(mu.reshape(-1, 1), log_var.reshape(-1, 1)).reshape(mu.shape).mean(dim=0)
    order = nats.argsort(descending=True, stable=True).tolist()
    reach = mu.abs().amax(dim=0).clamp(min=REACH).ceil()
    units = [Unit(unit, float(nats[unit]), float(reach[unit])) for unit in order[:most]]
    return tuple(unit for unit in units if unit.nats >= SILENT) or tuple(units[:1])


def code_of(model: TrainedModel, pixels: Pixels) -> Code:
    """The mean of q(z|x) of one image (C, H, W): (Z,)."""
    code: Code = codes_of(model, pixels[None])[0]
    return code


def centre_of(model: TrainedModel) -> Code:
    """The prior's mean."""
    return np.zeros(fitting(model.name, model.network, VariationalAutoencoder).latent_dim, dtype=np.float32)


def drawn_from_prior(model: TrainedModel, generator: np.random.Generator) -> Code:
    return generator.standard_normal(len(centre_of(model)), dtype=np.float32)


def moved(start: Code, units: list[int], values: list[float]) -> Code:
    """The code with these values in these units; the others stay as they were."""
    code = start.copy()
    code[units] = values
    return code


@torch.inference_mode()
def decode(model: TrainedModel, code: Code) -> Pixels:
    """The mean of p(x|z): (Z,) -> (C, H, W) in [0, 1]."""
    network = fitting(model.name, model.network, VariationalAutoencoder)
    image: Pixels = network.decode(torch.from_numpy(code[None])).sigmoid()[0].numpy()
    return image
