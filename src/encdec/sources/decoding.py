"""From the bytes of an image file to pixels."""

import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
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
    Image.DecompressionBombError,
)
TARGET_MODES = {
    "1": "L",
    "L": "L",
    "RGB": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "LAB": "RGB",
    "RGBA": "RGBA",
    "LA": "RGBA",
    "PA": "RGBA",
}


def decode_image(data: bytes, *, name: str) -> NDArray[np.uint8]:
    """The pixels of an image file, (H, W, C) uint8, 0 to 255, turned upright as its EXIF data say.

    Grey images have one channel, coloured ones three, those with transparency four. A file with a colour palette is
    coloured. Of a phone's multi-picture JPEG the main picture is read.

    Args:
        name: for error messages.

    Raises:
        ValueError: the file is damaged, of another format, has several frames or more than 8 bits per channel.
    """
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            upright = ImageOps.exif_transpose(image)
            upright.load()
    except DAMAGED as error:
        raise ValueError(f"{name}: cannot be read as an image{reason(error)}; replace or remove it") from error
    if frames > 1:
        raise ValueError(f"{name}: has {frames} frames; an image file must hold one image")
    mode = upright.mode
    if mode == "P":
        target = "RGBA" if "transparency" in upright.info else "RGB"
    elif mode in TARGET_MODES:
        target = TARGET_MODES[mode]
    else:
        raise ValueError(f"{name}: has pixels of the kind {mode}; convert it to 8 bits per channel, grey or RGB")
    pixels = np.asarray(upright.convert(target), dtype=np.uint8)
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def reason(error: BaseException) -> str:
    """What the decoder says, unless it only names the object in memory that it was given."""
    said = str(error)
    return f": {said}" if said and " object at 0x" not in said else ""
