"""The versions that are installed, and where they differ from the lock."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from types import MappingProxyType

MAIN_LIBRARIES = (
    "encdec",
    "torch",
    "pytorch-lightning",
    "optuna",
    "mlflow",
    "dvc",
    "great_expectations",
    "numpy",
    "pandas",
    "scikit-learn",
)
REQUIREMENT = re.compile(
    r"^(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;#]+)\s*(?:;(?P<marker>[^#]*))?"
)


def differences(lock: Path) -> list[str]:
    """A sentence for each package of the lock that is missing or has another version; local parts do not count.

    `torch 2.12.0 differs from 2.13.0`; 2.13.0+cpu is 2.13.0.

    Raises:
        ValueError: a line of the lock is no exact version.
    """
    installed = {normal(name): found for name, found in installed_versions().items()}
    sentences = []
    for name, locked in read_lock(lock).items():
        found = installed.get(normal(name))
        if found is None:
            sentences.append(f"{name} {locked} is not installed")
        elif public(found) != public(locked):
            sentences.append(f"{name} {found} differs from {locked}")
    return sentences


def read_lock(lock: Path) -> dict[str, str]:
    """Name and version of each line that holds on this platform."""
    from packaging.markers import Marker

    versions: dict[str, str] = {}
    for number, line in enumerate(lock.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith(("#", "--hash", "-")):
            continue
        match = REQUIREMENT.match(text)
        if match is None:
            raise ValueError(
                f"{lock}: line {number}: {text!r}: should be name==version: make the lock anew (make lock)"
            )
        marker = (match["marker"] or "").strip().rstrip("\\").strip()
        if not marker or Marker(marker).evaluate():
            versions[match["name"]] = match["version"]
    return versions


@cache
def installed_versions() -> Mapping[str, str]:
    """Of every package, by the name that it gives itself; each one's metadata is read once, as there are hundreds."""
    read = (found.metadata for found in distributions())
    return MappingProxyType({metadata["Name"]: metadata["Version"] for metadata in read})


def main_versions() -> Mapping[str, str]:
    """The versions of the libraries that decide about results."""
    versions = {}
    for name in MAIN_LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def public(text: str) -> str:
    return text.partition("+")[0]
