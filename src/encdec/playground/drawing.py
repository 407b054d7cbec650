"""A drawing or an uploaded picture as the image that a model reads, made as the images of its source were made.

Axes: H, W of what was drawn; C, height, width of the model's card. Ink is how much of a place is covered, 0 to 1.
"""

import numpy as np
from numpy.typing import NDArray

from encdec.cards import ImageCard
from encdec.pixels import fit_pixels

Ink = NDArray[np.float32]
Stored = NDArray[np.uint8]

FILLED = ("digits",)
"""Sources whose images were scaled until the ink was as high as the image: 32x32 bitmaps, counted in blocks of 4x4."""
CENTRED = ("mnist", "kmnist", "fashion-mnist")
"""Sources whose ink was scaled into a box of 20x20 and laid with its centre of mass into the middle of 28x28."""
WIDEST = 24 / 32
"""Of the sources that are filled, few digits take more of the width: what is drawn wider is squeezed."""
BOX = 20 / 28
LARGEST = 512
"""The longer side of a picture in which a digit is looked for; a camera's is made smaller first."""
FAINT = 0.1
"""Ink below this is dust or the shade of an edge: the frame is laid around what is darker."""


def from_ink(ink: Ink, card: ImageCard, *, bright_ink: bool) -> Stored:
    """What was drawn (H, W), as the model's image (C, height, width) in stored units.

    Args:
        ink: coverage, 0 to 1.
        card: of the data that the model was trained on; its source decides how the ink is framed.
        bright_ink: for sources of other pictures: whether their background is dark.

    Raises:
        ValueError: nothing was drawn.
    """
    if not (ink > FAINT).any():
        raise ValueError("nothing is drawn yet: draw, upload a picture or choose an example")
    if card.source in FILLED:
        placed = fill(crop(ink), card)
    elif card.source in CENTRED:
        placed = centre(crop(ink), card)
    else:
        placed = whole(ink, card) if bright_ink else 1 - whole(ink, card)
    stored = np.rint(placed * card.pixel_max).astype(np.uint8)
    image: Stored = np.repeat(stored[None], card.channels, axis=0)
    return image


def from_picture(picture: Stored, card: ImageCard, *, bright_ink: bool) -> Stored:
    """An uploaded picture (H, W, channels), 0 to 255, as the model's image (C, height, width) in stored units.

    A picture that has the model's size is taken as it is. Otherwise digits are found as what differs from the
    background, dark or bright; other pictures are fitted as the pipeline fits those of a folder.

    Raises:
        ValueError: no digit can be seen in it.
    """
    shape = (card.channels, card.height, card.width)
    fitted = picture.shape[:2] == (card.height, card.width)
    if fitted or card.source not in (*FILLED, *CENTRED):
        pixels = fit_pixels(picture, shape).astype(np.float32) * np.float32(card.pixel_max / 255)
        image: Stored = np.rint(pixels).astype(np.uint8)
        return image
    shrink = min(1.0, LARGEST / max(picture.shape[:2]))
    high, wide = (max(1, round(shrink * side)) for side in picture.shape[:2])
    grey = fit_pixels(picture, (1, high, wide))[0].astype(np.float32) / np.float32(255)
    return from_ink(ink_of(grey), card, bright_ink=bright_ink)


def ink_of(grey: Ink) -> Ink:
    """What differs from the background of a picture (H, W), 0 to 1: the background is the usual value of its rim."""
    rim = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    difference = np.abs(grey - np.median(rim))
    most = difference.max()
    if most < FAINT:
        raise ValueError("the picture is nearly one shade, so no digit can be seen in it: give one with more contrast")
    ink: Ink = (difference / most).astype(np.float32)
    return ink


def crop(ink: Ink) -> Ink:
    """What is inside of the frame around the ink."""
    rows, columns = np.flatnonzero((ink > FAINT).any(axis=1)), np.flatnonzero((ink > FAINT).any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fill(ink: Ink, card: ImageCard) -> Ink:
    """Cropped ink as high as the image, from left to right with its mass in the middle; what is too wide is squeezed.

    The mean coverage of a pixel is what counting a bitmap in blocks gives.
    """
    high, wide = ink.shape
    across = min(card.height / high, WIDEST * card.width / wide)
    return view(ink, card, middle=(high / 2, mass_middle(ink)[1]), size=(high, card.width / across))


def centre(ink: Ink, card: ImageCard) -> Ink:
    """Cropped ink in a box of 20/28 of the image, its centre of mass in the middle of the image."""
    scale = BOX * min(card.height, card.width) / max(ink.shape)
    return view(ink, card, middle=mass_middle(ink), size=(card.height / scale, card.width / scale))


def mass_middle(ink: Ink) -> tuple[float, float]:
    """The centre of mass (y, x); the first pixel's own is (0.5, 0.5)."""
    rows, columns = (np.arange(length) + 0.5 for length in ink.shape)
    exact = ink.astype(np.float64)
    return float(exact.sum(axis=1) @ rows / exact.sum()), float(exact.sum(axis=0) @ columns / exact.sum())


def whole(ink: Ink, card: ImageCard) -> Ink:
    """All of the pad."""
    high, wide = ink.shape
    return view(ink, card, middle=(high / 2, wide / 2), size=(high, wide))


def view(ink: Ink, card: ImageCard, *, middle: tuple[float, float], size: tuple[float, float]) -> Ink:
    """A window over the ink, of this middle and size in its units, as the model's image (height, width).

    A pixel is the mean over its area; outside of the ink there is none.
    """
    down, across = (
        overlaps(number, start=place - length / 2, length=length, cells=cells)
        for number, place, length, cells in zip((card.height, card.width), middle, size, ink.shape, strict=True)
    )
    mean = down @ ink.astype(np.float64) @ across.T * (card.height * card.width / (size[0] * size[1]))
    seen: Ink = np.clip(mean, 0, 1).astype(np.float32)
    return seen


def overlaps(number: int, *, start: float, length: float, cells: int) -> NDArray[np.float64]:
    """How much of each of so many cells of length 1 lies in each of `number` equal parts of a stretch: both as axes."""
    edges = start + length * np.arange(number + 1)[:, None] / number
    cell = np.arange(cells)[None]
    shared: NDArray[np.float64] = np.minimum(edges[1:], cell + 1) - np.maximum(edges[:-1], cell)
    return np.maximum(shared, 0)
