"""Source `table`: a user's own text pairs in one file."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

from encdec.params.data import Table
from encdec.sources.columns import SUFFIXES, read_columns
from encdec.sources.manifest import PairSample, pair_manifest, write_manifest
from encdec.sources.provenance import FILES_FOLDER, write_pair_source

LICENCE = "the user's own data"
AT = "pairs.sources.table"


def ingest_table(params: Table, *, user_dir: Path, out: Path) -> None:
    """Copy and describe the pairs of the user's file in `user_dir`.

    Raises:
        ValueError: the file is missing or is not what it should be.
    """
    path = locate(params, user_dir)
    shares = params.split.shares()
    write_manifest(out, pair_manifest(read_pairs(params, path), shares=shares))
    kept = out / FILES_FOLDER / params.file
    kept.parent.mkdir(parents=True)
    copyfile(path, kept)
    write_pair_source(out, name="table", split=shares, licence=LICENCE)


def locate(params: Table, user_dir: Path) -> Path:
    path = user_dir / params.file
    if not path.resolve().is_relative_to(user_dir.resolve()):
        raise ValueError(f"{AT}.file: {params.file} lies outside {user_dir}, where a change would not be seen")
    if not path.is_file():
        there = sorted(entry.name for entry in user_dir.glob("*") if not entry.name.startswith("."))
        raise ValueError(
            f"{path}: there is no such file; {user_dir} holds {', '.join(there) or 'no file'}. Put your file "
            f"({', '.join(SUFFIXES)}) there and its name into {AT}.file"
        )
    return path


def read_pairs(params: Table, path: Path) -> Iterator[PairSample]:
    """A sample per row, named by its number from 0; rows with the same source text form a group.

    Raises:
        ValueError: a column is missing, a row is malformed, or there is no row.
    """
    slices = [] if params.slice_column is None else [params.slice_column]
    rows = read_columns(path, [params.source_column, params.target_column, *slices])
    if not rows:
        raise ValueError(f"{path}: has no row below its header")
    for index, (_, (source, target, *slice_)) in enumerate(rows):
        yield PairSample(f"{index:08d}", source, "".join(slice_), source, target)
