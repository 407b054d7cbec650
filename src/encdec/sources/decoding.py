"""From the bytes of an image file to pixels."""

import re
import struct
import warnings
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from encdec.sources.printable import printable

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
# 8192 x 8192, the longest side that validation allows unless it is told otherwise. Decoded, turned and converted, such
# an image takes about a gigabyte; a file of a few kilobytes may claim a million times as much.
MAX_PIXELS = 2**26
# What Pillow's decoders raise on damaged files of these formats.
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
)
TARGET_MODES = {
    "1": "L",
    "L": "L",
    "P": "RGB",
    "RGB": "RGB",
    "RGBX": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "LAB": "RGB",
}
# Pillow reads 16 bits of grey as such, but drops half of the 16 bits of each colour: its name for what the file holds
# tells. The 5 or 6 bits per colour of "BGR;16" are no loss.
WIDE_COLOURS = re.compile(r";16[BLN]")


class ImageError(ValueError):
    """An image file that cannot be used, while others can.

    `reason`: a short category. `detail`: what was found, what was expected, what to do.
    """

    def __init__(self, name: str, reason: str, detail: str) -> None:
        super().__init__(f"{printable(name)}: {detail}")
        self.reason = reason
        self.detail = detail


def decode_image(data: bytes, *, name: str) -> NDArray[np.uint8]:
    """The pixels of an image file, (H, W, C) uint8, 0 to 255, turned upright as its EXIF data say.

    Grey images have one channel, coloured ones three, those with transparency four. A file with a colour palette is
    coloured. Of a phone's multi-picture JPEG the main picture is read. What the header says is judged before any pixel
    is decoded.

    Args:
        name: for error messages.

    Raises:
        ImageError: the file is damaged or of another format, has several frames, more than 8 bits per channel, or
            more than MAX_PIXELS pixels.
    """
    # Pillow warns of great images, which are judged here, and of broken EXIF data beside whole pixels.
    with warnings.catch_warnings(action="ignore"):
        try:
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                check_header(image, name)
                ImageOps.exif_transpose(image, in_place=True)
                mode = target_mode(image, name)
                pixels = np.asarray(image if image.mode == mode else image.convert(mode), dtype=np.uint8)
        except ImageError:
            raise
        except Image.DecompressionBombError as error:
            raise too_many_pixels(name, "has many more") from error
        except DAMAGED as error:
            detail = f"cannot be read as an image{reason(error)}; replace or remove it"
            raise ImageError(name, "unreadable image", detail) from error
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def check_header(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise too_many_pixels(name, f"has {image.width:,} x {image.height:,}")
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        detail = f"has {frames} frames, expected one; save the one that you want in its place"
        raise ImageError(name, "several frames", detail)
    if any(WIDE_COLOURS.search(str(tile.args)) for tile in getattr(image, "tile", [])):
        raise too_many_bits(name, "16 bits per channel")


def target_mode(image: Image.Image, name: str) -> str:
    if image.has_transparency_data:
        return "RGBA"
    if image.mode not in TARGET_MODES:
        raise too_many_bits(name, f"pixels of the kind {image.mode}")
    return TARGET_MODES[image.mode]


def too_many_pixels(name: str, found: str) -> ImageError:
    detail = f"{found} pixels, expected at most {MAX_PIXELS:,}; make it smaller"
    return ImageError(name, "too many pixels", detail)


def too_many_bits(name: str, found: str) -> ImageError:
    detail = (
        f"has {found}, expected 8 bits; which of its values are black and white is for you to say: "
        "magick FILE -auto-level -depth 8 NEW.png"
    )
    return ImageError(name, "more than 8 bits", detail)


def reason(error: BaseException) -> str:
    """What the decoder says, unless it only names the object in memory that it was given."""
    said = str(error)
    return f": {said}" if said and " object at 0x" not in said else ""
