"""An HTTP answer, read in a thread of its own: however a server drips or hangs, the reader does not wait for ever.

The time limits of sockets are about one read each: a name server that is silent, or a header that comes byte by byte,
would hold a reader for hours.
"""

from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, Full, Queue
from re import sub
from threading import Event, Thread
from typing import NamedTuple, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError

from encdec.sources.partial import without_password

BLOCK_BYTES = 1 << 18
WAITING_BLOCKS = 8
MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SCHEMES = ("http", "https")
MAX_SHOWN = 200
Item = TypeVar("Item")


class RefusedError(ValueError):
    """The bytes cannot be had; the message says why."""


class BrokenError(Exception):
    """A try that failed, but another one may succeed; `retry_after_s`: how long the server asks to wait."""

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Answer(NamedTuple):
    """`status`: the number and the server's words, as in "404 Not Found"."""

    code: int
    status: str
    headers: Mapping[str, str]


class NoRedirects(requests.Session):
    """requests would read the whole body of a redirect, however long: `follow` goes on by itself."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class Stream:
    """Call `answer` once, then `block` until it is empty; leave the context to stop the thread."""

    def __init__(self, url: str, headers: Mapping[str, str], *, stall_s: float) -> None:
        self.stall_s = stall_s
        self.heads: Queue[Answer | Exception] = Queue()
        self.body: Queue[bytes | Exception] = Queue(maxsize=WAITING_BLOCKS)
        self.left = Event()
        self.thread = Thread(target=self.read, args=(url, headers), daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.left.set()

    def answer(self, *, within_s: float) -> Answer:
        """Status and headers.

        Raises:
            BrokenError: they do not come, or not in time.
            RefusedError: the address will never answer.
        """
        return taken(self.heads, min(within_s, self.stall_s))

    def block(self, *, within_s: float) -> bytes:
        """Some bytes of the body, as they came over the wire; none at its end.

        Raises:
            BrokenError: the body broke off, or nothing more of it came in time.
        """
        return taken(self.body, min(within_s, self.stall_s))

    def read(self, url: str, headers: Mapping[str, str]) -> None:
        try:
            with NoRedirects() as session, follow(session, url, headers, self.stall_s) as response:
                self.heads.put(Answer(response.status_code, status(response), response.headers))
                # read1 hands out what has come: to fill a block from a slow server could take for ever.
                while not self.left.is_set() and (block := response.raw.read1(BLOCK_BYTES, decode_content=False)):
                    self.give(block)
                self.give(b"")
        except RefusedError as error:
            self.fail(error)
        except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
            self.fail(BrokenError(cause(error)))
        except (requests.RequestException, ValueError) as error:  # the address is none, or that of the proxy is none
            self.fail(RefusedError(cause(error)))
        except OSError as error:
            self.fail(BrokenError(cause(error)))

    def fail(self, error: Exception) -> None:
        self.heads.put(error)
        self.give(error)

    def give(self, item: bytes | Exception) -> None:
        while not self.left.is_set():
            with suppress(Full):
                self.body.put(item, timeout=0.1)
                return


def taken(queue: "Queue[Item | Exception]", within_s: float) -> Item:
    if within_s <= 0:  # also where something lies ready: a server that sends and sends must not win
        raise BrokenError("no time is left")
    try:
        item = queue.get(timeout=within_s)
    except Empty:
        raise BrokenError(f"nothing came for {within_s:.3g} s") from None
    if isinstance(item, Exception):
        raise item
    return item


def follow(session: requests.Session, url: str, headers: Mapping[str, str], stall_s: float) -> requests.Response:
    """The answer of the address to which the redirects lead; its body is not read.

    Raises:
        RefusedError: a redirect to something other than HTTP, or too many of them.
    """
    # A transparently compressed answer could not be continued by byte ranges.
    headers = {"Accept-Encoding": "identity", **headers}
    for _ in range(MAX_REDIRECTS + 1):
        # The reader gives up first, and says so in its own words.
        response = session.get(url, headers=headers, stream=True, timeout=stall_s + 1)
        target = response.headers.get("Location")
        if response.status_code not in REDIRECTS or target is None:
            return response
        response.close()
        url = urljoin(url, target)
        if urlsplit(url).scheme not in SCHEMES:
            raise RefusedError(f"answered {status(response)} and leads to {printable(url)}, which is no HTTP address")
    raise RefusedError(f"leads on to another address more than {MAX_REDIRECTS} times")


def status(response: requests.Response) -> str:
    return f"{response.status_code} {printable(response.reason)}".strip()


def cause(error: Exception) -> str:
    """The innermost reason, without the address, which the caller names anyway."""
    inner = error.args[0] if error.args else None
    inner = inner if isinstance(inner, HTTPError) else error
    if isinstance(inner, MaxRetryError) and inner.reason is not None:
        inner = inner.reason
    elif isinstance(inner, ProtocolError):
        inner = inner.args[-1]
    return sub(r"^HTTPS?Connection\w*\(.*?\): ", "", printable(str(inner))) or type(error).__name__


def printable(text: str | None) -> str:
    """Words of a server or about it, on one line: no control characters, which rewrite terminals, and no password."""
    text = without_password(text or "")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= MAX_SHOWN else f"{line[: MAX_SHOWN - 3]}..."
