"""What has come of a file so far, and from which version of it: only that version is ever continued."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from re import findall, split, sub
from typing import NamedTuple, Protocol

from encdec.sources.unpacking import StorageError

USER_INFO = r"(?i)(\b[a-z][a-z0-9+.-]+:/+|(?<![:/\w])//)([^'\"<>\n]*)@"
SHORTEST_PIECE = 4  # characters; a shorter one is a part of ordinary words
SECRET_KEYS = r"(?i)([?&;][^=&;#\s]*(?:pass|pwd|token|secret|key|sig|auth|credential)[^=&;#\s]*=)[^&;#\s]*"


class Origin(NamedTuple):
    """`validator`: what the server calls this version of the file (a strong ETag, else its date); "" for nothing.

    `total`: bytes of the whole file, None where the server does not say.
    """

    url: str
    validator: str
    total: int | None


def without_password(text: str) -> str:
    """A text without the names, passwords and secret parameters of the addresses in it; a password may hold / or @."""
    return sub(SECRET_KEYS, r"\1***", sub(USER_INFO, r"\1", text))


def without_pieces(text: str, address: str) -> str:
    """A text about an address without the parts of its password: a library shows those that it took for a host."""
    for account in findall(USER_INFO, address):
        for piece in split(r"[:/@]", account[1]):
            text = text.replace(piece, "***") if len(piece) >= SHORTEST_PIECE else text
    return without_password(text)


class Append(Protocol):
    def __call__(self, block: bytes, /) -> None: ...


class Part:
    """Two files: the bytes, and their origin beside them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.origin_path = path.with_name(f"{path.name}.json")

    @property
    def length(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def origin(self, url: str) -> Origin | None:
        """Where the bytes are from, if they can be continued from this address: else they must come anew."""
        try:
            found, validator, total = json.loads(self.origin_path.read_bytes())
        except (FileNotFoundError, ValueError, TypeError):
            return None
        same = found == without_password(url)
        return Origin(url, str(validator), total) if same and validator and self.length else None

    def begin(self, origin: Origin) -> None:
        """Drop what is there and write down what comes now."""
        self.drop()
        try:
            self.path.touch()
            self.origin_path.write_text(json.dumps(origin._replace(url=without_password(origin.url))))
        except OSError as error:
            raise self.unwritable(error) from error

    def drop(self) -> None:
        # The origin first: bytes without one are never continued.
        self.origin_path.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def keep_as(self, path: Path) -> None:
        self.origin_path.unlink(missing_ok=True)
        self.path.replace(path)

    @contextmanager
    def open(self) -> Iterator[Append]:
        """Yields a function that appends a block; each lies in the file before the next one comes.

        Raises:
            StorageError: the file cannot grow; then it is removed, for a full disk needs the room.
        """
        with self.path.open("ab") as file:

            def append(block: bytes) -> None:
                try:
                    file.write(block)
                    file.flush()
                except OSError as error:
                    self.drop()
                    raise self.unwritable(error) from error

            yield append

    def unwritable(self, error: OSError) -> StorageError:
        return StorageError(f"{error}, when {self.path} was written")
