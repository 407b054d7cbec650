"""Where two contents of an out differ first, in words."""

import csv
import io
import json
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path, PurePath
from typing import Any

from encdec.tracking.flat import cut
from encdec.tracking.reproduction.contents import Contents, file_digests

MOST_FILES = 5
MOST_CHARACTERS = 80
NOTHING = "nothing"


def differences(contents: Contents, digest: str, now: Path) -> list[str]:
    """A sentence for each file of an out that is another now, or there is no more, or was not there then.

    Args:
        digest: that of then.
        now: where the out lies now.
    """
    old, new = contents.listing(digest), file_digests(now)
    if old is None:
        return ["what it held then is neither in DVC's cache nor in its remote, so that no file can be named"]
    told = []
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    for name in names[:MOST_FILES]:
        if name not in new:
            told.append(f"{name or now.name} is missing now")
        elif name not in old:
            told.append(f"{name or now.name} was not there then")
        else:
            before = contents.read(old[name])
            after = (now / name if name else now).read_bytes()
            where = "other bytes" if before is None else first_difference(name or now.name, before, after)
            told.append(f"{name or now.name}: {where}")
    more = len(names) - MOST_FILES
    return [*told, f"and {more} more files"] if more > 0 else told


def first_difference(name: str, then: bytes, now: bytes) -> str:
    """Of JSON and CSV the first value that differs, of weights the first tensor, else the first byte."""
    try:
        match PurePath(name).suffix:
            case ".json":
                path, old, new = next(json_differences(json.loads(then), json.loads(now), ""))
                return f"{path or 'the value'} was {shown(old)}, is {shown(new)}"
            case ".csv":
                return csv_difference(then.decode(), now.decode())
            case ".safetensors":
                return tensor_difference(then, now)
    except (ValueError, StopIteration, csv.Error):
        pass  # other bytes of the same values, or no such file after all
    place = next(
        (index for index, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), min(len(then), len(now))
    )
    return f"differs from byte {place:,} on ({len(then):,} bytes then, {len(now):,} now)"


def json_differences(then: Any, now: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """The values that differ, depth first, each with its path as in a.b[2]."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted({*then, *now}):
            at = f"{path}.{key}" if path else key
            yield from json_differences(then.get(key, NOTHING), now.get(key, NOTHING), at)
    elif isinstance(then, list) and isinstance(now, list):
        for index, (old, new) in enumerate(zip_longest(then, now, fillvalue=NOTHING)):
            yield from json_differences(old, new, f"{path}[{index}]")
    elif then != now:
        yield path, then, now


def csv_difference(then: str, now: str) -> str:
    """Row 1 is the first below the header."""
    old, new = (list(csv.reader(io.StringIO(text, newline=""))) for text in (then, now))
    header = old[0] if old else []
    none: list[str] = []
    for number, (before, after) in enumerate(zip_longest(old, new, fillvalue=none)):
        for place, (a, b) in enumerate(zip_longest(before, after, fillvalue=NOTHING)):
            if a != b:
                column = header[place] if place < len(header) else f"column {place + 1}"
                row = f"row {number}" if number else "the header"
                return f"{row}, {column}, was {shown(a)}, is {shown(b)}"
    raise ValueError("the same values")


def tensor_difference(then: bytes, now: bytes) -> str:
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        old, new = load(then), load(now)
    except (SafetensorError, KeyError) as error:  # KeyError: a type of number that NumPy does not have
        raise ValueError(f"no tensors that NumPy reads: {error}") from error
    for name in sorted({*old, *new}):
        if name not in old or name not in new or old[name].shape != new[name].shape:
            shapes = [str(list(each[name].shape)) if name in each else NOTHING for each in (old, new)]
            return f"tensor {name} had the shape {shapes[0]}, has {shapes[1]}"
        if not np.array_equal(old[name], new[name], equal_nan=True):
            most = np.max(np.abs(old[name].astype(np.float64) - new[name].astype(np.float64)))
            return f"tensor {name} differs by up to {most:.3g}"
    raise ValueError("the same tensors")


def shown(value: object) -> str:
    return cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), MOST_CHARACTERS)
