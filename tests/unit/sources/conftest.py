"""A real HTTP server on localhost whose behaviour a test writes down request by request, and params.yaml as it is."""

import os
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest

from encdec.params.data import Images, Pairs
from encdec.params.loading import load_params
from encdec.params.root import Params

LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT"


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An asker who goes away is what many tests are about; anything else is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Server:
    """Serves `files` by path; `script` says how the next requests go wrong. An empty script: all goes well.

    A line of the script is a status code and what Retry-After says, or `to ADDRESS` (a redirect), or some words:
    - `half` and then an end, `reset` instead of an end, or `stall` (nothing more until the test ends), or `change`
      (from then on `changed` is served);
    - `silent` (no answer) or `header` (one that never ends); `pause` (half a second in the middle of the
      body), `hold` (there, until `released`), `drip` (a byte at a time);
    - `ignore` the range, a `wrong` range, a `few` bytes of it alone, `blind` (a range whatever If-Range says);
    - `weak` (a weak ETag alone), `dated` (Last-Modified alone), `nameless` (neither); `corrupt`; `unannounced` (no
      Content-Length), `short` or `huge` (a false one), `endless`; `chunked`; `encoded` (Content-Encoding: gzip).
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.changed = b""
        self.script: deque[str] = deque()
        self.ranges: list[str | None] = []
        self.times: list[float] = []
        self.encodings: list[str | None] = []
        self.authorizations: list[str | None] = []
        self.stalled, self.released = Event(), Event()
        self.http = QuietServer(("127.0.0.1", 0), handler(self))
        self.thread = Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"


def version_of(body: bytes) -> str:
    return f'"{sha256(body).hexdigest()[:8]}"'


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.ranges.append(self.headers["Range"])
            server.times.append(monotonic())
            server.encodings.append(self.headers["Accept-Encoding"])
            server.authorizations.append(self.headers["Authorization"])
            line = server.script.popleft() if server.script else "whole"
            words = line.split()
            body = server.files.get(self.path)
            if words[0].isdecimal() or body is None:
                self.refuse(int(words[0]) if words[0].isdecimal() else 404, retry_after=line.partition(" ")[2])
            elif words[0] == "to":
                self.send_response(302)
                self.send_header("Location", words[1])
                self.end_headers()
            elif words == ["silent"]:
                self.hang()
            elif words == ["header"]:
                self.drip(b"HTTP/1.1 200 OK\r\nX-Never-Ends: " + bytes(10_000))
            else:
                self.answer(words, body, self.start(words, body))

        def refuse(self, code: int, *, retry_after: str) -> None:
            self.send_response(code)
            if retry_after:
                self.send_header("Retry-After", retry_after)
            self.end_headers()

        def start(self, words: list[str], body: bytes) -> int:
            """The first byte that is asked for, if the asker has the same version."""
            unchanged = self.headers["If-Range"] in (None, version_of(body), LAST_MODIFIED)
            if "ignore" in words or not (unchanged or "blind" in words):
                return 0
            return int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))

        def answer(self, words: list[str], body: bytes, start: int) -> None:
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.end_headers()
                return
            part = body[start:]
            if "corrupt" in words:
                part = part[:-1] + bytes([part[-1] ^ 1])
            self.send_response(206 if start else 200)
            if start:
                part = part[:1000] if "few" in words else part
                first = start + ("wrong" in words)
                self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(body)}")
            self.describe(words, body, len(part))
            self.end_headers()
            self.send(words, part)

        def describe(self, words: list[str], body: bytes, length: int) -> None:
            if not {"dated", "nameless"} & {*words}:
                self.send_header("ETag", "W/" * ("weak" in words) + version_of(body))
            if not {"weak", "nameless"} & {*words}:
                self.send_header("Last-Modified", LAST_MODIFIED)
            if "encoded" in words:
                self.send_header("Content-Encoding", "gzip")
            if "chunked" in words:
                self.send_header("Transfer-Encoding", "chunked")
            elif not {"unannounced", "endless"} & {*words}:
                announced = length - 8 if "short" in words else 10**15 if "huge" in words else length
                self.send_header("Content-Length", str(announced))

        def send(self, words: list[str], part: bytes) -> None:
            if "drip" in words:
                self.drip(part)
                return
            while "endless" in words and not server.released.is_set():
                self.wfile.write(part)
            if "chunked" in words:
                part = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in (part[:7], part[7:], b""))
            if {"pause", "hold"} & {*words}:
                self.wfile.write(part[: len(part) // 2])
                part = part[len(part) // 2 :]
                self.hang() if "hold" in words else sleep(0.5)
            self.wfile.write(part[: len(part) // 2] if {"half", "stall", "reset"} & {*words} else part)
            self.wfile.flush()
            if "change" in words:
                server.files[self.path] = server.changed
            if "stall" in words:
                self.hang()
            if "reset" in words:
                # Closed without lingering: the other side sees a reset, not an end.
                self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
                os.close(self.connection.detach())

        def drip(self, text: bytes) -> None:
            for byte in text:
                if server.released.wait(0.02):
                    return
                self.wfile.write(bytes([byte]))
                self.wfile.flush()

        def hang(self) -> None:
            server.stalled.set()
            server.released.wait()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server()
    running.thread.start()
    yield running
    running.released.set()
    running.http.shutdown()
    running.http.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and no mirror, whatever the environment of the tests says."""
    monkeypatch.delenv("ENCDEC_MIRROR", raising=False)
    monkeypatch.setenv("ENCDEC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def params(root: Path) -> Params:
    return load_params(root / "params.yaml").params


@pytest.fixture
def images_of(params: Params) -> Callable[..., Images]:
    """The section `images` with one source selected and some of its values changed."""

    def select(source: str, **changed: object) -> Images:
        field = source.replace("-", "_")
        section = getattr(params.images.sources, field).model_copy(update=changed)
        sources = params.images.sources.model_copy(update={field: section})
        return params.images.model_copy(update={"source": source, "sources": sources})

    return select


@pytest.fixture
def pairs_of(params: Params) -> Callable[..., Pairs]:
    """The section `pairs` with one source selected and some of its values changed."""

    def select(source: str, **changed: object) -> Pairs:
        section = getattr(params.pairs.sources, source).model_copy(update=changed)
        sources = params.pairs.sources.model_copy(update={source: section})
        return params.pairs.model_copy(update={"source": source, "sources": sources})

    return select


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def user_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    return folder


@pytest.fixture
def said_by_an_ordinary_user() -> Callable[[str, Path], str]:
    """The last line of the error of some code about a `folder`, by somebody whom permissions hold.

    Root gives up its right to pass them by; the files stay its own, so that nothing else is in the way.
    """
    plain = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []

    def run(code: str, folder: Path) -> str:
        whole = f"import sys; from pathlib import Path; folder = Path(sys.argv[1]); {code}"
        done = subprocess.run(
            [*plain, sys.executable, "-c", whole, str(folder)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1, done.stderr
        return done.stderr.splitlines()[-1]

    return run
