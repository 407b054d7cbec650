"""Public files by name: from a mirror, from the cache, or from their address; verified wherever they come from.

Two environment variables: ENCDEC_MIRROR, a folder or an HTTP base address that stands in for every public address
(laid out <mirror>/<source>/<file>), and ENCDEC_CACHE, the folder of the cache (~/.cache/encdec where it is not set).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from encdec.progress import note
from encdec.sources import transfer
from encdec.sources.partial import Part, without_password, without_pieces
from encdec.sources.stream import RefusedError
from encdec.sources.unpacking import Digest, StorageError, WrongFileError, unpack

MIRROR_VARIABLE, CACHE_VARIABLE = "ENCDEC_MIRROR", "ENCDEC_CACHE"
DEFAULT_CACHE = "~/.cache/encdec"
LOCK_FILE = ".lock"
ROUNDS = 2  # a damaged download is done once more from its first byte
PACKED_MARGIN = 1.01  # what gzip cannot make smaller becomes a little longer


class DownloadError(ValueError):
    """A public file could not be had as it should be; the message names it and a way out."""


class PublicFile(NamedTuple):
    """`file`: its name in a mirror; decompressed it is called so without `.gz`. `url`: its public address.

    `max_bytes`: the most that it can have, decompressed. `advice`: a sentence for whoever has another file than the
    expected one, or nothing.
    """

    source: str
    file: str
    url: str
    digest: Digest
    max_bytes: int
    advice: str = ""

    @property
    def label(self) -> str:
        return f"{self.source}/{self.file}"

    @property
    def name(self) -> str:
        return self.file.removesuffix(".gz")

    def error(self, *, address: str, found: str) -> DownloadError:
        what = "packed bytes" if self.digest.packed else "decompressed bytes"
        way_out = (
            f"Where that address cannot be reached, put the file at <mirror>/{self.label} and set {MIRROR_VARIABLE} to "
            f"the mirror's folder or HTTP base address."
        )
        expected = f"expected a file whose {what} have {self.digest}"
        said = without_pieces(found, address)
        told = f"{self.label}: {without_password(address)}: {said}; {expected}. {way_out} {self.advice}"
        return DownloadError(told.rstrip())


def fetch(wanted: PublicFile, *, into: Path) -> Path:
    """Put a public file, decompressed, into an existing folder.

    Raises:
        DownloadError: it could not be had, or its digest is another one, or there is no room for it.
    """
    mirror = os.environ.get(MIRROR_VARIABLE, "")
    target = into / wanted.name
    try:
        if not mirror:
            from_address(wanted, wanted.url, target=target)
        elif mirror.lower().startswith(("http://", "https://")):
            from_address(wanted, f"{mirror.rstrip('/')}/{wanted.label}", target=target)
        elif "://" in mirror:
            found = f"{MIRROR_VARIABLE} is neither a folder nor the base of http:// or https:// addresses"
            raise wanted.error(address=mirror, found=found)
        else:
            from_folder(wanted, Path(mirror).expanduser(), target=target)
    except StorageError as error:
        way_out = f"see that it has room and may be written; {CACHE_VARIABLE} can name another folder for the cache"
        raise DownloadError(f"{wanted.label}: {error}: {way_out}") from error
    return target


def from_folder(wanted: PublicFile, mirror: Path, *, target: Path) -> None:
    path = mirror / wanted.source / wanted.file
    if not path.is_file():
        raise wanted.error(
            address=str(path), found=f"there is no such file ({MIRROR_VARIABLE} is {without_password(str(mirror))})"
        )
    if not os.access(path, os.R_OK):
        raise wanted.error(address=str(path), found="may not be read by this user")
    try:
        unpack(path, target, expected=wanted.digest, max_bytes=wanted.max_bytes)
    except WrongFileError as error:
        raise wanted.error(address=str(path), found=f"found {error}") from error


def from_address(wanted: PublicFile, address: str, *, target: Path) -> None:
    """By way of the cache, in which a process waits until another one has the same file."""
    with cache_folder(wanted) as folder:
        cached = folder / wanted.file
        if not from_cache(wanted, cached, target=target):
            download(wanted, address, cached=cached, target=target)


def from_cache(wanted: PublicFile, cached: Path, *, target: Path) -> bool:
    """Whether the file was there; a damaged one is removed."""
    if not cached.is_file():
        return False
    try:
        unpack(cached, target, expected=wanted.digest, max_bytes=wanted.max_bytes)
    except WrongFileError:
        cached.unlink()
        return False
    return True


def download(wanted: PublicFile, address: str, *, cached: Path, target: Path) -> None:
    part = Part(cached.with_name(f"{wanted.file}.part"))
    deadline = transfer.Deadline(transfer.LIMITS)
    max_bytes = int(wanted.max_bytes * PACKED_MARGIN) + 1024
    found = ""
    for _ in range(ROUNDS):
        try:
            transfer.transfer(address, part, label=wanted.label, max_bytes=max_bytes, deadline=deadline)
            unpack(part.path, target, expected=wanted.digest, max_bytes=wanted.max_bytes)
        except RefusedError as error:
            raise wanted.error(address=address, found=str(error)) from error
        except WrongFileError as error:
            found = f"found {error}"
            note(f"{wanted.label}: {found}, where {wanted.digest} was expected")
            part.drop()
        else:
            part.keep_as(cached)
            return
    raise wanted.error(address=address, found=f"{found}, {ROUNDS} times")


@contextmanager
def cache_folder(wanted: PublicFile) -> Iterator[Path]:
    """The place of one file, in which no other process works.

    Raises:
        DownloadError: the place cannot be written.
    """
    root = os.environ.get(CACHE_VARIABLE) or DEFAULT_CACHE
    try:
        folder = Path(root).expanduser() / wanted.source / wanted.digest.value
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOCK_FILE).touch()
    except (OSError, RuntimeError) as error:  # RuntimeError: this user has no home
        raise DownloadError(
            f"the cache {root} cannot be written ({error}): set {CACHE_VARIABLE} to a folder"
        ) from error
    lock = FileLock(folder / LOCK_FILE)
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        note(f"{wanted.label}: waiting for another process that fetches it")
        held = lock.acquire()
    with held:
        yield folder
