"""Reads the files of one split of prepared data, and says plainly what is wrong with them."""

import math
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from encdec.cards import CARD_FILE, ImageCard, PairCard
from encdec.outs import OFF_FILE

AnyCard = TypeVar("AnyCard", ImageCard, PairCard)


def read_card(folder: Path, kind: type[AnyCard]) -> AnyCard:
    """The card of a folder of prepared data.

    Raises:
        ValueError: no card, a card of another kind of data, or data that is switched off.
    """
    path = folder / CARD_FILE
    if (folder / OFF_FILE).exists():
        raise ValueError(f"{folder}: this kind of data is switched off in params.yaml; switch it on and prepare it")
    if not path.is_file():
        raise ValueError(f"{path}: no such file; run the prepare stage")
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(key) for key in first["loc"]) or "the whole file"
        raise ValueError(f"{path}: not a {kind.__name__} ({where}: {first['msg']}); run the prepare stage") from error


def read_array(path: Path, *, dtype: type[np.generic], ndim: int) -> NDArray[Any]:
    """A memory-mapped array, of which only the rows that are read enter memory.

    Raises:
        ValueError: no such file, not an array, or not of this type and number of axes.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; run the prepare stage")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: not a readable array ({error}); run the prepare stage") from error
    if array.dtype != dtype or array.ndim != ndim:
        found = f"{array.dtype} with {array.ndim} axes"
        raise ValueError(f"{path}: {found}, expected {np.dtype(dtype)} with {ndim}; run the prepare stage")
    return array  # type: ignore[no-any-return]  # np.load is not typed


def read_runs(array: NDArray[Any], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[Any]:
    """The rows starts[0]:ends[0], starts[1]:ends[1] and so on, one run behind the other, in memory of their own.

    A mapped array is read from its file: pages of a map would stay beside the copy.
    """
    if not isinstance(array, np.memmap):
        return np.concatenate([array[:0], *(array[start:end] for start, end in zip(starts, ends, strict=True))])
    found = np.empty((int((ends - starts).sum()), *array.shape[1:]), array.dtype)
    into = found.reshape(-1).view(np.uint8).data
    row_bytes = array.dtype.itemsize * math.prod(array.shape[1:])
    done = 0
    with Path(array.filename or "").open("rb", buffering=0) as file:
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            file.seek(array.offset + start * row_bytes)
            stop = done + (end - start) * row_bytes
            while done < stop:  # a system reads at most 2 GiB at once
                count = file.readinto(into[done:stop])
                if not count:
                    raise ValueError(f"{array.filename}: became shorter while it was read; run the prepare stage")
                done += count
    return found


def runs(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and end of each run of neighbours among ascending rows."""
    last = np.flatnonzero(np.diff(rows) != 1)
    return rows[np.concatenate([[0], last + 1])], rows[np.concatenate([last, [-1]])] + 1


def spans(size: int, batch_size: int) -> list[tuple[int, int]]:
    """First and end row of each batch of `batch_size` rows in order; the last may be smaller.

    Raises:
        ValueError: a batch of no rows.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size {batch_size} must be at least 1")
    return [(start, min(start + batch_size, size)) for start in range(0, size, batch_size)]
