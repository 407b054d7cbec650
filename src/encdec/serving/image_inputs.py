"""Images to answer, one after the other: files, folders of files, and arrays, read as the pipeline reads its own."""

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from encdec.cards import ImageCard
from encdec.pixels import fit_pixels
from encdec.serving.inputs import BadInput, ImageInput
from encdec.serving.problems import InputError
from encdec.sources.decoding import SUFFIXES, ImageError, decode_image
from encdec.sources.image_file import ImageFiles
from encdec.sources.image_tree import is_beside_data

ARRAY_SUFFIX = ".npy"
BYTE_MAX = 255
ROWS_AT_ONCE = 1024
"""Rows of an array that are in memory."""


def read_images(paths: Sequence[Path], card: ImageCard) -> Iterator[ImageInput | BadInput]:
    """Every image in the order of the paths, those of a folder sorted; converted exactly as the prepare stage does.

    Raises:
        InputError: a path leads to nothing, or an array has another shape or type.
    """
    for path in paths:
        if path.is_dir():
            yield from images_below(path, card)
        elif not path.exists():
            raise InputError(f"{path}: there is no such file or folder")
        elif path.suffix.lower() == ARRAY_SUFFIX:
            yield from rows_of(path, card)
        else:
            real = path.resolve()
            yield read_image(ImageFiles(real.parent), real.name, card)._replace(name=str(path))


def pixels_of(path: Path, card: ImageCard, *, most: int) -> NDArray[np.float32]:
    """The first images of a path, as the network reads them: (N, C, H, W) in [0, 1].

    Raises:
        InputError: one of them cannot be read.
    """
    found = []
    for each in islice(read_images([path], card), most):
        if isinstance(each, BadInput):
            raise InputError(f"{each.name}: {each.error}")
        found.append(each.pixels)
    pixels: NDArray[np.float32] = np.stack(found).astype(np.float32) / np.float32(card.pixel_max)
    return pixels


def images_below(folder: Path, card: ImageCard) -> Iterator[ImageInput | BadInput]:
    files = ImageFiles(folder)
    found = 0
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not is_beside_data(name)):
            found += 1
            yield read_image(files, Path(at, name).relative_to(folder).as_posix(), card)
    if not found:
        raise InputError(f"{folder}: holds no image ({', '.join(SUFFIXES)})")


def read_image(files: ImageFiles, path: str, card: ImageCard) -> ImageInput | BadInput:
    if not path.lower().endswith(SUFFIXES):
        return BadInput(path, f"is no image file ({', '.join(SUFFIXES)}) and no array ({ARRAY_SUFFIX})")
    try:
        pixels = decode_image(files.read(path), name=path)
    except ImageError as error:
        return BadInput(path, error.detail)
    return fitted(path, pixels, card)


def fitted(name: str, pixels: NDArray[np.uint8], card: ImageCard) -> ImageInput | BadInput:
    """(H, W, C) -> what the network reads; images of another range than 0 to 255 are not converted, as in prepare."""
    shape = (card.channels, card.height, card.width)
    if card.pixel_max != BYTE_MAX and pixels.shape != (card.height, card.width, card.channels):
        found, wanted = " x ".join(map(str, pixels.shape)), f"{card.height} x {card.width} x {card.channels}"
        return BadInput(
            name,
            f"is {found} (height, width, channels), and this model's images are {wanted} with values up to "
            f"{card.pixel_max}: only images with values up to {BYTE_MAX} can be resized or change their channels",
        )
    return in_range(name, fit_pixels(pixels, shape), card)


def in_range(name: str, pixels: NDArray[np.uint8], card: ImageCard) -> ImageInput | BadInput:
    highest = int(pixels.max(initial=0))
    if highest > card.pixel_max:
        told = f"has values up to {highest}, and this model's images go from 0 to {card.pixel_max}: rescale it"
        return BadInput(name, told)
    return ImageInput(name, pixels)


def rows_of(path: Path, card: ImageCard) -> Iterator[ImageInput | BadInput]:
    """The rows of an array (N, C, H, W), or (N, H, W) of one channel, uint8 in stored units, read part by part."""
    with path.open("rb") as file:
        count = read_header(file, path, card)
        size = card.inputs
        for start in range(0, count, ROWS_AT_ONCE):
            rows = min(ROWS_AT_ONCE, count - start)
            values = np.fromfile(file, dtype=np.uint8, count=rows * size)
            if len(values) != rows * size:
                raise InputError(f"{path}: ends in the middle of its {count:,} rows: write it again")
            for index, pixels in enumerate(values.reshape(rows, card.channels, card.height, card.width)):
                yield in_range(f"{path.name}[{start + index}]", pixels, card)


def read_header(file: BinaryIO, path: Path, card: ImageCard) -> int:
    """The number of rows; the file stands at the first afterwards."""
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    except ValueError as error:
        raise InputError(f"{path}: is no array of NumPy ({error})") from error
    wanted = (card.channels, card.height, card.width)
    fits = shape[1:] == wanted or (card.channels == 1 and shape[1:] == wanted[1:])
    if not fits or fortran or dtype != np.uint8 or not shape[0]:
        order = " in Fortran order" if fortran else ""
        raise InputError(
            f"{path}: is {dtype} of shape {shape}{order}, expected uint8 of shape (N, {', '.join(map(str, wanted))}) "
            f"with stored values from 0 to {card.pixel_max}"
        )
    return int(shape[0])
