"""Public files by name: from a mirror, from the cache, or from their address; verified wherever they come from.

Two environment variables: ENCDEC_MIRROR, a folder or an HTTP base address that stands in for every public address
(laid out <mirror>/<source>/<file>), and ENCDEC_CACHE, the folder of the cache (~/.cache/encdec where it is not set).
"""

import os
from pathlib import Path
from shutil import copyfile
from typing import NamedTuple

from filelock import FileLock

from encdec.sources.provenance import digest
from encdec.sources.transfer import TransferError, transfer
from encdec.sources.unpacking import DigestError, unpack

MIRROR_VARIABLE, CACHE_VARIABLE = "ENCDEC_MIRROR", "ENCDEC_CACHE"
DEFAULT_CACHE = "~/.cache/encdec"
LOCK_FILE = ".lock"
ROUNDS = 2  # a resumed or damaged download is done once more from its first byte


class DownloadError(ValueError):
    """A public file could not be had as it should be; the message names it and a way out."""


class PublicFile(NamedTuple):
    """`sha256`: of the decompressed bytes."""

    source: str
    file: str
    url: str
    sha256: str

    @property
    def name(self) -> str:
        return self.file.removesuffix(".gz")

    def error(self, *, address: str, found: str) -> DownloadError:
        return DownloadError(
            f"{self.source}/{self.file}: {address}: {found}; expected a file whose decompressed bytes have SHA-256 "
            f"{self.sha256}. Where that address cannot be reached, put the file at <mirror>/{self.source}/{self.file} "
            f"and set {MIRROR_VARIABLE} to the mirror's folder or HTTP base address."
        )


def fetch(source: str, file: str, *, url: str, sha256: str, into: Path) -> Path:
    """Put a public file, decompressed, into an existing folder.

    Args:
        file: its name in a mirror; the result is named so without `.gz`.
        url: its public address.
        sha256: of the decompressed bytes.

    Raises:
        DownloadError: it could not be had, or its digest is another one.
    """
    wanted = PublicFile(source, file, url, sha256)
    mirror = os.environ.get(MIRROR_VARIABLE, "")
    if mirror and not mirror.startswith(("http://", "https://")):
        from_folder(wanted, Path(mirror).expanduser(), target=into / wanted.name)
    else:
        address = f"{mirror.rstrip('/')}/{source}/{file}" if mirror else url
        from_address(wanted, address, target=into / wanted.name)
    return into / wanted.name


def from_folder(wanted: PublicFile, mirror: Path, *, target: Path) -> None:
    path = mirror / wanted.source / wanted.file
    if not path.is_file():
        raise wanted.error(address=str(path), found=f"there is no such file ({MIRROR_VARIABLE} is {mirror})")
    try:
        unpack(path, target, expected=wanted.sha256)
    except DigestError as error:
        raise wanted.error(address=str(path), found=f"found {error}") from error


def from_address(wanted: PublicFile, address: str, *, target: Path) -> None:
    """By way of the cache, in which a process waits until another one has the same file."""
    try:
        folder = cache_folder() / wanted.source / wanted.sha256
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOCK_FILE).touch()
    except (OSError, RuntimeError) as error:  # RuntimeError: this user has no home
        raise DownloadError(
            f"the cache {os.environ.get(CACHE_VARIABLE) or DEFAULT_CACHE} cannot be written ({error}): "
            f"set {CACHE_VARIABLE} to a folder"
        ) from error
    with FileLock(folder / LOCK_FILE):
        cached = folder / wanted.name
        if not cached.is_file() or digest(cached) != wanted.sha256:
            download(wanted, address, cached=cached)
        partial = target.with_name(f".{target.name}.partial")
        copyfile(cached, partial)
        partial.replace(target)


def download(wanted: PublicFile, address: str, *, cached: Path) -> None:
    part = cached.with_name(f"{wanted.file}.part")
    found = ""
    for _ in range(ROUNDS):
        try:
            transfer(address, part, label=f"{wanted.source}/{wanted.file}")
        except TransferError as error:
            raise wanted.error(address=address, found=str(error)) from error
        try:
            return unpack(part, cached, expected=wanted.sha256)
        except DigestError as error:
            found = f"found {error}"
        finally:
            part.unlink(missing_ok=True)
    raise wanted.error(address=address, found=found)


def cache_folder() -> Path:
    return Path(os.environ.get(CACHE_VARIABLE) or DEFAULT_CACHE).expanduser()
