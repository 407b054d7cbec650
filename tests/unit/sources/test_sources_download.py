"""Downloads over a real server on localhost that fails in every way that a test asks for; nothing is mocked."""

import gzip
import os
import pty
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from encdec.sources import transfer
from encdec.sources.download import DownloadError, fetch

# Incompressible, so that the packed file is about as long, and longer than one block of a transfer.
CONTENT = b"".join(sha256(bytes([index % 256, index // 256])).digest() for index in range(20_000))
PACKED = gzip.compress(CONTENT, mtime=0)
DIGEST = sha256(CONTENT).hexdigest()
HALF = len(PACKED) // 2


@pytest.fixture
def served(server):
    server.files["/src/letters.gz"] = PACKED
    return server


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def part(cache: Path) -> Path:
    """Where a download that was broken off is kept."""
    folder = cache / "src" / DIGEST
    folder.mkdir(parents=True)
    return folder / "letters.gz.part"


def get(server, into: Path) -> Path:
    return fetch("src", "letters.gz", url=f"{server.address}/src/letters.gz", sha256=DIGEST, into=into)


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


def test_a_file_comes_decompressed_and_the_second_time_from_the_cache(served, into, cache):
    path = get(served, into)
    assert path == into / "letters"
    assert path.read_bytes() == CONTENT
    path.unlink()
    assert get(served, into).read_bytes() == CONTENT
    assert served.ranges == [None]
    assert files_below(cache) == ["letters"]
    assert files_below(into) == ["letters"]


@pytest.mark.parametrize(
    ("script", "ranges"),
    [
        (["half"], [None, f"bytes={HALF}-"]),  # resumed
        # half of what was left, then the rest
        (["half", "half"], [None, f"bytes={HALF}-", f"bytes={HALF + (len(PACKED) - HALF) // 2}-"]),
        (["half", "ignore range"], [None, f"bytes={HALF}-"]),  # the whole file came instead of the rest
        (["half", "wrong range"], [None, f"bytes={HALF}-", None]),
        (["503"], [None, None]),
        (["429", "500"], [None, None, None]),
        (["half", "503"], [None, f"bytes={HALF}-", f"bytes={HALF}-"]),
        (["corrupt"], [None, None]),
        (["half", "corrupt"], [None, f"bytes={HALF}-", None]),
        (["half unannounced"], [None, None]),  # only the digest tells
        (["encoded"], [None]),
    ],
    ids=lambda value: " then ".join(value) if value and value[0] else None,
)
def test_passing_trouble_is_overcome(served, into, cache, monkeypatch, script, ranges):
    monkeypatch.setattr(transfer, "FIRST_WAIT_S", 0.01)
    served.script.extend(script)
    assert get(served, into).read_bytes() == CONTENT
    assert served.ranges == ranges
    assert files_below(cache) == ["letters"]


def test_the_waits_between_tries_double(served, into, monkeypatch):
    waits = []
    monkeypatch.setattr(transfer, "sleep", waits.append)
    served.script.extend(["503"] * 3)
    get(served, into)
    assert waits == [0.5, 1.0, 2.0]


def test_a_download_that_another_process_broke_off_is_resumed(served, into, part):
    part.write_bytes(PACKED[:1000])
    assert get(served, into).read_bytes() == CONTENT
    assert served.ranges == ["bytes=1000-"]


@pytest.mark.parametrize(
    ("left", "ranges"),
    [
        (b"of another version", ["bytes=18-", None]),
        (PACKED + b"too long", [f"bytes={len(PACKED) + 8}-", None]),
        (PACKED, [f"bytes={len(PACKED)}-", None]),
    ],
)
def test_what_was_left_of_a_download_and_does_not_fit_is_dropped(served, into, part, left, ranges, monkeypatch):
    monkeypatch.setattr(transfer, "FIRST_WAIT_S", 0.01)
    part.write_bytes(left)
    assert get(served, into).read_bytes() == CONTENT
    assert served.ranges == ranges


def test_a_killed_download_is_resumed_and_its_lock_is_free(served, into, part):
    served.script.append("stall")
    killed = subprocess.Popen([sys.executable, "-c", fetching(served, into)])
    assert served.stalled.wait(20)
    while not part.exists() or part.stat().st_size == 0:
        assert killed.poll() is None
    killed.kill()
    killed.wait()
    left = part.stat().st_size
    assert 0 < left < len(PACKED)
    assert files_below(into) == []
    assert get(served, into).read_bytes() == CONTENT
    assert served.ranges == [None, f"bytes={left}-"]


def test_two_processes_at_once_download_once(served, tmp_path):
    served.script.extend(["slow"] * 2)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    processes = [subprocess.Popen([sys.executable, "-c", fetching(served, folder)]) for folder in folders]
    assert [process.wait(30) for process in processes] == [0, 0]
    assert [(folder / "letters").read_bytes() == CONTENT for folder in folders] == [True, True]
    assert served.ranges == [None]


def test_wrong_bytes_are_refused_and_nothing_of_them_stays(served, into, cache):
    wrong = gzip.compress(b"other", mtime=0)
    served.files["/src/letters.gz"] = wrong
    with pytest.raises(DownloadError) as caught:
        get(served, into)
    message = str(caught.value)
    assert f"{served.address}/src/letters.gz: found SHA-256 {sha256(b'other').hexdigest()}" in message
    assert f"expected a file whose decompressed bytes have SHA-256 {DIGEST}" in message
    assert "put the file at <mirror>/src/letters.gz and set ENCDEC_MIRROR" in message
    assert served.ranges == [None, None]
    assert files_below(cache) == files_below(into) == []


def test_a_missing_file_is_reported_at_once(served, into):
    served.files.clear()
    with pytest.raises(DownloadError, match=r"letters\.gz: answered 404 Not Found; expected"):
        get(served, into)
    assert served.ranges == [None]


def test_trouble_that_does_not_pass_is_reported_after_four_tries(served, into, monkeypatch):
    monkeypatch.setattr(transfer, "FIRST_WAIT_S", 0.01)
    served.script.extend(["503"] * 9)
    with pytest.raises(DownloadError, match=r"answered 503 Service Unavailable \(after 4 tries\)"):
        get(served, into)
    assert len(served.ranges) == 4


def test_no_server_at_all_is_reported_with_the_address(into, server, monkeypatch):
    monkeypatch.setattr(transfer, "FIRST_WAIT_S", 0.01)
    free = server.address
    server.http.server_close()
    with pytest.raises(DownloadError, match=rf"{free}/src/letters.gz: .*refused.*ENCDEC_MIRROR"):
        fetch("src", "letters.gz", url=f"{free}/src/letters.gz", sha256=DIGEST, into=into)


def test_a_damaged_file_in_the_cache_is_fetched_again(served, into, cache):
    get(served, into)
    (cache / "src" / DIGEST / "letters").write_bytes(CONTENT[:-1])
    assert get(served, into).read_bytes() == CONTENT
    assert served.ranges == [None, None]


def test_a_cache_that_cannot_be_made_is_named(served, into, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ENCDEC_CACHE", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match=r"the cache .* cannot be written .*: set ENCDEC_CACHE to a folder"):
        get(served, into)


def test_an_http_mirror_stands_in_for_the_address(served, into, monkeypatch):
    monkeypatch.setenv("ENCDEC_MIRROR", f"{served.address}/")
    path = fetch("src", "letters.gz", url="http://nowhere.invalid/letters.gz", sha256=DIGEST, into=into)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("stored", [PACKED, CONTENT], ids=["gzip", "decompressed by the server"])
def test_a_folder_stands_in_for_the_address(into, tmp_path, monkeypatch, stored):
    monkeypatch.setenv("ENCDEC_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror" / "src").mkdir(parents=True)
    (tmp_path / "mirror" / "src" / "letters.gz").write_bytes(stored)
    path = fetch("src", "letters.gz", url="http://nowhere.invalid/letters.gz", sha256=DIGEST, into=into)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (None, "there is no such file"),
        (PACKED[:-4], rf"found a broken gzip file of {len(PACKED) - 4} bytes"),
        (PACKED[: HALF - 1] + b"\0\0" + PACKED[HALF + 1 :], "found a broken gzip file"),
        (PACKED[:10] + b"\xff" * 100, "found a broken gzip file of 110 bytes .*invalid block type"),
        (CONTENT[:-1], f"found SHA-256 {sha256(CONTENT[:-1]).hexdigest()}"),
        (b"", f"found SHA-256 {sha256(b'').hexdigest()}"),
    ],
    ids=["missing", "cut off", "damaged", "nonsense", "short", "empty"],
)
def test_a_bad_file_in_a_mirror_is_refused(into, tmp_path, monkeypatch, stored, message):
    monkeypatch.setenv("ENCDEC_MIRROR", str(tmp_path))
    (tmp_path / "src").mkdir()
    if stored is not None:
        (tmp_path / "src" / "letters.gz").write_bytes(stored)
    with pytest.raises(DownloadError, match=message) as caught:
        fetch("src", "letters.gz", url="http://nowhere.invalid/letters.gz", sha256=DIGEST, into=into)
    assert str(tmp_path / "src" / "letters.gz") in str(caught.value)
    assert DIGEST in str(caught.value)
    assert files_below(into) == []


def test_a_terminal_sees_a_progress_bar_and_a_log_nothing(served, into):
    command = [sys.executable, "-c", fetching(served, into)]
    assert subprocess.run(command, capture_output=True, check=True).stderr == b""
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "ENCDEC_CACHE": str(into / "other cache")}
    subprocess.run(command, stderr=slave, check=True, env=environment)
    os.close(slave)
    assert "src/letters.gz" in os.read(master, 100_000).decode()
    os.close(master)


def fetching(server, into: Path) -> str:
    arguments = f"url={server.address + '/src/letters.gz'!r}, sha256={DIGEST!r}, into=Path({str(into)!r})"
    return (
        f"from pathlib import Path\nfrom encdec.sources.download import fetch\nfetch('src', 'letters.gz', {arguments})"
    )
