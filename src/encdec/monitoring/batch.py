"""A batch as it lies on the disk: what it is, and all that is wrong with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

import numpy as np
import pandas as pd

from encdec.cards import ImageCard
from encdec.monitoring.rows import ImageRows, TextRows
from encdec.params.data import Pairs, Table
from encdec.params.root import Kind
from encdec.serving.image_inputs import ARRAY_SUFFIX, fitted, rows_of
from encdec.serving.inputs import BadInput
from encdec.sources.columns import SUFFIXES, read_rows
from encdec.sources.decoding import ImageError, decode_image
from encdec.sources.entries import Entry, Listing
from encdec.sources.image_file import ImageFiles
from encdec.sources.image_index import list_index
from encdec.sources.image_tree import INDEX_SUFFIXES, list_tree, walk
from encdec.sources.manifest import (
    IMAGE_COLUMNS,
    ImageSample,
    PairSample,
    frame,
    image_row,
    pair_manifest,
)
from encdec.sources.rejections import Rejection

SPLIT = "test"
"""Of the manifest of a batch: it has one split, which is not that of the project."""
SHARES = {SPLIT: 1.0}
INDEX = ("path", "label")


class Batch(NamedTuple):
    """`manifest`: a row per row that could be read, as ingest writes it; `problems`: what could not be read."""

    rows: ImageRows | TextRows
    manifest: pd.DataFrame
    labelled: bool
    problems: Sequence[str]


def kind_of(path: Path, asked: Kind | None, pairs: Pairs) -> Kind:
    """What a batch holds: as somebody said, or as only one kind fits.

    Raises:
        ValueError: there is nothing at the path, or both kinds or none could be meant.
    """
    if not path.exists():
        raise ValueError(f"{path}: there is no such file or folder")
    if asked is not None:
        return asked
    suffix = path.suffix.lower()
    if path.is_dir() or suffix == ARRAY_SUFFIX:
        return "images"
    if suffix in SUFFIXES and suffix not in INDEX_SUFFIXES:
        return "pairs"
    if suffix in INDEX_SUFFIXES:
        fits: list[tuple[Kind, bool]] = [
            ("images", has_columns(path, INDEX)),
            ("pairs", has_columns(path, text_columns(pairs)[:1])),
        ]
        found = [kind for kind, fit in fits if fit]
        if len(found) == 1:
            return found[0]
    raise ValueError(
        f"{path}: may be images or pairs: give --kind images (a folder, {ARRAY_SUFFIX}, or an index with the columns "
        f"{' and '.join(INDEX)}) or --kind pairs ({', '.join(SUFFIXES)})"
    )


def has_columns(path: Path, names: Sequence[str]) -> bool:
    try:
        next(iter(read_rows(path, names)), None)
    except ValueError:
        return False
    return True


def text_columns(pairs: Pairs) -> tuple[str, str]:
    """The columns with source and target: those of the project's own table, where it has one."""
    chosen = pairs.selected
    return (chosen.source_column, chosen.target_column) if isinstance(chosen, Table) else ("source", "target")


def read_images(path: Path, card: ImageCard) -> Batch:
    """A folder with a folder for each class, an index with path and label, a folder of files, or an array.

    Images are decoded and fitted to the card as ingest and prepare do it.
    """
    try:
        if path.suffix.lower() == ARRAY_SUFFIX and path.is_file():
            return of_array(path, card)
        listing, folder, labelled = listed(path)
    except ValueError as error:
        nothing = ImageRows([], np.empty((0, card.channels, card.height, card.width), np.uint8), None)
        return Batch(nothing, pd.DataFrame(), False, str(error).splitlines())
    return of_entries(listing, folder, card, labelled=labelled)


def listed(path: Path) -> tuple[Listing, Path, bool]:
    """What is to be read, below which folder, and whether it is labelled."""
    if not path.is_dir():
        return list_index(path.parent, path.name), path.parent, True
    tree = walk(path)
    if tree.classes:
        return list_tree(path), path, True
    return Listing([Entry(name, "", None) for name in sorted(tree.paths)], []), path, False


def of_entries(listing: Listing, folder: Path, card: ImageCard, *, labelled: bool) -> Batch:
    files, rows, kept, problems = ImageFiles(folder), [], [], [told(each) for each in listing.rejected]
    for entry in listing.entries:
        try:
            pixels = decode_image(files.read(entry.path), name=entry.path)
        except ImageError as error:
            problems.append(f"{entry.path}: {error.detail}")
            continue
        fit = fitted(entry.path, pixels, card)
        if isinstance(fit, BadInput):
            problems.append(f"{fit.name}: {fit.error}")
            continue
        seen = fit.pixels.transpose(1, 2, 0)
        rows.append(image_row(ImageSample(entry.path, entry.label, pixels, SPLIT, seen), SHARES))
        kept.append((entry.path, fit.pixels, entry.label))
    names, images, labels = zip(*kept, strict=True) if kept else ((), (), ())
    stacked = np.stack(images) if images else np.empty((0, card.channels, card.height, card.width), np.uint8)
    return Batch(
        ImageRows(names, stacked, labels if labelled else None), frame(rows, IMAGE_COLUMNS), labelled, problems
    )


def of_array(path: Path, card: ImageCard) -> Batch:
    """(N, C, H, W) or (N, H, W) uint8 in stored units; nobody knows its labels."""
    rows, names, images, problems = [], [], [], []
    for each in rows_of(path, card):
        if isinstance(each, BadInput):
            problems.append(f"{each.name}: {each.error}")
            continue
        names.append(each.name)
        images.append(each.pixels)
        rows.append(image_row(ImageSample(each.name, "", each.pixels.transpose(1, 2, 0), SPLIT), SHARES))
    stacked = np.stack(images) if images else np.empty((0, card.channels, card.height, card.width), np.uint8)
    return Batch(ImageRows(names, stacked, None), frame(rows, IMAGE_COLUMNS), False, problems)


def read_texts(path: Path, pairs: Pairs) -> Batch:
    """A table with a source and, where somebody knows it, a target in each row."""
    source, target = text_columns(pairs)
    try:
        found = list(read_rows(path, [source], optional=[target]))
    except ValueError as error:
        return Batch(TextRows([], [], None), pd.DataFrame(), False, [str(error)])
    problems = [told(row) for row in found if isinstance(row, Rejection)]
    rows = [row for row in found if not isinstance(row, Rejection)]
    labelled = any(row.cells[1] for row in rows)
    pairs_found = [PairSample(row.place, row.cells[0], "", row.cells[0], row.cells[1], SPLIT) for row in rows]
    sources, targets = ([normalize("NFC", row.cells[place]) for row in rows] for place in (0, 1))
    texts = TextRows([row.place for row in rows], sources, targets if labelled else None)
    return Batch(texts, pair_manifest(pairs_found, shares=SHARES), labelled, problems)


def told(rejection: Rejection) -> str:
    return f"{rejection.sample}: {rejection.detail}"
