"""Public files over a real server on localhost, from mirrors and from the cache; nothing is mocked."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from hashlib import md5, sha256
from pathlib import Path

import pytest

from encdec.sources import download
from encdec.sources.download import DownloadError, PublicFile, fetch
from encdec.sources.unpacking import md5_of_file, sha256_of_content

# Incompressible, so that the packed file is about as long, and longer than one block of a transfer.
CONTENT = b"".join(sha256(bytes([index % 256, index // 256])).digest() for index in range(20_000))
PACKED = gzip.compress(CONTENT, mtime=0)
DIGEST = sha256(CONTENT).hexdigest()
MD5 = md5(PACKED).hexdigest()
NOWHERE = "http://nowhere.invalid/letters.gz"


@pytest.fixture
def served(server):
    server.files["/src/letters.gz"] = PACKED
    return server


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def letters(url: str = NOWHERE, *, digest=None, max_bytes: int = len(CONTENT), advice: str = "") -> PublicFile:
    return PublicFile("src", "letters.gz", url, digest or sha256_of_content(DIGEST), max_bytes, advice)


def get(server, into: Path, **changed) -> Path:
    return fetch(letters(f"{server.address}/src/letters.gz", **changed), into=into)


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


def fetching(server, into: Path) -> list[str | Path]:
    return [sys.executable, "-c", FETCH, f"{server.address}/src/letters.gz", into, Path(__file__).parent]


FETCH = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_sources_download import fetch, letters
fetch(letters(sys.argv[1]), into=Path(sys.argv[2]))
"""


def test_a_file_comes_decompressed_and_the_second_time_from_the_cache(served, into, cache):
    path = get(served, into)
    assert path == into / "letters"
    assert path.read_bytes() == CONTENT
    path.unlink()
    assert get(served, into).read_bytes() == CONTENT
    assert served.ranges == [None]
    assert files_below(cache) == ["letters.gz"]
    assert files_below(into) == ["letters"]


def test_a_damaged_file_in_the_cache_is_fetched_again(served, into, cache):
    get(served, into)
    (cached,) = cache.rglob("letters.gz")
    cached.write_bytes(PACKED[:-1])
    assert get(served, into).read_bytes() == CONTENT
    assert served.ranges == [None, None]
    assert cached.read_bytes() == PACKED


def test_another_expected_digest_is_another_file_in_the_cache(served, into):
    get(served, into)
    get(served, into, digest=md5_of_file(MD5))
    assert served.ranges == [None, None]


@pytest.mark.parametrize("script", [["corrupt"], ["half", "corrupt"], ["half unannounced"], ["short"]])
def test_a_damaged_download_is_done_once_more_from_its_first_byte(served, into, cache, script, capfd):
    served.script.extend(script)
    assert get(served, into).read_bytes() == CONTENT
    assert served.ranges[-1] is None
    assert len(served.ranges) == len(script) + 1
    assert files_below(cache) == ["letters.gz"]
    assert f"where SHA-256 {DIGEST} was expected" in capfd.readouterr().err


def test_a_splice_of_two_versions_that_no_header_tells_is_found_by_the_digest(served, into):
    """The second version is as long as the first one, and the server sends its rest without a word."""
    served.files["/src/letters.gz"], served.changed = PACKED[::-1], PACKED
    served.script.extend(["half change", "blind nameless"])
    assert get(served, into).read_bytes() == CONTENT
    assert served.ranges == [None, f"bytes={len(PACKED) // 2}-", None]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_download_is_resumed_and_its_lock_is_free(served, into, cache, how):
    served.script.append("stall")
    killed = subprocess.Popen(fetching(served, into), stderr=subprocess.DEVNULL)
    assert served.stalled.wait(20)
    part = wait_for(cache, "letters.gz.part", process=killed)
    killed.send_signal(how)
    assert killed.wait(20) == -how  # and not when the 30 s of a stall are over
    left = part.stat().st_size
    assert 0 < left < len(PACKED)
    assert files_below(into) == []
    assert get(served, into).read_bytes() == CONTENT
    assert served.ranges == [None, f"bytes={left}-"]
    assert files_below(cache) == ["letters.gz"]


def wait_for(folder: Path, name: str, *, process: subprocess.Popen) -> Path:
    """The file, when it has a first byte."""
    end = time.monotonic() + 20
    while not (found := [path for path in folder.rglob(name) if path.stat().st_size]):
        assert process.poll() is None
        assert time.monotonic() < end
    return found[0]


def test_two_processes_at_once_download_once_and_the_second_says_that_it_waits(served, tmp_path):
    served.script.append("hold")
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    first = subprocess.Popen(fetching(served, folders[0]))
    assert served.stalled.wait(60)
    second = subprocess.Popen(fetching(served, folders[1]), stderr=subprocess.PIPE, text=True)
    assert second.stderr.readline() == "src/letters.gz: waiting for another process that fetches it\n"
    served.released.set()
    assert second.communicate(timeout=60)[1] == ""
    assert [first.wait(60), second.returncode] == [0, 0]
    assert [(folder / "letters").read_bytes() == CONTENT for folder in folders] == [True, True]
    assert served.ranges == [None]


def test_wrong_bytes_are_refused_and_nothing_of_them_stays(served, into, cache):
    served.files["/src/letters.gz"] = gzip.compress(b"other", mtime=0)
    with pytest.raises(DownloadError) as caught:
        get(served, into)
    found = f"found decompressed bytes with SHA-256 {sha256(b'other').hexdigest()}, 2 times"
    assert str(caught.value) == (
        f"src/letters.gz: {served.address}/src/letters.gz: {found}; expected a file whose decompressed bytes have "
        f"SHA-256 {DIGEST}. Where that address cannot be reached, put the file at <mirror>/src/letters.gz and set "
        f"ENCDEC_MIRROR to the mirror's folder or HTTP base address."
    )
    assert served.ranges == [None, None]
    assert files_below(cache) == files_below(into) == []


def test_a_file_known_by_its_packed_bytes_must_be_those_bytes(served, into):
    md5_known = {"digest": md5_of_file(MD5), "advice": "State one."}
    assert get(served, into, **md5_known).read_bytes() == CONTENT
    again = gzip.compress(CONTENT, compresslevel=1, mtime=0)
    served.files["/src/other.gz"] = again
    wanted = letters(f"{served.address}/src/other.gz", **md5_known)._replace(file="other.gz")
    with pytest.raises(DownloadError) as caught:
        fetch(wanted, into=into)
    assert f"found a file of {len(again)} bytes with MD5 {md5(again).hexdigest()}, 2 times; expected a file whose " in (
        str(caught.value)
    )
    assert f"whose packed bytes have MD5 {MD5}. " in str(caught.value)
    assert str(caught.value).endswith("HTTP base address. State one.")
    assert files_below(into) == ["letters"]


@pytest.mark.parametrize("digest", [None, "md5"], ids=["known decompressed", "known packed"])
def test_a_small_file_that_unpacks_to_a_large_one_is_stopped(into, tmp_path, monkeypatch, digest):
    bomb = gzip.compress(bytes(10**8), mtime=0)  # 100 kB
    assert len(bomb) < len(CONTENT)
    mirror(tmp_path, monkeypatch, bomb)
    digest = md5_of_file(md5(bomb).hexdigest()) if digest else None
    written = WatchedFolder(into)
    with pytest.raises(DownloadError, match=rf"found more than {len(CONTENT)} decompressed bytes, which it cannot"):
        fetch(letters(digest=digest), into=into)
    assert files_below(into) == []
    assert written.free_bytes_lost() < 50 * 10**6


class WatchedFolder:
    def __init__(self, folder: Path) -> None:
        self.folder, self.free = folder, self.free_bytes(folder)

    @staticmethod
    def free_bytes(folder: Path) -> int:
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize

    def free_bytes_lost(self) -> int:
        return self.free - self.free_bytes(self.folder)


def mirror(folder: Path, monkeypatch: pytest.MonkeyPatch, stored: bytes | None) -> Path:
    monkeypatch.setenv("ENCDEC_MIRROR", str(folder / "mirror"))
    (folder / "mirror" / "src").mkdir(parents=True)
    path = folder / "mirror" / "src" / "letters.gz"
    if stored is not None:
        path.write_bytes(stored)
    return path


@pytest.mark.parametrize("stored", [PACKED, CONTENT], ids=["gzip", "decompressed by the server"])
def test_a_folder_stands_in_for_the_address(into, tmp_path, monkeypatch, stored):
    mirror(tmp_path, monkeypatch, stored)
    assert fetch(letters(), into=into).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (None, "there is no such file"),
        (PACKED[:-4], rf"found a broken gzip file of {len(PACKED) - 4} bytes"),
        (PACKED[:5000] + b"\0\0" + PACKED[5002:], "found a broken gzip file"),
        (PACKED[:10] + b"\xff" * 100, "found a broken gzip file of 110 bytes .*invalid block type"),
        (PACKED + b"more", "found a broken gzip file"),
        (CONTENT[:-1], f"found decompressed bytes with SHA-256 {sha256(CONTENT[:-1]).hexdigest()}"),
        (CONTENT + b".", f"found more than {len(CONTENT)} decompressed bytes"),
        (b"", f"found decompressed bytes with SHA-256 {sha256(b'').hexdigest()}"),
    ],
    ids=["missing", "cut off", "damaged", "nonsense", "with a tail", "short", "long", "empty"],
)
def test_a_bad_file_in_a_mirror_is_refused(into, tmp_path, monkeypatch, stored, message):
    path = mirror(tmp_path, monkeypatch, stored)
    with pytest.raises(DownloadError, match=message) as caught:
        fetch(letters(), into=into)
    assert str(path) in str(caught.value)
    assert DIGEST in str(caught.value)
    assert files_below(into) == []


def test_an_http_mirror_stands_in_for_the_address(served, into, monkeypatch):
    monkeypatch.setenv("ENCDEC_MIRROR", f"{served.address}/")
    assert fetch(letters(), into=into).read_bytes() == CONTENT


def test_a_mirror_that_is_neither_a_folder_nor_http_is_refused(into, monkeypatch):
    monkeypatch.setenv("ENCDEC_MIRROR", "s3://bucket/data")
    with pytest.raises(DownloadError, match="s3://bucket/data: ENCDEC_MIRROR is neither a folder nor the base of http"):
        fetch(letters(), into=into)


@pytest.mark.parametrize(
    "mirror",
    [
        "ftp://ann:s3cret-pw@host/x",  # of no use as a mirror
        "http://ann:s3cret-pw/y@127.0.0.1:1/x",  # a library takes the part before the / for host and port
        "//ann:s3cret-pw@host/x",  # taken for a folder
        "http:/ann:s3cret-pw@host/x",
    ],
)
def test_a_mirror_s_password_is_not_shown_where_its_address_is_of_no_use(into, cache, monkeypatch, mirror):
    monkeypatch.setenv("ENCDEC_MIRROR", mirror)
    with pytest.raises(DownloadError) as raised:
        fetch(letters(), into=into)
    assert "s3cret-pw" not in str(raised.value)


def test_a_password_in_the_mirror_s_address_is_used_but_never_shown(served, into, cache, monkeypatch, capfd):
    monkeypatch.setenv("ENCDEC_MIRROR", served.address.replace("//", "//me:secret@"))
    served.script.extend(["half", "404"])
    with pytest.raises(DownloadError, match=rf"{served.address}/src/letters\.gz: answered 404") as caught:
        fetch(letters(), into=into)
    assert "secret" not in str(caught.value) + "".join(capfd.readouterr())
    assert "secret" not in "".join(path.read_text() for path in cache.rglob("*.json"))
    assert served.authorizations == ["Basic bWU6c2VjcmV0"] * 2  # me:secret


def test_a_cache_that_cannot_be_made_is_named(served, into, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ENCDEC_CACHE", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match=r"the cache .* cannot be written .*: set ENCDEC_CACHE to a folder"):
        get(served, into)


FULL_DISK = """
set -e
mkdir -p "$1"; mount -t tmpfs -o size=$2 tmpfs "$1"
shift 2
set +e; "$@"; status=$?
find "$FULL" -type f -printf "%f\\n"
exit $status
"""


@pytest.mark.parametrize("full", ["cache", "files"])
def test_a_full_disk_is_named_and_nothing_stays_on_it(served, tmp_path, full):
    """A real one: a file system of 256 kB in a namespace of its own."""
    ways = (["unshare", "--user", "--map-root-user", "--mount"], ["sudo", "-n", "-E", "unshare", "--mount"])
    ways = [way for way in ways if shutil.which(way[0])]
    able = [way for way in ways if not subprocess.run([*way, "true"], capture_output=True, check=False).returncode]
    if not able and os.environ.get("CI"):
        pytest.fail("cannot run in CI: nobody may mount a file system of a known size here")
    if not able:
        pytest.skip("A FULL DISK WAS NOT TESTED: this machine lets nobody mount a file system of a known size")
    into = tmp_path / "files"
    into.mkdir()
    command = [*able[0], "bash", "-c", FULL_DISK, "-", tmp_path / full, "256k", *fetching(served, into)]
    environment = os.environ | {"FULL": str(tmp_path / full)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("encdec.sources.download.DownloadError: src/letters.gz: [Errno 28] No space left on device")
    assert str(tmp_path / full) in last
    assert last.endswith("may be written; ENCDEC_CACHE can name another folder for the cache")
    assert done.stdout.split() in ([], [".lock"])


def test_the_lock_is_left_when_a_download_fails(served, into):
    served.script.append("404")
    with pytest.raises(DownloadError, match="answered 404"):
        get(served, into)
    assert get(served, into).read_bytes() == CONTENT


def test_a_digest_is_compared_as_a_whole():
    """The one place where a slip would let anything pass."""
    digest = sha256_of_content(DIGEST)
    digest.check(iter([CONTENT[:7], CONTENT[7:]]), what="bytes with")
    for wrong in (b"", CONTENT[1:], CONTENT + b"\0"):
        with pytest.raises(download.WrongFileError, match=f"bytes with SHA-256 {sha256(wrong).hexdigest()}"):
            digest.check(iter([wrong]), what="bytes with")
