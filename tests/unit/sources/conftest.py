"""A real HTTP server on localhost whose behaviour a test writes down request by request, and params.yaml as it is."""

from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from time import sleep

import pytest

from encdec.params.data import Images, Pairs
from encdec.params.loading import load_params
from encdec.params.root import Params


class Server:
    """Serves `files` by path; `script` says how the next requests go wrong. An empty script: all goes well.

    Behaviours: `whole`; `half` (cut off in the middle); `half unannounced` (the same without Content-Length); `stall`
    (half, then nothing until the test ends); `slow`; `ignore range`; `wrong range`; `encoded` (Content-Encoding:
    gzip); `corrupt`; or a status code.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.script: deque[str] = deque()
        self.ranges: list[str | None] = []
        self.stalled, self.released = Event(), Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.http.daemon_threads = True
        self.thread = Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.ranges.append(self.headers["Range"])
            behaviour = server.script.popleft() if server.script else "whole"
            body = server.files.get(self.path)
            if behaviour.isdecimal() or body is None:
                self.send_error(int(behaviour) if behaviour.isdecimal() else 404)
                return
            start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
            start = 0 if behaviour == "ignore range" else start
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.end_headers()
                return
            self.answer(behaviour, body, start)

        def answer(self, behaviour: str, body: bytes, start: int) -> None:
            part = body[start:]
            if behaviour == "corrupt":
                part = part[:-1] + bytes([part[-1] ^ 1])
            self.send_response(206 if start else 200)
            if start:
                first = start + (behaviour == "wrong range")
                self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
            if behaviour == "encoded":
                self.send_header("Content-Encoding", "gzip")
            if behaviour != "half unannounced":
                self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            if behaviour == "slow":
                sleep(0.5)
            sent = part[: len(part) // 2] if behaviour.startswith("half") or behaviour == "stall" else part
            self.wfile.write(sent)
            self.wfile.flush()
            if behaviour == "stall":
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
        section = getattr(params.images.sources, source).model_copy(update=changed)
        sources = params.images.sources.model_copy(update={source: section})
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
