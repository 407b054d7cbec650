"""Images as one array per split, written image by image: memory holds some of them, however many there are."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encdec.cards import CARD_FILE, ImageCard
from encdec.outs import write_json
from encdec.pixels import MODES, WANTED, fit_pixels
from encdec.preparation.rejection import accepted_by_split, rejected_rows

BYTE_MAX = 255
REJECTED = -1


def prepare_images(
    images: Iterable[NDArray[np.uint8]],
    manifest: pd.DataFrame,
    *,
    card_shape: tuple[int, int, int],
    source: Mapping[str, Any],
    outs: Mapping[str, Path],
    fitted: bool = False,
) -> pd.DataFrame:
    """Write images.npy, labels.npy, rows.parquet and card.json of each split.

    Args:
        images: (H, W, C) each, one for each row of the manifest and in its order.
        fitted: whether they have the card's shape already, and were as large as the manifest says before.
        manifest: a row per image.
        card_shape: channels, height and width that every image is given.
        source: name, classes and pixel_max of source.json.
        outs: an existing, empty folder for each split.

    Returns:
        sample, split, reason and detail of the rows that are left out.

    Raises:
        ValueError: images and manifest do not fit together, a split is without a row, or images whose values do not
            go to 255 would have to be converted.
    """
    card = card_of(card_shape, source)
    rows = manifest.reset_index(drop=True)
    reasons = reasons_against(rows, card)
    splits = accepted_by_split(rows, reasons)
    sizes = rows[["height", "width", "channels"]].to_numpy()
    if fitted:
        sizes = np.broadcast_to([card.height, card.width, card.channels], sizes.shape)
    write_pixels(images, rows, splits, sizes=sizes, card=card, outs=outs)
    index = {name: number for number, name in enumerate(card.classes)}
    for split, frame in splits.items():
        np.save(outs[split] / "labels.npy", frame["label"].map(index).to_numpy(np.int64), allow_pickle=False)
        frame[["sample", "label"]].to_parquet(outs[split] / "rows.parquet", index=False)
        write_json(outs[split] / CARD_FILE, card.model_dump())
    return rejected_rows(rows, reasons)


def card_of(shape: tuple[int, int, int], source: Mapping[str, Any]) -> ImageCard:
    if shape[0] not in WANTED:
        raise ValueError(f"images of {shape[0]} channels cannot be made; choose 1 or 3")
    return ImageCard(
        kind="images",
        source=source["name"],
        channels=shape[0],
        height=shape[1],
        width=shape[2],
        pixel_max=source["pixel_max"],
        classes=tuple(source["classes"]),
    )


def reasons_against(rows: pd.DataFrame, card: ImageCard) -> pd.DataFrame:
    """Reason and detail of why a row cannot be used; both empty where it can."""
    unknown = ~rows["label"].isin(card.classes)
    odd = ~rows["channels"].isin(list(MODES)) & ~unknown
    empty = pd.Series("", index=rows.index, dtype="str")
    undeclared = "label " + rows["label"] + " is not a declared class"
    counted = rows["channels"].astype("str") + " channels are neither grey nor colours"
    reason = empty.mask(unknown, "undeclared class").mask(odd, "unknown channels")
    return pd.DataFrame({"reason": reason, "detail": empty.mask(unknown, undeclared).mask(odd, counted)})


def write_pixels(
    images: Iterable[NDArray[np.uint8]],
    rows: pd.DataFrame,
    splits: Mapping[str, pd.DataFrame],
    *,
    sizes: NDArray[np.int64],
    card: ImageCard,
    outs: Mapping[str, Path],
) -> None:
    """Fill images.npy (N, C, H, W) of each split in one pass over `images`, whose (H, W, C) must be `sizes` (N, 3)."""
    shape = (card.channels, card.height, card.width)
    arrays = {
        split: new_array(outs[split] / "images.npy", shape=(len(frame), *shape)) for split, frame in splits.items()
    }
    places = np.full(len(rows), REJECTED)
    for frame in splits.values():
        places[frame.index] = np.arange(len(frame))
    position = -1
    for position, image in enumerate(images):
        if position >= len(rows) or image.shape != tuple(sizes[position]) or image.dtype != np.uint8:
            raise ValueError(misfit(image, rows, position))
        if places[position] != REJECTED:
            if card.pixel_max != BYTE_MAX and image.shape != (card.height, card.width, card.channels):
                raise ValueError(unfit(image, rows["sample"][position], card))
            arrays[rows["split"][position]][places[position]] = fit_pixels(image, shape)
    if position + 1 != len(rows):
        found = f"{len(rows)} rows, but the source has {position + 1} images"
        raise ValueError(f"manifest.parquet: {found}; run the ingest stage again")
    for array in arrays.values():
        array.flush()


def new_array(path: Path, *, shape: tuple[int, ...]) -> "np.memmap[Any, np.dtype[np.uint8]]":
    """An array on the disk, all of whose bytes have their place: a disk that is full is an error here.

    Writing into a hole of a mapped file would end the process without a word (SIGBUS).
    """
    array: np.memmap[Any, np.dtype[np.uint8]] = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):  # Linux; elsewhere the system itself fills the file
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def misfit(image: NDArray[np.uint8], rows: pd.DataFrame, position: int) -> str:
    if position >= len(rows):
        return f"manifest.parquet: {len(rows)} rows, but the source has more images; run the ingest stage again"
    row = rows.iloc[position]
    expected = f"the manifest says ({row['height']}, {row['width']}, {row['channels']}) of uint8"
    return f"{row['sample']}: an image {image.shape} of {image.dtype}, {expected}; run the ingest stage again"


def unfit(image: NDArray[np.uint8], sample: str, card: ImageCard) -> str:
    wanted = f"({card.height}, {card.width}, {card.channels})"
    return (
        f"{sample}: an image {image.shape} with values up to {card.pixel_max} would have to become {wanted}; "
        f"only images with values up to {BYTE_MAX} can be resized or change their channels"
    )
