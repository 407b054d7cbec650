"""A batch of new data: where it comes from, what it is called, and where each of its files will lie."""

import filecmp
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from encdec.params.data import Folder, Images, Pairs, Table
from encdec.params.root import Kind, Params
from encdec.sources.archive import SUFFIXES as ARCHIVES
from encdec.sources.image_tree import is_beside_data
from encdec.sources.member import ContentError
from encdec.sources.received import received, table_in
from encdec.sources.window import BATCHES_FOLDER
from encdec.tracking.digests import dvc_digest

Mode = Literal["append", "replace"]
DIGEST_CHARACTERS = 8


class Batch(NamedTuple):
    """`path`: a folder of images, or a table. `name`: batch-<UTC time>-<digest>. `targets`: see `targets_of`.

    `there`: whether every one of its files lies in its place already.
    """

    kind: Kind
    mode: Mode
    path: Path
    digest: str
    name: str
    targets: dict[str, Path]
    there: bool


def check_source(params: Params, kind: Kind) -> None:
    """Raises ValueError unless the source is one that takes new data."""
    own: dict[Kind, str] = {"images": "folder", "pairs": "table"}
    if not params.kind_enabled(kind):
        raise ValueError(f"--kind {kind}: params.yaml: {kind}.enabled is false: switch it on first")
    if params.source_name(kind) != own[kind]:
        raise ValueError(
            f"--batch: params.yaml: {kind}.source is {params.source_name(kind)}, which is what it is and takes no new "
            f"data: put yours into data/00_source/{kind} and set {kind}.source to {own[kind]} (docs/data.md)"
        )


def fetch(address: str, *, kind: Kind, scratch: Path) -> Path:
    """The folder or the table that is meant.

    Raises:
        ValueError: there is nothing, or it cannot be had.
        ContentError: it is damaged, or nothing of that kind.
    """
    path = received(address, option="--batch", scratch=scratch)
    if kind == "images" and not path.is_dir():
        raise ContentError(f"--batch: {path}: expected a folder of images, or one as {', '.join(ARCHIVES)}")
    return path if kind == "images" else table_in(path, option="--batch")


def read_batch(params: Params, path: Path, *, kind: Kind, mode: Mode, user_dir: Path, now: datetime) -> Batch:
    """What a batch is called and where it will lie.

    One of the same digest keeps the name that it got when it was first added.

    Raises:
        ContentError: it has a link in it, or does not fit to the table that it is to replace.
    """
    section: Images | Pairs = params.images if kind == "images" else params.pairs
    digest = dvc_digest(path)
    short = digest[:DIGEST_CHARACTERS]
    name = known_name(user_dir, short) or f"batch-{now:%Y%m%dT%H%M%SZ}-{short}"
    targets = targets_of(section.selected, path, mode=mode, name=name)
    present = all(is_same(user_dir / target, file) for target, file in targets.items())
    if mode == "replace" and present:
        present = {each.relative_to(user_dir).as_posix() for each in own_files(user_dir)} == set(targets)
    return Batch(kind, mode, path, digest, name, targets, present)


def known_name(user_dir: Path, short: str) -> str | None:
    """The name under which a batch of that digest was added."""
    found = sorted([*user_dir.glob(f"*/batch-*-{short}"), *user_dir.glob(f"{BATCHES_FOLDER}/batch-*-{short}.*")])
    return found[0].name.partition(".")[0] if found else None


def targets_of(section: object, path: Path, *, mode: Mode, name: str) -> dict[str, Path]:
    """The files of a batch by the place below the user's folder that each is to have."""
    match section:
        case Folder(index=None):
            files = {each.relative_to(path): each for each in own_files(path)}
            if mode == "replace":
                return {place.as_posix(): each for place, each in files.items()}
            inside = {place: Path(place.parts[0], name, *place.parts[1:]) for place in files if len(place.parts) > 1}
            # what lies in no class's folder is told by the validation, where the batch is looked at by itself
            return {target.as_posix(): files[place] for place, target in inside.items()}
        case Folder():
            start = Path() if mode == "replace" else Path(BATCHES_FOLDER, name)
            return {(start / each.relative_to(path)).as_posix(): each for each in own_files(path)}
        case Table(file=main):
            if mode == "append":
                return {f"{BATCHES_FOLDER}/{name}{path.suffix.lower()}": path}
            if Path(main).suffix.lower() != path.suffix.lower():
                raise ContentError(f"--batch: {path}: is to replace {main}: save it as {Path(main).suffix}")
            return {main: path}
    raise ValueError("this source takes no new data")


def own_files(folder: Path) -> Iterator[Path]:
    """All files that are data, and not what a tool or a person puts beside them.

    Raises:
        ContentError: one is a link: what it leads to would not be versioned.
    """
    for each in sorted(folder.rglob("*")):
        inside = each.relative_to(folder).parts
        if any(part.startswith(".") for part in inside) or is_beside_data(each.name):
            continue
        if each.is_symlink():
            raise ContentError(f"{each}: is a link: put the file itself there")
        if each.is_file():
            yield each


def is_same(here: Path, file: Path) -> bool:
    return here.is_file() and filecmp.cmp(here, file, shallow=False)
