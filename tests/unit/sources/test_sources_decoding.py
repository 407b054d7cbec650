from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from encdec.sources.decoding import FORMATS, decode_image

GREY = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40  # 2 high, 3 wide
NOISE = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)  # 4,096 bytes, stored in no fewer
COLOUR = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 14


def stored(image, kind="PNG", **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_grey_images_have_one_channel_and_their_own_values(kind):
    pixels = decode_image(stored(Image.fromarray(GREY), kind), name="a")
    assert pixels.tolist() == GREY[:, :, np.newaxis].tolist()


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
def test_coloured_images_have_three_channels_and_their_own_values(kind, options):
    pixels = decode_image(stored(Image.fromarray(COLOUR), kind, **options), name="a")
    assert pixels.tolist() == COLOUR.tolist()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read_with_its_size(kind):
    assert decode_image(stored(Image.fromarray(COLOUR), kind), name="a").shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("1", (1, 1), 1), [255]),
        (Image.new("LA", (1, 1), (9, 7)), [9, 9, 9, 7]),
        (Image.new("RGBA", (1, 1), (1, 2, 3, 4)), [1, 2, 3, 4]),
        (Image.new("RGB", (1, 1), (10, 20, 30)).quantize(2), [10, 20, 30]),  # a palette
    ],
    ids=["black and white", "grey with transparency", "colour with transparency", "palette"],
)
def test_other_kinds_of_pixels(image, expected):
    assert decode_image(stored(image), name="a").tolist() == [[expected]]


def test_a_photo_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera turned: the viewer must turn it clockwise by 90 degrees
    pixels = decode_image(stored(Image.fromarray(GREY), "PNG", exif=exif), name="a")
    # Rows (0 1 2), (3 4 5) turned clockwise: (3 0), (4 1), (5 2).
    assert (pixels[:, :, 0] // 40).tolist() == [[3, 0], [4, 1], [5, 2]]


def test_the_main_picture_of_a_phone_is_read():
    main, preview = Image.new("RGB", (16, 16), (200, 0, 0)), Image.new("RGB", (4, 4))
    assert decode_image(stored(main, "MPO", save_all=True, append_images=[preview]), name="a").shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cats/a.png: cannot be read as an image; replace or remove it"),
        (b"no image at all", "cats/a.png: cannot be read as an image"),
        (stored(Image.fromarray(NOISE))[:3000], "cats/a.png: cannot be read as an image"),
        (stored(Image.fromarray(np.zeros((64, 64), np.uint8)), "JPEG")[:-200], "cats/a.png: cannot be read as"),
        (stored(Image.new("I;16", (2, 2))), "cats/a.png: has pixels of the kind I;16; convert it to 8 bits"),
        (stored(Image.new("F", (2, 2)), "TIFF"), "cats/a.png: has pixels of the kind F; convert"),
        (stored(Image.new("L", (2, 2)), "ICO"), "cats/a.png: cannot be read as an image"),  # another format
        (
            stored(Image.new("L", (2, 2)), "GIF", save_all=True, append_images=[Image.new("L", (2, 2), 200)]),
            "cats/a.png: has 2 frames",
        ),
    ],
    ids=["empty", "text", "cut PNG", "cut JPEG", "16 bits", "floats", "icon", "animation"],
)
def test_what_is_no_image_is_named(data, message):
    with pytest.raises(ValueError, match=message):
        decode_image(data, name="cats/a.png")
