"""The images of a folder that has a folder per class."""

import os
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from encdec.sources.decoding import SUFFIXES
from encdec.sources.entries import AT, Entry, Listing, refuse_all, unusable
from encdec.sources.rejections import Rejection

INDEX_SUFFIXES = (".csv", ".parquet")
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
DESKTOP_FILES = ("thumbs.db", "desktop.ini")


class Tree(NamedTuple):
    """`paths`: of files, inside the folder; `classes`: its own folders; `wrong`: sentences on what cannot be there."""

    paths: list[str]
    classes: list[str]
    wrong: list[str]


def list_tree(user_dir: Path) -> Listing:
    """Every image below a class's folder, sorted by path. The class is the first folder of the path.

    Raises:
        ValueError: names everything that does not belong: a file that is no image or lies in no class's folder, a
            class's folder without an image, a link to a folder, a folder that cannot be listed.
    """
    tree = walk(user_dir)
    entries, rejected = [], []
    for path in sorted(tree.paths):
        problem, control = misplaced(user_dir, path), unusable(path)
        if problem:
            tree.wrong.append(problem)
        elif control:
            rejected.append(Rejection(path, "unusable name", f"its name holds {control}; rename it"))
        else:
            entries.append(Entry(path, path.split("/")[0], None))
    filled = {path.split("/")[0] for path in tree.paths}
    for name in tree.classes:
        at = str(user_dir / name)
        if name not in filled and not any(told.startswith(at) for told in tree.wrong):
            tree.wrong.append(f"{at}: is a class's folder without an image; put some into it, or remove it")
    refuse_all(tree.wrong)
    return Listing(entries, rejected)


def walk(user_dir: Path) -> Tree:
    """All but hidden files and what a tool or a person puts beside data."""
    tree = Tree([], [], [])

    def tell(error: OSError) -> None:
        if Path(error.filename) != user_dir or not isinstance(error, FileNotFoundError):
            tree.wrong.append(f"{error.filename}: cannot be listed: {error.strerror}")

    for folder, folders, names in os.walk(user_dir, onerror=tell):
        at = Path(folder)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if at == user_dir:
            tree.classes.extend(folders)
        for name in folders:
            if (at / name).is_symlink():
                told = "is a link to a folder, behind which DVC sees no change; put a copy in its place"
                tree.wrong.append(f"{at / name}: {told}")
        inside = "" if at == user_dir else f"{at.relative_to(user_dir).as_posix()}/"
        tree.paths.extend(f"{inside}{name}" for name in names if not is_beside_data(name))
    return tree


def is_beside_data(name: str) -> bool:
    lower = name.lower()
    return lower.startswith((".", "readme")) or lower.endswith(".dvc") or lower in DESKTOP_FILES


def misplaced(user_dir: Path, path: str) -> str:
    """Why the file has no place in the folder, and what to do; "" where it has."""
    if path.lower().endswith(SUFFIXES) and "/" in path:
        return ""
    at, suffix = user_dir / path, PurePosixPath(path).suffix.lower()
    if suffix in ARCHIVE_SUFFIXES:
        return f"{at}: is an archive, which is not unpacked here: unpack it into {user_dir}/<class>/ and remove it"
    if suffix not in SUFFIXES:
        hint = f"; if it lists the images, name it in {AT}.index" if suffix in INDEX_SUFFIXES else ""
        return f"{at}: is no image file ({', '.join(SUFFIXES)}); remove it{hint}"
    if "/" not in path:
        return f"{at}: lies in no class's folder: move it into {user_dir}/<class>/"
    return ""
