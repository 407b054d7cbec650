"""Source `folder`: a user's own images, in a folder per class or named by an index file."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from encdec.params.data import SPLITS, Folder
from encdec.pixels import fit_pixels
from encdec.sources.columns import read_columns
from encdec.sources.decoding import SUFFIXES, decode_image
from encdec.sources.manifest import ImageSample, image_manifest, write_manifest
from encdec.sources.provenance import FILES_FOLDER, write_image_source

LICENCE = "the user's own data"
AT = "images.sources.folder"
PIXEL_MAX = 255
INDEX_SUFFIXES = (".csv", ".parquet")
DESKTOP_FILES = ("thumbs.db", "desktop.ini")


class Entry(NamedTuple):
    """An image file by its path inside the user's folder. `split`: the index's own, or None."""

    path: str
    label: str
    split: str | None


def ingest_folder(params: Folder, *, user_dir: Path, out: Path) -> None:
    """Copy and describe the images of `user_dir`: a folder per class, or the index and what it names.

    Raises:
        ValueError: there is no image, or a file is not what it should be.
    """
    entries = list(found(user_dir) if params.index is None else indexed(user_dir, params.index))
    if not entries:
        raise ValueError(
            f"{user_dir}: holds no image. Put yours into {user_dir}/<class>/ ({', '.join(SUFFIXES)}), or name in "
            f"{AT}.index a .csv or .parquet file there with the columns path and label"
        )
    files = out / FILES_FOLDER
    files.mkdir()
    if params.index is not None:
        (files / params.index).write_bytes((user_dir / params.index).read_bytes())
    shares = params.split.shares()
    manifest = image_manifest(read_and_copy(entries, user_dir=user_dir, files=files, shape=params.shape), shares=shares)
    write_manifest(out, manifest)
    if entries[0].split is not None:
        counts = manifest["split"].value_counts()
        shares = {split: int(counts[split]) / len(manifest) for split in SPLITS}
    classes = sorted({entry.label for entry in entries}) if params.classes is None else params.classes
    write_image_source(out, name="folder", classes=classes, pixel_max=PIXEL_MAX, split=shares, licence=LICENCE)


def read_and_copy(
    entries: Iterable[Entry], *, user_dir: Path, files: Path, shape: tuple[int, int, int]
) -> Iterator[ImageSample]:
    for entry in entries:
        try:
            data = (user_dir / entry.path).read_bytes()
        except OSError as error:
            raise ValueError(f"{user_dir / entry.path}: cannot be read: {error.strerror}") from error
        pixels = decode_image(data, name=str(user_dir / entry.path))
        kept = files / entry.path
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(data)
        # by what training will see: a copy in grey, in another size or format must not fall into another split
        seen = fit_pixels(pixels, shape).transpose(1, 2, 0)
        yield ImageSample(entry.path, entry.label, pixels, entry.split, seen)


def found(user_dir: Path) -> Iterator[Entry]:
    """Every image below a class's folder, sorted by path. The class is the first folder of the path.

    Raises:
        ValueError: a file is no image, lies in no class's folder, or a folder is a link.
    """
    for path in sorted(walk(user_dir)):
        at = user_dir / path
        if PurePosixPath(path).suffix.lower() not in SUFFIXES:
            hint = f"; if it lists the images, name it in {AT}.index" if at.suffix in INDEX_SUFFIXES else ""
            raise ValueError(f"{at}: is no image file ({', '.join(SUFFIXES)}); remove it{hint}")
        if "/" not in path:
            raise ValueError(f"{at}: lies in no class's folder: move it into {user_dir}/<class>/")
        yield Entry(path, path.split("/")[0], None)


def walk(user_dir: Path) -> Iterator[str]:
    """The path of each file inside the folder, without hidden ones and what a tool or a person puts beside data."""
    for folder, folders, names in os.walk(user_dir):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            if (Path(folder) / name).is_symlink():
                raise ValueError(f"{Path(folder) / name}: is a link to a folder, behind which DVC sees no change: copy")
        for name in names:
            lower = name.lower()
            if not lower.startswith((".", "readme")) and not lower.endswith(".dvc") and lower not in DESKTOP_FILES:
                yield (Path(folder) / name).relative_to(user_dir).as_posix()


def indexed(user_dir: Path, index: str) -> Iterator[Entry]:
    """Each row of the index, in its order.

    Raises:
        ValueError: the index is missing or malformed, or a row names no file inside the folder, a file named before,
            no label, or no known split.
    """
    file = user_dir / index
    if file.parent != user_dir or file.suffix.lower() not in INDEX_SUFFIXES or not file.is_file():
        raise ValueError(f"{AT}.index: {index}: expected the name of a .csv or .parquet file in {user_dir}")
    rows = read_columns(file, ["path", "label"], optional=["split"])
    splits = {split for _, (_, _, split) in rows}
    missing = [split for split in SPLITS if split not in splits]
    if splits - {""} and missing:
        raise ValueError(
            f"{file}: the column split has no row for {', '.join(missing)}; leave it out, or name all three"
        )
    seen: dict[str, str] = {}
    for place, (path, label, split) in rows:
        if seen.setdefault(inside(user_dir, path, place=place), place) != place:
            raise ValueError(f"{place}: {path} stands already in {seen[inside(user_dir, path, place=place)]}")
        if not label:
            raise ValueError(f"{place}: {path} has no label")
        if splits - {""} and split not in SPLITS:
            raise ValueError(f"{place}: {path} has the split {split!r}, expected one of {', '.join(SPLITS)}")
        yield Entry(inside(user_dir, path, place=place), label, split or None)


def inside(user_dir: Path, path: str, *, place: str) -> str:
    """The path in its plain form: without `.` and doubled slashes."""
    plain = PurePosixPath(path)
    at = user_dir / plain
    if not path or plain.is_absolute() or ".." in plain.parts or not at.resolve().is_relative_to(user_dir.resolve()):
        raise ValueError(f"{place}: the path {path!r} does not lie inside {user_dir}; write it relative to that folder")
    if not at.is_file():
        raise ValueError(f"{place}: {at}: there is no such file")
    return plain.as_posix()
