"""`source.json`: what a source says about itself, beside the manifest."""

from collections.abc import Mapping, Sequence
from hashlib import file_digest
from pathlib import Path

from encdec.outs import write_json

SOURCE_FILE = "source.json"
FILES_FOLDER = "files"


def write_image_source(
    out: Path,
    *,
    name: str,
    classes: Sequence[str],
    pixel_max: int,
    split: Mapping[str, float],
    licence: str,
    files: Mapping[str, str] | None = None,
) -> None:
    """Write `source.json` of images beside the files that are already there.

    Args:
        pixel_max: the stored value that means 1.0.
        split: the declared share of each split.
        files: what `digests` would give, where it is known already.
    """
    facts = {"classes": list(classes), "pixel_max": pixel_max, "split": dict(split), "licence": licence}
    known = digests(out / FILES_FOLDER) if files is None else dict(files)
    write_json(out / SOURCE_FILE, {"kind": "images", "name": name, "files": known, **facts})


def write_pair_source(out: Path, *, name: str, split: Mapping[str, float], licence: str) -> None:
    """Write `source.json` of text pairs beside the files that are already there.

    Args:
        split: the declared share of each split.
    """
    facts = {"split": dict(split), "licence": licence}
    write_json(out / SOURCE_FILE, {"kind": "pairs", "name": name, "files": digests(out / FILES_FOLDER), **facts})


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path inside it; nothing where there is no folder."""
    return {path.relative_to(folder).as_posix(): digest(path) for path in folder.rglob("*") if path.is_file()}


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
