"""Errors of the operating system in words that name the path and a way out."""

import errno
import os
from pathlib import Path

import pytest

from encdec.outs import whole_folder, write_bytes
from encdec.remedies import check_writable, explained, named

DEVICE_FULL = Path("/dev/full")  # every write to it fails as on a full disk


def test_a_full_disk_says_how_much_room_there_is(tmp_path: Path) -> None:
    said = explained(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "new/file")))
    assert said.startswith(f"{tmp_path}/new/file: it does not fit on its disk, which is full, or a quota is used up (")
    assert said.endswith("MB without what was begun): make room there, then start the same command again")


def test_a_copy_that_does_not_fit_names_where_it_was_to_go(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "from"), None, str(tmp_path / "to"))
    assert explained(error).startswith(f"{tmp_path}/to: it does not fit")


def test_an_error_that_has_no_remedy_keeps_its_words(tmp_path: Path) -> None:
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory", str(tmp_path / "x"))
    assert explained(missing) == str(missing)
    assert explained(OSError("words alone")) == "words alone"


def test_a_refusal_names_the_folder_that_refuses_and_its_mode(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    said = explained(PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "closed/new")))
    assert f"({tmp_path}/closed belongs to user {os.geteuid()}, mode dr-x------)" in said


def test_a_read_only_disk_is_told_from_a_folder_that_is_not_for_this_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_writable(tmp_path / "new/out")
    monkeypatch.setattr(os, "access", lambda *given, **options: False)  # root cannot be refused
    with pytest.raises(PermissionError) as refused:
        check_writable(tmp_path / "new/out")
    assert (refused.value.errno, refused.value.filename) == (errno.EACCES, str(tmp_path / "new/out"))


def test_a_write_that_does_not_fit_gets_the_path_of_its_out(tmp_path: Path) -> None:
    if not DEVICE_FULL.exists():
        pytest.skip("no /dev/full: this is not Linux")

    def fill() -> None:
        with whole_folder(tmp_path / "out"), DEVICE_FULL.open("wb") as file:
            file.write(b"x")

    with pytest.raises(OSError, match="No space left") as full:
        fill()
    assert (full.value.errno, full.value.filename) == (errno.ENOSPC, str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_an_error_has_is_kept(tmp_path: Path) -> None:
    error = FileNotFoundError(errno.ENOENT, "No such file or directory", "deep/inside")
    assert named(error, tmp_path) is error
    without = OSError("words of a library")
    assert named(without, tmp_path) is without, "the disk is not full: it is something else"


def test_the_old_file_stays_where_the_new_one_does_not_fit(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old")
    (tmp_path / ".file.partial").symlink_to(DEVICE_FULL)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
