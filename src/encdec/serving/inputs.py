"""What the readers of inputs give: something to answer, or why there is nothing."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ImageInput(NamedTuple):
    """`name`: the path below what was given, or file[row]. `pixels`: (C, H, W) as the model's card says, stored."""

    name: str
    pixels: NDArray[np.uint8]


class TextInput(NamedTuple):
    """`name`: file:line."""

    name: str
    source: str


class BadInput(NamedTuple):
    """`error`: a sentence without the name."""

    name: str
    error: str
