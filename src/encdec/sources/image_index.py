"""The images that a user's index file names, with their labels and perhaps their splits."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from encdec.params.data import SPLITS
from encdec.sources.columns import read_rows
from encdec.sources.entries import AT, Entry, Listing, unusable
from encdec.sources.image_tree import INDEX_SUFFIXES
from encdec.sources.rejections import Rejection
from encdec.sources.window import batch_folders, outside


class Line(NamedTuple):
    """A row of an index. `place`: file and line. `folder`: what its path begins at, inside the user's folder."""

    place: str
    path: str
    label: str
    split: str
    folder: str = ""


def list_index(user_dir: Path, index: str, *, newest: int = 0, whole: bool = True) -> Listing:
    """Each row of the index, in its order, then those of later batches, each of which has an index of that name.

    A row that is malformed or names no image is rejected under its line.

    Args:
        newest: how many of the later batches are used; 0: all.
        whole: whether a split column must name all splits; a batch alone need not.

    Raises:
        ValueError: an index is missing or is no table of such columns, or has a split column without all splits.
    """
    folders = batch_folders(user_dir)
    left_out = outside((folder.name for folder in folders), newest=newest)
    used = [user_dir, *(folder for folder in folders if folder.name not in left_out)]
    rows = [row for folder in used for row in rows_of(user_dir, folder, index)]
    lines = [row for row in rows if isinstance(row, Line)]
    splits = {line.split for line in lines} - {""}
    missing = [split for split in SPLITS if split not in splits]
    if whole and splits and missing:
        told = f"the column split has no row for {', '.join(missing)}; leave it out, or name all three"
        raise ValueError(f"{user_dir / index}: {told}")
    sound, rejected = [], [row for row in rows if isinstance(row, Rejection)]
    for line in lines:
        problem = problem_of(line, with_splits=bool(splits), user_dir=user_dir)
        if problem:
            rejected.append(Rejection(line.place, *problem))
        else:
            sound.append(line._replace(path=PurePosixPath(line.folder, line.path).as_posix()))
    return once(sound, rejected)._replace(
        indices=[(folder / index).relative_to(user_dir).as_posix() for folder in used]
    )


def rows_of(user_dir: Path, folder: Path, index: str) -> Iterator[Line | Rejection]:
    """The lines of one index; those of a batch have its folder before them.

    Raises:
        ValueError: there is no such index, or it is no table.
    """
    file = folder / index
    if file.parent != folder or file.suffix.lower() not in INDEX_SUFFIXES or not file.is_file():
        raise ValueError(f"{AT}.index: {index}: expected the name of a .csv or .parquet file in {folder}")
    if not file.resolve().is_relative_to(user_dir.resolve()):
        raise ValueError(f"{AT}.index: {index} is a link out of {user_dir}, where a change would not be seen: copy it")
    inside = "" if folder == user_dir else f"{folder.relative_to(user_dir).as_posix()}/"
    for row in read_rows(file, ["path", "label"], optional=["split"]):
        place = f"{inside}{row.sample if isinstance(row, Rejection) else row.place}"
        if isinstance(row, Rejection):
            yield row._replace(sample=place)
        else:
            path, label, split = row.cells
            yield Line(place, path, label, split, folder=inside)


def problem_of(line: Line, *, with_splits: bool, user_dir: Path) -> tuple[str, str] | None:
    """Reason and detail of why the row cannot be used, or None."""
    plain = PurePosixPath(line.path)
    if not line.path or plain.is_absolute() or ".." in plain.parts:
        detail = f"the path {line.path!r} does not lie inside {user_dir}; write it relative to that folder"
        return "path out of the folder", detail
    for column, text in (("path", line.path), ("label", line.label)):
        if unusable(text):
            return f"unusable {column}", f"the {column} {text!r} holds {unusable(text)}; rename it"
    if not line.label:
        return "no label", f"{line.path} has no label, expected the name of its class"
    if with_splits and line.split not in SPLITS:
        return "unknown split", f"{line.path} has the split {line.split!r}, expected one of {', '.join(SPLITS)}"
    return None


def once(lines: list[Line], rejected: list[Rejection]) -> Listing:
    """Each file once. Where rows say different things about it, no row is better than the other."""
    by_path: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_path[line.path].append(line)
    entries = []
    for path, same in by_path.items():
        first, *others = same
        if all(line[2:4] == first[2:4] for line in others):
            entries.append(Entry(path, first.label, first.split or None))
            refused, reason, detail = others, "named twice", f"{path} stands already in {first.place}"
        else:
            said = ", ".join(f"{line.place} ({' '.join(line[2:4]).strip()})" for line in same)
            refused, reason, detail = same, "contradiction", f"{path} is not the same in {said}"
        rejected.extend(Rejection(line.place, reason, detail) for line in refused)
    return Listing(entries, rejected)
