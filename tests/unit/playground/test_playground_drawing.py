"""Framing: numbers by hand on small arrays, and real digits that are drawn large and must be recognised."""

import tracemalloc

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

from encdec.cards import ImageCard
from encdec.playground.answers import pixels_of
from encdec.playground.drawing import centre, crop, fill, from_ink, from_picture, ink_of, mass_middle
from encdec.playground.opening import Opened
from encdec.serving.images import predict_images


def card(source: str, *, side: int, pixel_max: int, channels: int = 1) -> ImageCard:
    names = ("a", "b")
    return ImageCard(
        kind="images", source=source, channels=channels, height=side, width=side, pixel_max=pixel_max, classes=names
    )


DIGITS, MNIST = card("digits", side=8, pixel_max=16), card("mnist", side=28, pixel_max=255)
FOLDER = card("folder", side=4, pixel_max=255, channels=3)


def pad(high: int, wide: int, *, top: int, left: int, side: int = 96) -> NDArray[np.float32]:
    """An empty pad with a full rectangle of ink."""
    ink = np.zeros((side, side), dtype=np.float32)
    ink[top : top + high, left : left + wide] = 1
    return ink


def test_a_digit_is_as_high_as_the_image_wherever_it_is_drawn() -> None:
    # 64 x 16 of ink, 8 rows of 8: a quarter as wide as high is 2 of 8 columns, the middle ones
    expected = np.zeros((8, 8), dtype=np.uint8)
    expected[:, 3:5] = 16
    for top, left in ((0, 0), (32, 80), (10, 33)):
        np.testing.assert_array_equal(from_ink(pad(64, 16, top=top, left=left), DIGITS, bright_ink=True)[0], expected)


def test_the_coverage_of_a_pixel_is_its_count() -> None:
    # as in a bitmap of 32 x 32 counted in blocks of 4 x 4: here half of the rows of each block of 8 x 8 are ink
    stripes = pad(64, 16, top=0, left=0)
    stripes[1::2] = 0
    stripes[63, :16] = 1  # so that the frame is as high as before; the last block has five of eight rows
    found = from_ink(stripes, DIGITS, bright_ink=True)[0]
    np.testing.assert_array_equal(found[:7, 3], np.full(7, 8))
    assert found[7, 3] == 10


def test_what_is_wider_than_the_digits_of_the_source_is_squeezed() -> None:
    # a square of ink would be 8 wide; 24/32 of 8 are 6 columns, and it still has all 8 rows
    found = fill(crop(pad(40, 40, top=5, left=9)), DIGITS)
    np.testing.assert_allclose(found.sum(), 6 * 8, rtol=1e-6)
    np.testing.assert_array_equal(found[4] > 0, [False, True, True, True, True, True, True, False])


def test_the_mass_of_mnist_ink_lies_in_the_middle_of_the_image() -> None:
    # an L: its mass is not in the middle of its frame
    ink = pad(60, 12, top=20, left=20)
    ink[68:80, 20:56] = 1
    found = centre(crop(ink), MNIST)
    assert mass_middle(found) == pytest.approx((14.0, 14.0), abs=0.05)
    rows, columns = (found > 0.5).any(axis=1), (found > 0.5).any(axis=0)
    assert rows.sum() == 20  # the longer side fills the box
    assert columns.sum() == 12  # 36 of 60 of 20


def test_a_whole_picture_keeps_its_place_and_its_shades() -> None:
    ink = pad(48, 48, top=0, left=48)  # the upper right quarter
    bright = from_ink(ink, FOLDER, bright_ink=True)
    assert bright.shape == (3, 4, 4)
    np.testing.assert_array_equal(bright[2], [[0, 0, 255, 255], [0, 0, 255, 255], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(from_ink(ink, FOLDER, bright_ink=False), 255 - bright)


def test_an_empty_pad_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="nothing is drawn yet: draw, upload a picture or choose an example"):
        from_ink(np.zeros((8, 8), dtype=np.float32), DIGITS, bright_ink=True)


def test_dark_on_bright_and_bright_on_dark_are_the_same_digit() -> None:
    ink = pad(64, 16, top=10, left=33)
    dark = (230 - 200 * ink).astype(np.uint8)[:, :, None]
    bright = (20 + 200 * ink).astype(np.uint8)[:, :, None]
    expected = from_ink(ink, DIGITS, bright_ink=True)
    np.testing.assert_array_equal(from_picture(dark, DIGITS, bright_ink=True), expected)
    np.testing.assert_array_equal(from_picture(bright, DIGITS, bright_ink=True), expected)


def test_a_picture_of_one_shade_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="nearly one shade, so no digit can be seen"):
        ink_of(np.full((9, 9), 0.4, dtype=np.float32))


def test_a_picture_of_the_models_own_size_is_taken_as_it_is() -> None:
    stored = np.arange(64, dtype=np.uint8).reshape(8, 8) % 17
    picture = np.rint(stored * (255 / 16)).astype(np.uint8)[:, :, None]
    np.testing.assert_array_equal(from_picture(picture, DIGITS, bright_ink=True)[0], stored)


def test_a_cameras_picture_takes_little_memory() -> None:
    picture = np.full((4000, 3000, 1), 240, dtype=np.uint8)
    picture[500:3500, 1200:1900] = 20
    tracemalloc.start()
    found = from_picture(picture, DIGITS, bright_ink=True)[0]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    expected = np.zeros((8, 8), dtype=np.uint8)
    expected[:, 3:5] = 15  # 700 of 3000 of 8 columns are 1.87, so each of the middle two has 0.93 of 16
    np.testing.assert_array_equal(found, expected)
    assert peak < 2 * picture.nbytes


def sketch(stored: NDArray[np.uint8], *, smooth: bool) -> NDArray[np.float32]:
    """A stored digit as a person's ink: 24 times as large, somewhere on the pad; smooth, its edges are a pen's."""
    grey = stored.astype(np.float32) / 16
    large = grey.repeat(24, axis=0).repeat(24, axis=1)
    if smooth:
        large = np.asarray(Image.fromarray(grey).resize((192, 192), Image.Resampling.BICUBIC)) > 0.5
    ink = np.zeros((280, 280), dtype=np.float32)
    ink[30:222, 15:207] = large
    return ink


@pytest.mark.parametrize("smooth", [False, True])
def test_a_test_digit_drawn_large_is_recognised(opened: Opened, smooth: bool) -> None:
    """No less often than stored digits that lie half a pixel beside their place: the frame is nearer than that."""
    assert opened.images is not None
    assert opened.card is not None
    test, cnn = opened.images.test, opened.models["cnn"]
    stored, labels = np.asarray(test.images), np.asarray(test.labels)
    pixels = pixels_of(stored, opened.card)

    def share(images: NDArray[np.float32]) -> float:
        return float((predict_images(cnn, images, batch_size=256).argmax(axis=1) == labels).mean())

    wide = F.pad(torch.from_numpy(pixels), (1, 1))  # half a pixel to the left, and to the right
    moved = [((wide[..., start : start + 8] + wide[..., start + 1 : start + 9]) / 2).numpy() for start in (0, 1)]
    drawn = [from_ink(sketch(image[0], smooth=smooth), opened.card, bright_ink=True) for image in stored]
    found = share(pixels_of(np.stack(drawn), opened.card))
    assert share(pixels) > 0.9
    assert found >= min(share(image) for image in moved)
    assert found > 0.9
