"""A file or a folder in a store that DVC knows, brought file by file into a folder, never out of it, within limits."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from encdec.masking import masked
from encdec.progress import progress
from encdec.remedies import FULL, named
from encdec.sources.member import MAX_BYTES, MAX_FILES, ContentError, leads_out

if TYPE_CHECKING:
    from dvc.fs import FileSystem

NO_NAME = ("", ".", "..")


class Address(NamedTuple):
    """`url`: as it was given. `option`: of the command that was given it, for errors."""

    url: str
    option: str

    def __str__(self) -> str:
        return f"{self.option}: {masked(self.url)}"


class Stored(NamedTuple):
    """A file: its path in the store, its name below the folder that is asked for (none: it is that), its bytes."""

    path: str
    key: str
    size: int
    link: bool = False


def bring(address: Address, into: Path) -> Path:
    """By DVC's file systems, which know the credentials of its remotes and the drivers of the extras.

    DVC's own download is of no use: it joins the keys of a bucket to the folder as they are, also those with `..`.

    Args:
        into: a folder that is not there yet.

    Returns:
        The file or the folder, with its own name.

    Raises:
        ValueError: it cannot be had.
        ContentError: it can, but has nothing or too much in it, a link, or a name that leads out of it.
    """
    with asked(address, into):
        from dvc.config import Config
        from dvc.fs import parse_external_url

        store, start = parse_external_url(address.url, config=Config.from_cwd())
        found = listed(store, start)
    name = PurePosixPath(unquote(urlsplit(address.url).path)).name
    target = into / ("batch" if name in NO_NAME or leads_out(name) else name)
    check(found, address)
    fetch(store, {each: target / each.key for each in found}, address, into)
    return target


def listed(store: "FileSystem", start: str) -> Sequence[Stored]:
    """All files; an object whose name ends with a slash is none, but stands for a folder."""
    about = store.info(start)
    if about["type"] != "directory":
        return [Stored(start, "", about["size"] or 0, is_link(about))]
    if store.protocol == "local":  # the only one whose `find` tells no more than names
        inside = [each for each in sorted(Path(start).rglob("*")) if each.is_symlink() or each.is_file()]
        keys = [each.relative_to(start).as_posix() for each in inside]
        return [
            Stored(str(each), key, each.lstat().st_size, each.is_symlink())
            for each, key in zip(inside, keys, strict=True)
        ]
    folder = f"{start.rstrip('/')}/"
    return [
        Stored(path, key_of(path, folder), entry.get("size") or 0, is_link(entry))
        for path, entry in store.fs.find(start, detail=True).items()
        if entry["type"] != "directory" and not path.endswith("/")
    ]


def key_of(path: str, folder: str) -> str:
    return path.removeprefix(folder) if path.startswith(folder) else f"/{path}"


def is_link(entry: dict[str, object]) -> bool:
    return entry["type"] == "link" or bool(entry.get("islink"))


def check(found: Sequence[Stored], address: Address) -> None:
    """Before anything is brought."""
    if not found:
        raise ContentError(f"{address}: there is no file in it")
    if len(found) > MAX_FILES or sum(each.size for each in found) > MAX_BYTES:
        raise ContentError(f"{address}: holds more than {MAX_FILES:,} files or {MAX_BYTES:,} bytes")
    folders: set[PurePosixPath] = set()
    for each in found:
        if leads_out(each.key):
            raise ContentError(f"{address}: {each.path!r} leads out of the folder")
        if each.link:
            raise ContentError(f"{address}: {each.key!r} is a link: put the file itself there")
        folders.update(PurePosixPath(each.key).parents)
    taken: set[PurePosixPath] = set()
    for each in found:
        place = PurePosixPath(each.key)
        if each.key and (place in folders or place in taken):
            raise ContentError(f"{address}: another file or folder in it has the name of {each.key!r}")
        taken.add(place)


def fetch(store: "FileSystem", places: dict[Stored, Path], address: Address, into: Path) -> None:
    """Several at a time, as DVC does: a bucket answers a question slowly, and many at once."""
    from fsspec.callbacks import Callback

    total, lock = sum(each.size for each in places), Lock()
    with progress(f"bringing {masked(address.url)}", total=total, unit="bytes") as meter:

        def get(each: Stored) -> None:
            place, done = places[each], 0

            def tell(size: int | None, value: int) -> None:
                nonlocal done
                with lock:
                    meter.advance(value - done)
                done = value

            if not place.resolve().is_relative_to(into.resolve()):
                raise ContentError(f"{address}: {each.key!r} leads out of the folder")
            place.parent.mkdir(parents=True, exist_ok=True)
            with asked(address, place):
                store.get_file(each.path, str(place), callback=Callback(hooks={"meter": tell}))
            tell(None, place.stat().st_size)

        with ThreadPoolExecutor(store.jobs) as pool:
            for _ in pool.map(get, places) if len(places) > 1 else map(get, places):  # Ctrl-C ends a single one at once
                pass


@contextmanager
def asked(address: Address, place: Path) -> Iterator[None]:
    """Whatever goes wrong in a store is a sentence: each library has errors of its own, with no class above them."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise named(error, place) from error
        what = "there is no such file or folder" if isinstance(error, FileNotFoundError) else type(error).__name__
        raise ValueError(f"{address}: DVC could not bring it: {what}: {masked(str(error))}") from error
