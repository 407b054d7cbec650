"""One file of a user: its bytes, all of one moment, or the reason why not; never a wait and never another's file."""

import os
import socket

import pytest

from encdec.sources.decoding import ImageError
from encdec.sources.image_file import MAX_BYTES, read_image_file


def refusal(user_dir, path="a.png"):
    with pytest.raises(ImageError) as caught:
        read_image_file(user_dir, path)
    return caught.value.reason, caught.value.detail


def test_a_file_is_read_whole(user_dir):
    (user_dir / "sub folder").mkdir()
    (user_dir / "sub folder" / "caf\u00e9.png").write_bytes(b"content")
    assert read_image_file(user_dir, "sub folder/caf\u00e9.png") == b"content"


def test_a_file_of_no_bytes_is_refused(user_dir):
    (user_dir / "a.png").touch()
    assert refusal(user_dir) == ("empty file", "has 0 bytes; replace or remove it")


def test_a_file_too_large_to_be_an_image_is_refused_before_it_is_read(user_dir):
    with (user_dir / "a.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # a hole: it takes no place on the disk
    assert refusal(user_dir) == (
        "too large",
        f"has {MAX_BYTES + 1:,} bytes, expected at most {MAX_BYTES:,}; make it smaller",
    )


def test_what_is_not_there_is_refused(user_dir):
    assert refusal(user_dir) == ("missing file", "there is no such file")
    assert refusal(user_dir, "cats\\a.png") == ("missing file", "there is no such file; write / between folders")
    (user_dir / "a.png").symlink_to("gone.png")
    assert refusal(user_dir) == ("missing file", "there is no such file")


@pytest.mark.timeout(20)
def test_what_is_no_file_is_refused_without_waiting_for_it(user_dir):
    os.mkfifo(user_dir / "pipe.png")
    assert refusal(user_dir, "pipe.png") == ("no regular file", "is a pipe, expected a file; remove it")
    (user_dir / "folder.png").mkdir()
    assert refusal(user_dir, "folder.png") == ("no regular file", "is a folder, expected a file; remove it")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(user_dir, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{here}/s.png")  # a socket's own path must be short
        os.close(here)
        assert refusal(user_dir, "s.png") == ("no regular file", "is a socket, expected a file; remove it")


@pytest.mark.parametrize("way", ["file", "relative", "folder", "device"])
def test_a_link_out_of_the_folder_is_refused_unread_and_untold(user_dir, way):
    outside = user_dir.parent / "secret"
    outside.mkdir()
    (outside / "b.png").write_bytes(b"secret")
    path = "a.png"
    match way:
        case "file":
            (user_dir / path).symlink_to(outside / "b.png")
        case "relative":
            (user_dir / path).symlink_to("../secret/b.png")
        case "device":
            (user_dir / path).symlink_to("/dev/zero")
        case "folder":
            (user_dir / "sub").symlink_to(outside)
            path = "sub/b.png"
    reason, detail = refusal(user_dir, path)
    assert reason == "link out of the folder"
    assert detail == "is a link to what lies outside of the folder, where a change is not seen; put a copy in its place"


def test_a_link_inside_the_folder_is_followed_and_one_to_itself_is_refused(user_dir):
    (user_dir / "b.png").write_bytes(b"content")
    (user_dir / "a.png").symlink_to("b.png")
    assert read_image_file(user_dir, "a.png") == b"content"
    (user_dir / "loop.png").symlink_to("loop.png")
    assert refusal(user_dir, "loop.png") == ("unreadable file", "cannot be read: Too many levels of symbolic links")


def test_a_user_folder_that_is_itself_a_link_is_no_way_out(user_dir):
    (user_dir / "a.png").write_bytes(b"content")
    linked = user_dir.parent / "linked"
    linked.symlink_to(user_dir)
    assert read_image_file(linked, "a.png") == b"content"


def test_what_the_system_refuses_is_told_in_its_words(user_dir):
    assert refusal(user_dir, "x" * 300 + ".png") == ("unreadable file", "cannot be read: File name too long")


def test_a_file_that_may_not_be_read_is_refused(user_dir, said_by_an_ordinary_user):
    (user_dir / "a.png").write_bytes(b"content")
    (user_dir / "a.png").chmod(0)
    code = "from encdec.sources.image_file import read_image_file; read_image_file(folder, 'a.png')"
    assert said_by_an_ordinary_user(code, user_dir).endswith("ImageError: a.png: cannot be read: Permission denied")


@pytest.mark.parametrize("change", ["cut", "grown", "rewritten"])
def test_a_file_that_changes_while_it_is_read_is_refused(user_dir, monkeypatch, change):
    path = user_dir / "a.png"
    path.write_bytes(b"content")
    os.utime(path, (1, 1))
    stat, calls = os.fstat, []

    def then_changed(descriptor):
        found = stat(descriptor)
        calls.append(descriptor)
        if len(calls) == 1:
            path.write_bytes({"cut": b"con", "grown": b"content and more", "rewritten": b"CONTENT"}[change])
        return found

    monkeypatch.setattr("encdec.sources.image_file.os.fstat", then_changed)
    assert refusal(user_dir) == ("changed while read", "changed while it was read; run again when nothing writes to it")
