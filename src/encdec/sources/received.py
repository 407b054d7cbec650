"""New data that somebody names: a path, or an address that they are brought from; an archive is unpacked."""

from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from encdec.masking import masked
from encdec.sources.archive import SUFFIXES as ARCHIVES
from encdec.sources.archive import is_archive, unpack
from encdec.sources.columns import SUFFIXES as TABLES
from encdec.sources.member import ContentError
from encdec.sources.partial import Part
from encdec.sources.store import Address, bring
from encdec.sources.stream import RefusedError
from encdec.sources.transfer import LIMITS, Deadline, transfer

MAX_BYTES = 2**34
"""Of what is downloaded: 16 GiB."""
HTTP = ("http", "https")
BY_DVC = ("s3", "gs", "azure", "ssh", "remote")
"""What DVC brings, with its own credentials; `remote://NAME/path` lies in a remote of .dvc/config."""


def received(address: str, *, option: str, scratch: Path) -> Path:
    """The file or the folder that is meant.

    Args:
        address: a path, an http address of an archive or a table, or s3://.., gs://.., azure://.., ssh://.. or
            remote://NAME/.. of a file or a folder.
        option: of the command that was given it, for errors.
        scratch: an empty folder for what has to be brought or unpacked.

    Raises:
        ValueError: there is nothing, or it cannot be had.
        ContentError: it is no whole archive, has nothing in it, or a name that leads out of it.
    """
    scheme = urlsplit(address).scheme.lower() if "://" in address else ""
    if scheme in HTTP:
        path = download(address, scratch, option=option)
    elif scheme in BY_DVC:
        path = bring(Address(address, option), scratch / "brought")
    elif scheme:
        known = ", ".join(f"{each}://" for each in (*HTTP, *BY_DVC))
        raise ValueError(f"{option}: {masked(address)}: expected a path or an address that begins with one of {known}")
    else:
        path = Path(address).absolute()
    if not path.exists():
        raise ValueError(f"{option}: {path}: there is no such file or folder")
    return unpack(path, scratch / "unpacked") if is_archive(path) else path


def table_in(path: Path, *, option: str) -> Path:
    """The table itself, or the only one in a folder.

    Raises:
        ContentError: it is none, or there are several.
    """
    if path.is_file() and path.suffix.lower() in TABLES:
        return path
    tables = [each for each in sorted(path.glob("*")) if each.suffix.lower() in TABLES] if path.is_dir() else []
    if len(tables) != 1:
        told = f"{len(tables)} of them" if tables else "none"
        raise ContentError(f"{option}: {path}: expected one table ({', '.join(TABLES)}), found {told}")
    return tables[0]


def download(url: str, scratch: Path, *, option: str) -> Path:
    """A file of that address's own name, resumed and limited as every download."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    if not name.lower().endswith((*ARCHIVES, *TABLES)):
        raise ValueError(f"{option}: {masked(url)}: expected the address of {', '.join((*ARCHIVES, *TABLES))}")
    scratch.mkdir(parents=True, exist_ok=True)
    part = Part(scratch / f"{name}.part")
    try:
        transfer(url, part, label=name, max_bytes=MAX_BYTES, deadline=Deadline(LIMITS))
    except RefusedError as error:
        raise ValueError(f"{option}: {masked(url)}: {error}") from error
    part.keep_as(scratch / name)
    return scratch / name
