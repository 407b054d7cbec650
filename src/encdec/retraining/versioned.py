"""A user's own data that DVC tracks: brought where they are missing, and tracked again where they have changed."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from encdec.params.root import Kind
from encdec.retraining.dvc import run_dvc
from encdec.retraining.patch import tracked_below
from encdec.sources.image_tree import is_beside_data
from encdec.sources.window import BATCHES_FOLDER
from encdec.tracking.digests import dvc_digest, read_ignore
from encdec.tracking.git import git

SUFFIX = ".dvc"


def tracking_files(source: Path, kind: Kind) -> list[Path]:
    """The .dvc files of a kind of data, that of its whole folder among them."""
    return [*sorted(source.glob(f"{kind}{SUFFIX}")), *sorted((source / kind).rglob(f"*{SUFFIX}"))]


def bring_tracked(tree: Path, source: Path, kinds: Sequence[Kind], *, remote: bool) -> None:
    """Bring data whose .dvc file lies here, and they themselves do not: as in a fresh clone.

    Raises:
        ValueError: neither DVC's cache nor its remote has them.
    """
    missing = [
        str(file.relative_to(tree))
        for kind in kinds
        for file in tracking_files(source, kind)
        if not file.with_suffix("").exists()
    ]
    if missing:
        run_dvc(tree, "pull" if remote else "checkout", *missing, what=f"bring the data of {', '.join(missing)}")


def check_not_older(tree: Path, source: Path, kind: Kind) -> None:
    """For data that are other than dvc.lock has them.

    Raises:
        ValueError: they are those of an earlier commit: to train on them would take back what has come since.
    """
    for file in tracking_files(source, kind):
        data = file.with_suffix("")
        found = digests_in(file.read_text(encoding="utf-8"))
        digest = dvc_digest(data, ignore=read_ignore(tree)) if found and data.exists() else None
        history = git(tree, "log", "--format=", "-p", "--", str(file.relative_to(tree))) or ""
        if digest is not None and digest not in found and digest in digests_in(history):
            name = file.relative_to(tree).as_posix()
            raise ValueError(
                f"{data.relative_to(tree).as_posix()}: these are the data of an earlier commit, and {name} names later "
                f"ones: `dvc pull {name}` brings those, `dvc add {data.relative_to(tree).as_posix()}` says that the "
                "earlier ones are meant"
            )


def digests_in(text: str) -> list[str]:
    """Of a .dvc file, or of its history."""
    return re.findall(r"md5: ([0-9a-f]{32}(?:\.dir)?)", text)


def check_versioned(tree: Path, source: Path, kind: Kind) -> None:
    """Raises ValueError where nobody would have the new data once this machine is gone."""
    if not tracking_files(source, kind) and not tracked_below(tree, (source / kind).relative_to(tree).as_posix()):
        raise ValueError(
            f"--batch: neither DVC nor git tracks data/00_source/{kind}, so that the new data would be lost with this "
            f"machine: `dvc add data/00_source/{kind}` and commit the .dvc file (README, Your own data)"
        )


def track_again(tree: Path, source: Path, kind: Kind) -> None:
    """`dvc add` for what a .dvc file tracks, and for what lies beside such a file; nothing where DVC tracks nothing.

    Raises:
        ValueError: DVC refuses.
    """
    files = tracking_files(source, kind)
    if not files:
        return
    gone = [str(file.relative_to(tree)) for file in files if not file.with_suffix("").exists()]
    if gone:
        run_dvc(tree, "remove", *gone, what=f"forget {', '.join(gone)}, whose data were replaced")
    targets = sorted(
        {*(file.with_suffix("") for file in files if file.with_suffix("").exists()), *untracked(source, kind, files)}
    )
    if targets:
        run_dvc(tree, "add", *(str(each.relative_to(tree)) for each in targets), what="track the new data")


def untracked(source: Path, kind: Kind, files: Sequence[Path]) -> Iterator[Path]:
    """A new class, or the later batches of pairs, beside what is tracked."""
    folder = source / kind
    tracked = {file.with_suffix("") for file in files}
    if folder in tracked:
        return
    for entry in folder.iterdir():
        if not is_beside_data(entry.name) and not any(each == entry or each.is_relative_to(entry) for each in tracked):
            yield entry
    later = folder / BATCHES_FOLDER
    within = [each for each in tracked if each.is_relative_to(later) and each != later]
    if within:  # each file by itself
        yield from (each for each in later.iterdir() if not is_beside_data(each.name) and each not in tracked)
