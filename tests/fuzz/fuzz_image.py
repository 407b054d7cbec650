"""Any bytes as an image file: pixels of a kind that everything after ingest can use, or a refusal."""

from io import BytesIO
from pathlib import Path

import numpy as np
from harness import fuzz, instrumented

with instrumented("PIL"):
    from PIL import Image

    from encdec.sources.decoding import FORMATS, MAX_PIXELS, decode_image
    from encdec.sources.image_file import read_image_file


def read(path: Path) -> None:
    pixels = decode_image(read_image_file(path.parent, path.name), name=path.name)
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] in (1, 3, 4)
    assert 0 < pixels.shape[0] * pixels.shape[1] <= MAX_PIXELS


def seeds() -> list[bytes]:
    """A small picture in every format, and with a palette, transparency, inks, 16 bits, frames and EXIF data."""
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5)
    exif = Image.Exif()
    exif[0x0112] = 6
    return [
        *(stored(picture, kind) for kind in FORMATS),
        stored(picture.quantize(4), "PNG", transparency=0),
        stored(picture.convert("RGBA"), "WEBP", lossless=True),
        stored(picture.convert("CMYK"), "JPEG"),
        stored(picture.convert("CMYK"), "TIFF", compression="tiff_lzw"),
        stored(picture.convert("1"), "TIFF", compression="group4"),
        stored(Image.new("I;16", (4, 4)), "PNG"),
        stored(picture, "GIF", save_all=True, append_images=[picture.rotate(90)]),
        stored(picture, "JPEG", exif=exif),
        stored(picture, "PNG", exif=exif),
    ]


def stored(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


if __name__ == "__main__":
    fuzz(read, name="input.image", seeds=seeds())
