"""One image as channels, height and width of the wanted shape."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""What the channels of an image file are, by their number."""
WANTED = {1: "L", 3: "RGB"}


def fit_pixels(image: NDArray[np.uint8], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The image (H, W, C) as `shape` (C, H, W): on white where it is transparent, in grey or colours, resized.

    Grey is the luma of ITU-R 601, the size is changed by area-weighted bilinear interpolation; an image that already
    fits is only transposed.
    """
    channels, height, width = shape
    if image.shape == (height, width, channels):
        return image.transpose(2, 0, 1)
    mode = MODES[image.shape[2]]
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image, mode)
    if mode.endswith("A"):
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture.convert(WANTED[channels])
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture, dtype=np.uint8).reshape(height, width, channels).transpose(2, 0, 1)
