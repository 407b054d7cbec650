"""How unusual an image is: a model of the usual images rebuilds unusual ones badly."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encdec.datasets.images import ImageSplit
from encdec.models.storage import TrainedModel
from encdec.playground.answers import Pixels, rebuild, spread, squared_errors

COMPARED = 5000
"""So many images of val are rebuilt once, at most, to know which errors are usual."""


class Anomaly(NamedTuple):
    """`error`: mean squared error of the reconstruction; `below`: how many of `compared` known images have less."""

    error: float
    below: int
    compared: int

    @property
    def quantile(self) -> float:
        return self.below / self.compared


def usual_errors(model: TrainedModel, val: ImageSplit) -> NDArray[np.float64]:
    """The errors of images that the model was not trained on, rising: (N,).

    Raises:
        ValueError: there are none.
    """
    rows = spread(val, COMPARED)
    if not len(rows):
        raise ValueError(f"{val.folder}: no rows to compare with; give this split a larger share in params.yaml")
    pixels = val.batch(rows).images.numpy()
    return np.sort(squared_errors(pixels, rebuild(model, pixels)))


def anomaly_of(pixels: Pixels, rebuilt: Pixels, usual: NDArray[np.float64]) -> Anomaly:
    """Of one image and its reconstruction (C, H, W), among usual errors (N,)."""
    error = float(squared_errors(pixels[None], rebuilt[None])[0])
    return Anomaly(error, int(np.searchsorted(usual, error, side="left")), len(usual))
