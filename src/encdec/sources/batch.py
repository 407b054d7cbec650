"""A batch of new data by itself, before it is part of anything: its rows, and what of it cannot be used."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from encdec.params.data import Folder, Table
from encdec.sources.entries import AT as FOLDER
from encdec.sources.folder import packed
from encdec.sources.image_index import list_index
from encdec.sources.image_tree import list_tree
from encdec.sources.manifest import IMAGE_COLUMNS, PairSample, frame, pair_manifest
from encdec.sources.rejections import Rejection, hold_limit
from encdec.sources.table import AT as TABLE
from encdec.sources.table import check_rows, read_pairs


class Described(NamedTuple):
    manifest: pd.DataFrame
    rejected: Sequence[Rejection]


def describe_images(params: Folder, folder: Path, *, scratch: Path) -> Described:
    """The images of a batch: a folder per class, or the index that params.yaml names and what it lists.

    One class alone is no mistake here: the base data have the others.

    Args:
        scratch: an existing folder for what is read meanwhile.

    Raises:
        ValueError: something lies there that cannot belong, nothing is left, or too much is rejected.
    """
    listing = list_tree(folder) if params.index is None else list_index(folder, params.index, whole=False)
    if not listing.entries and not listing.rejected:
        raise ValueError(f"{folder}: holds no image: expected a folder per class, or the index that {FOLDER} names")
    found = packed(params, listing, user_dir=folder, shards=scratch)
    rejected = [*listing.rejected, *found.rejected]
    what, key = f"files in {folder}", f"{FOLDER}.max_rejected"
    hold_limit(rejected, accepted=len(found.rows), what=what, limit=params.max_rejected, key=key)
    return Described(frame(found.rows, IMAGE_COLUMNS), rejected)


def describe_pairs(params: Table, file: Path) -> Described:
    """The text pairs of a batch, one table with the columns that params.yaml names.

    Raises:
        ValueError: it is no such table, nothing is left, or too much is rejected.
    """
    found = list(read_pairs(params, file))
    samples = [one for one in found if isinstance(one, PairSample)]
    rejected = [one for one in found if isinstance(one, Rejection)]
    check_rows(file, samples, rejected)
    hold_limit(rejected, accepted=len(samples), what="rows", limit=params.max_rejected, key=f"{TABLE}.max_rejected")
    return Described(pair_manifest(samples, shares=params.split.shares()), rejected)
