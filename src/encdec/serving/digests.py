"""The digest of every file of a logged model, so that a file that was changed is found before it is used."""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from encdec.outs import write_json

DIGEST_FILE = "digests.json"
BYTECODE = "__pycache__"
LOGGED = re.compile(r"^model_id: m-", re.MULTILINE)
NOTES = ("registered_model_meta",)
"""MLflow writes them beside the files of a registered model where it loads them."""


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
        if file.is_file() and file.name != DIGEST_FILE and file.parent.name != BYTECODE
    }
    write_json(package / DIGEST_FILE, found)
    return sha256_of(package / DIGEST_FILE)


def verify_digests(package: Path, *, expected: str | None = None, running: bool = False) -> bool:
    """Whether the folder has digests; where it has, every file is what they say, and there is no other.

    Args:
        package: of a logged model.
        expected: the SHA-256 of digests.json from a place that who can change the files cannot; None: there is none.
        running: its code is being run, so Python may have written bytecode beside it, and who deploys it notes in the
            folder itself. Before that, bytecode is an added file like any other: Python would run it in place of the
            code.

    Raises:
        ChangedModelError: names the file, and says what to do.
    """
    path = package / DIGEST_FILE
    if not path.is_file():
        if expected is not None or (running and is_logged(package)):
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
    for file in sorted(package.rglob("*")):
        name = file.relative_to(package).as_posix()
        known = name in digests or name in (DIGEST_FILE, *NOTES)
        may_appear = running and (file.parent.name == BYTECODE or file.parent == package)
        if file.is_file() and not known and not may_appear:
            raise changed(name, "was added since the model was logged")
    return True


def is_logged(package: Path) -> bool:
    """Whether MLflow has given it an id, and not only this machine built it: then it has digests."""
    document = package / "MLmodel"
    return document.is_file() and LOGGED.search(document.read_text(encoding="utf-8")) is not None


def remove_bytecode(package: Path) -> None:
    """Of a copy that is not run yet: MLflow runs a model where it is stored, and Python leaves bytecode there."""
    for folder in sorted(package.rglob(BYTECODE)):
        if folder.is_dir():
            shutil.rmtree(folder)


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
