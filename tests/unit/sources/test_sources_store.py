"""What comes out of a store lands in its folder: from a real S3 server with awkward keys, and from a local remote."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from ports import free_port

from encdec.sources import store
from encdec.sources.member import ContentError, leads_out
from encdec.sources.received import received

PATIENCE_SECONDS = 60
KEYS = {"AWS_ACCESS_KEY_ID": "access-of-a-test", "AWS_SECRET_ACCESS_KEY": "secret-of-a-test"}
Put = Callable[[dict[str, bytes]], str]


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of the server."""
    url = f"http://127.0.0.1:{free_port()}"
    moto = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", url.rpartition(":")[2]]
    with (tmp_path_factory.mktemp("s3") / "log").open("wb") as log:
        server = subprocess.Popen(moto, stdout=log, stderr=log)
    client = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    try:
        wait_for(client)
        yield client
    finally:
        server.terminate()
        server.wait(20)


def wait_for(client: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            client.list_buckets()
        except BotoCoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a local remote `share` and this folder as the working directory."""
    (tmp_path / "project" / ".dvc").mkdir(parents=True)
    (tmp_path / "share").mkdir()
    remote_of(tmp_path / "project", "share", f"url = {tmp_path / 'share'}")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def remote_of(project: Path, name: str, *lines: str) -> None:
    with (project / ".dvc" / "config").open("a") as file:
        file.write("\n".join([f"['remote \"{name}\"']", *lines, ""]))


@pytest.fixture
def put(s3: Any, project: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts objects into a new bucket, which is the remote `inc` then."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    def objects(bodies: dict[str, bytes]) -> str:
        bucket = f"test-{token_hex(8)}"
        s3.create_bucket(Bucket=bucket)
        for key, body in bodies.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        remote_of(project, "inc", f"url = s3://{bucket}", f"endpointurl = {s3.meta.endpoint_url}")
        return bucket

    return objects


def brought(url: str, tmp_path: Path) -> Path:
    return received(url, option="--batch", scratch=tmp_path / "work" / "scratch")


def files(folder: Path) -> dict[str, bytes]:
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize("name", ["../x", "a/../../x", "..", "/etc/x", "a\\..\\x", "C:x", "C:/x", "a\0b"])
def test_names_that_may_lead_out(name: str) -> None:
    assert leads_out(name)


@pytest.mark.parametrize("name", ["x", "./a/x", "a//x", "..x", "a/..x/y", "...", "é: 1.png"])
def test_names_that_do_not(name: str) -> None:
    assert not leads_out(name)


@pytest.mark.parametrize("key", ["may/../../X", "may/cat/../../../X", "may//X", "may/..\\X", "may/C:X"])
def test_no_key_of_a_bucket_is_written_outside_of_the_folder(put: Put, tmp_path: Path, key: str) -> None:
    put({"may/cat/1.png": b"one", key: b"owned"})
    before = files(tmp_path)
    with pytest.raises(ContentError, match=r"--batch: remote://inc/may: 'test-.*X' leads out of the folder"):
        brought("remote://inc/may", tmp_path)
    assert files(tmp_path) == before  # not even what could have been brought


def test_an_address_that_ends_in_dots_names_no_folder(put: Put, tmp_path: Path) -> None:
    put({"a/../1.png": b"one"})
    before = files(tmp_path)
    path = brought("remote://inc/a/..", tmp_path)
    assert path == tmp_path / "work" / "scratch" / "brought" / "batch"
    assert files(tmp_path) == {**before, (path / "1.png").relative_to(tmp_path).as_posix(): b"one"}


@pytest.mark.parametrize("url", ["remote://inc/in/may", "remote://inc/in/may/"])
def test_a_folder_is_brought_whole_with_what_stands_for_folders(put: Put, tmp_path: Path, url: str) -> None:
    inside = {f"{label}/{number}.png": f"{label}{number}".encode() for label in "ab" for number in range(20)}
    markers = {"in/may/": b"", "in/may/a/": b"", "in/may/empty/": b""}
    put({**{f"in/may/{key}": body for key, body in inside.items()}, **markers, "in/maybe/x": b"", "in/may.tsv": b""})
    path = brought(url, tmp_path)
    assert path.name == "may"
    assert files(path) == inside


def test_a_single_file_and_an_archive_are_brought(put: Put, tmp_path: Path) -> None:
    (tmp_path / "packed" / "cat").mkdir(parents=True)
    (tmp_path / "packed" / "cat" / "1.png").write_bytes(b"one")
    archive = Path(shutil.make_archive(str(tmp_path / "may"), "zip", tmp_path / "packed"))
    large = bytes(range(256)) * 2**12
    put({"in/a b.tsv": large, "may.zip": archive.read_bytes()})
    path = brought("remote://inc/in/a b.tsv", tmp_path)
    assert (path.name, path.read_bytes()) == ("a b.tsv", large)
    assert files(brought("remote://inc/may.zip", tmp_path)) == {"cat/1.png": b"one"}


def test_an_object_beside_a_folder_of_its_name_is_told(put: Put, tmp_path: Path) -> None:
    put({"may/cat": b"file", "may/cat/1.png": b"one"})
    with pytest.raises(ContentError, match="another file or folder in it has the name of 'cat'"):
        brought("remote://inc/may", tmp_path)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("second", ["may/./1", "may/a//../1", "may/.//1"])
def test_two_keys_of_one_place_are_told(put: Put, tmp_path: Path, second: str) -> None:
    put({"may/1": b"one", second: b"two"})
    with pytest.raises(ContentError, match=r"has the name of|leads out"):
        brought("remote://inc/may", tmp_path)


@pytest.mark.parametrize("limit", [{"MAX_FILES": 1}, {"MAX_BYTES": 5}])
def test_too_much_is_not_brought(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict[str, int]
) -> None:
    put({"may/1": b"one", "may/2": b"two"})
    for name, value in limit.items():
        monkeypatch.setattr(store, name, value)
    with pytest.raises(ContentError, match="holds more than"):
        brought("remote://inc/may", tmp_path)
    assert not (tmp_path / "work").exists()


def test_a_folder_with_nothing_but_its_own_name_is_told(put: Put, tmp_path: Path) -> None:
    put({"may/": b""})
    with pytest.raises(ContentError, match="there is no file in it"):
        brought("remote://inc/may", tmp_path)


def test_what_cannot_be_had_is_a_sentence_and_no_fault_of_the_data(
    put: Put, s3: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put({"may/1": b"one"})
    endpoint = f"endpointurl = {s3.meta.endpoint_url}"
    remote_of(project, "nowhere", "url = s3://no-such-bucket", endpoint)
    remote_of(project, "dead", "url = s3://inc", f"endpointurl = http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    expect(tmp_path, "remote://inc/june", "there is no such file or folder")
    expect(tmp_path, "remote://nowhere/may", "The specified bucket does not exist")
    expect(tmp_path, "remote://unknown/may", "remote 'unknown' doesn't exist")
    expect(tmp_path, "remote://dead/may", "Could not connect to the endpoint URL")
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    expect(tmp_path, "remote://inc/may", "NoCredentialsError: Unable to locate credentials")


def expect(tmp_path: Path, url: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^--batch: {url}: DVC could not bring it: ") as raised:
        brought(url, tmp_path)
    assert told in str(raised.value)
    assert not isinstance(raised.value, ContentError)


def test_no_error_of_a_store_shows_a_secret(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret-key")
    with pytest.raises(ValueError, match="DVC could not bring it") as raised:
        brought("remote://nowhere-s3cret-key/may?X-Amz-Signature=abcdef", tmp_path)
    assert "s3cret-key" not in str(raised.value)
    assert "abcdef" not in str(raised.value)


def test_a_local_remote_gives_folders_and_files_but_no_links(project: Path, tmp_path: Path) -> None:
    share = tmp_path / "share"
    inside = {"cat/1.png": b"one", "dog/é 2.png": b"two", "empty": b""}
    for name, body in inside.items():
        (share / "may" / name).parent.mkdir(parents=True, exist_ok=True)
        (share / "may" / name).write_bytes(body)
    (share / "one.tsv").write_bytes(b"a\tb\n")
    assert files(brought("remote://share/may", tmp_path)) == inside
    assert files(brought("remote://share/may/cat/../../may/", tmp_path)) == inside
    assert brought("remote://share/one.tsv", tmp_path).read_bytes() == b"a\tb\n"
    expect(tmp_path, "remote://share/june", "there is no such file or folder")
    for link in (share / "may" / "passwd", share / "link.tsv"):
        link.symlink_to("/etc/passwd")
    for name in ("may", "link.tsv"):
        with pytest.raises(ContentError, match="is a link"):
            brought(f"remote://share/{name}", tmp_path)


def test_a_full_disk_is_told_as_such(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "share" / "one.tsv").write_bytes(b"a\tb\n")

    def full(*given: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dvc_objects.fs.local.copyfile", full)
    with pytest.raises(OSError, match="No space left on device") as raised:
        brought("remote://share/one.tsv", tmp_path)
    assert raised.value.filename == str(tmp_path / "work" / "scratch" / "brought" / "one.tsv")
