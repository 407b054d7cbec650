"""Where answers go: JSON lines, CSV, or a folder of pictures; a file or a folder appears whole or not at all."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TextIO

from PIL import Image

from encdec.outs import whole_folder, without_formula
from encdec.remedies import named
from encdec.serving.answers import Answer, Value
from encdec.serving.problems import InputError
from encdec.sources.printable import printable

PLACES = str.maketrans({"[": ".", "]": None, ":": "."})


def write_json_lines(answers: Iterable[Answer], file: TextIO) -> None:
    """An object per answer, as soon as it is known."""
    for answer in answers:
        print(json.dumps({**answer.row, "input": printable(str(answer.row["input"]))}, ensure_ascii=False), file=file)


def write_csv(answers: Iterable[Answer], file: TextIO, *, columns: Sequence[str]) -> None:
    """A row per answer; probabilities and codes have a column for each. A text that a spreadsheet would take for a
    formula gets an apostrophe before it."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow([without_formula(column) for column in columns])
    for answer in answers:
        cells = flat({**answer.row, "input": printable(str(answer.row["input"]))})
        rows.writerow([without_formula(cells.get(column, "")) for column in columns])


def flat(row: dict[str, Value]) -> dict[str, Value]:
    """`probabilities` becomes probability of <class>, `code` becomes code 0, code 1 and so on."""
    cells: dict[str, Value] = {}
    for key, value in row.items():
        match value:
            case dict():
                cells |= {f"probability of {label}": number for label, number in value.items()}
            case list():
                cells |= {f"{key} {index}": number for index, number in enumerate(value)}
            case _:
                cells[key] = value
    return cells


def write_pictures(answers: Iterable[Answer], folder: Path) -> None:
    """A PNG per answer, 0 to 255, in the folder's likeness of where the input lay; what failed is in failed.jsonl.

    Raises:
        InputError: two inputs have one name.
    """
    for answer in answers:
        if answer.failed or answer.picture is None:
            with (folder / "failed.jsonl").open("a", encoding="utf-8") as file:
                write_json_lines([answer], file)
            continue
        name = str(answer.row["input"])
        path = folder / picture_name(name)
        if path.exists():
            raise InputError(
                f"{name}: another input would be written to {path.name} as well: give one folder at a time"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = answer.picture.transpose(1, 2, 0)
        Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(path)


def picture_name(name: str) -> str:
    """Relative, without `..`, ending in .png: a/b.png stays, c.jpg becomes c.jpg.png, d.npy[3] d.npy.3.png."""
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", "..", ".")]
    plain = "/".join(parts).translate(PLACES)
    return plain if plain.lower().endswith(".png") else f"{plain}.png"


@contextmanager
def opened(out: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that takes its place when the block ends well."""
    if out is None:
        yield sys.stdout
        return
    partial = out.with_name(f".{out.name}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8", newline="") as file:
            yield file
        partial.replace(out)
    except OSError as error:
        raise named(error, out) from error
    finally:
        partial.unlink(missing_ok=True)


def write_folder(out: Path, write: Callable[[Path], None]) -> None:
    """A new folder that appears whole; one that holds something is never replaced.

    Raises:
        InputError: there is something at the path.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is there already and not empty: give --out a new folder")
    with whole_folder(out) as folder:
        write(folder)
