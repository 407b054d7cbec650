"""Source `table`: a user's own text pairs in one file, and in those of later batches beside it."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from shutil import copyfile

from encdec.params.data import Table
from encdec.params.problems import shown
from encdec.sources.columns import SUFFIXES, read_rows
from encdec.sources.header import listed
from encdec.sources.manifest import PairSample, pair_manifest, write_manifest
from encdec.sources.provenance import FILES_FOLDER, write_pair_source
from encdec.sources.rejections import Rejection, hold_limit
from encdec.sources.window import BATCHES_FOLDER, batch_files, outside

LICENCE = "the user's own data"
LONGEST_NAME = 100
"""Characters of a file's name that every file system takes, however many bytes each has."""
AT = "pairs.sources.table"


def ingest_table(params: Table, *, user_dir: Path, out: Path) -> None:
    """Copy and describe the pairs of the user's file in `user_dir`, and of the batches in use.

    Raises:
        ValueError: a file is missing or is not what it should be.
    """
    path = locate(params, user_dir)
    shares = params.split.shares()
    batches = batches_in_use(params, user_dir)
    found = [*read_pairs(params, path), *(one for batch in batches for one in read_batch(params, batch))]
    samples = [one for one in found if isinstance(one, PairSample)]
    rejected = [one for one in found if isinstance(one, Rejection)]
    check_rows(path, samples, rejected)
    hold_limit(rejected, accepted=len(samples), what="rows", limit=params.max_rejected, key=f"{AT}.max_rejected")
    write_manifest(out, pair_manifest(samples, shares=shares), rejected=rejected)
    for file in (path, *batches):
        kept = out / FILES_FOLDER / file.relative_to(user_dir)
        kept.parent.mkdir(parents=True, exist_ok=True)
        copyfile(file, kept)
    write_pair_source(out, name="table", split=shares, licence=LICENCE)


def locate(params: Table, user_dir: Path) -> Path:
    plain, path = PurePosixPath(params.file), user_dir / params.file
    if plain.is_absolute() or ".." in plain.parts or max(map(len, plain.parts)) > LONGEST_NAME:
        raise ValueError(f"{AT}.file: {shown(params.file)}: write it relative to {user_dir}, without ..")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: is no regular file; put a copy of the table there")
    if not path.is_file():
        there = sorted(entry.name for entry in user_dir.glob("*") if not entry.name.startswith("."))
        raise ValueError(
            f"{path}: there is no such file; {user_dir} holds {listed(there) if there else 'no file'}. Put your file "
            f"({', '.join(SUFFIXES)}) there and its name into {AT}.file"
        )
    if not path.resolve().is_relative_to(user_dir.resolve()):
        raise ValueError(f"{AT}.file: {params.file} lies outside {user_dir}, where a change would not be seen")
    return path


def batches_in_use(params: Table, user_dir: Path) -> list[Path]:
    """The files of later batches, the oldest first.

    Raises:
        ValueError: one is a link out of the folder, where a change would not be seen.
    """
    files = [file for file in batch_files(user_dir, SUFFIXES) if file != user_dir / params.file]
    for file in files:
        if not file.resolve().is_relative_to(user_dir.resolve()):
            raise ValueError(f"{file}: is a link out of {user_dir}, where a change would not be seen: copy it")
    left_out = outside((file.name for file in files), newest=params.batches)
    return [file for file in files if file.name not in left_out]


def read_batch(params: Table, path: Path) -> Iterator[PairSample | Rejection]:
    """The rows of a batch, named by its place below the user's folder: the main file may have the same name."""
    for one in read_pairs(params, path):
        yield one._replace(sample=f"{BATCHES_FOLDER}/{one.sample}")


def read_pairs(params: Table, path: Path) -> Iterator[PairSample | Rejection]:
    """A sample per row, named by the file and its line, or why there is none; the same source texts form a group.

    Raises:
        ValueError: the file as a whole is not what it should be.
    """
    slices = [] if params.slice_column is None else [params.slice_column]
    wanted = [params.source_column, params.target_column, *slices]
    for row in read_rows(path, wanted):
        if isinstance(row, Rejection):
            yield row
            continue
        source, target, *slice_ = row.cells
        blank = [side for side, text in (("source", source), ("target", target)) if not text.strip()]
        if blank:
            names = " and ".join(wanted[("source", "target").index(side)] for side in blank)
            yield Rejection(row.place, f"blank {' and '.join(blank)}", f"{names} has no text, expected one")
        else:
            yield PairSample(row.place, source, "".join(slice_), source, target)


def check_rows(path: Path, samples: Sequence[PairSample], rejected: Sequence[Rejection]) -> None:
    """Refuse what leaves nothing to learn."""
    if not samples and not rejected:
        raise ValueError(f"{path}: has no row below its header, expected a row for each pair")
    if len(samples) > 1 and len({(sample.source, sample.target) for sample in samples}) == 1:
        raise ValueError(f"{path}: each of its {len(samples):,} rows is the same pair, expected different ones")
