"""The digest of every file of a logged model, so that a file that was changed is found before it is used."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from encdec.outs import write_json

DIGEST_FILE = "digests.json"
CLOSED = ("code", "artifacts")
"""Folders in which no file may lie that was not logged; beside them MLflow puts notes of its own."""
BYTECODE = "__pycache__"


class ChangedModelError(ValueError):
    """A file of a logged model is not what it was when the model was logged."""


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_digests(package: Path) -> str:
    """Write digests.json, the SHA-256 of every other file of the folder, and return its own."""
    found = {
        file.relative_to(package).as_posix(): sha256_of(file)
        for file in sorted(package.rglob("*"))
        if file.is_file() and file.name != DIGEST_FILE and BYTECODE not in file.parts
    }
    write_json(package / DIGEST_FILE, found)
    return sha256_of(package / DIGEST_FILE)


def verify_digests(package: Path, *, expected: str | None = None) -> bool:
    """Whether the folder has digests; where it has, every file is what they say.

    Args:
        package: of a logged model.
        expected: the SHA-256 of digests.json from a place that who can change the files cannot; None: there is none.

    Raises:
        ChangedModelError: names the file, and says what to do.
    """
    path = package / DIGEST_FILE
    if not path.is_file():
        if expected is not None:
            raise changed(DIGEST_FILE, "is missing")
        return False
    if expected is not None and sha256_of(path) != expected:
        raise changed(DIGEST_FILE, "is not the one that was logged")
    digests = read_digests(path)
    for name, digest in digests.items():
        file = package / name
        if not file.is_file():
            raise changed(name, "is missing")
        if sha256_of(file) != digest:
            raise changed(name, "was changed since the model was logged (its SHA-256 is another)")
    for folder in CLOSED:
        for file in sorted((package / folder).rglob("*")):
            name = file.relative_to(package).as_posix()
            if file.is_file() and name not in digests and BYTECODE not in file.parts:
                raise changed(name, "was added since the model was logged")
    return True


def read_digests(path: Path) -> Mapping[str, str]:
    try:
        digests = json.loads(path.read_bytes())
    except ValueError as error:
        raise changed(DIGEST_FILE, f"is no JSON ({error})") from error
    if not isinstance(digests, dict) or not all(isinstance(digest, str) for digest in digests.values()):
        raise changed(DIGEST_FILE, "is no list of digests")
    return digests


def changed(name: str, what: str) -> ChangedModelError:
    return ChangedModelError(f"{name}: {what}: this model is not used. Log it again, or restore its files")
