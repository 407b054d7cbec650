"""An archive is unpacked whole, or refused with its own name and that of the member where it is damaged."""

import bz2
import gzip
import io
import lzma
import random
import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from encdec.sources.archive import unpack
from encdec.sources.member import ContentError

NAMES = ("cat/1.png", "cat/2.png", "dog/3.png")
ZIPPED = {"deflate": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}
TARRED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


def content(name: str) -> bytes:
    """A thousand bytes that no method makes shorter, and twice as many that each does."""
    return random.Random(name).randbytes(1000) + b"\0" * 2000


def tarred(names: Sequence[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = len(content(name))
            tar.addfile(entry, io.BytesIO(content(name)))
    return buffer.getvalue()


def packed(file: Path, names: Sequence[str], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    if file.suffix != ".zip":
        data = tarred(names)
        file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)
        return file
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in names:
            archive.writestr(name, content(name))
    return file


def damaged(file: Path, at: int, *, count: int = 20) -> None:
    data = bytearray(file.read_bytes())
    for place in range(at, at + count):
        data[place] ^= 0xFF
    file.write_bytes(data)


def refusal(archive: Path, to: Path) -> str:
    with pytest.raises(ContentError) as raised:
        unpack(archive, to)
    assert str(raised.value).startswith(f"{archive}: is no whole archive (at ")
    return str(raised.value)


@pytest.mark.parametrize("method", ZIPPED)
def test_a_member_of_a_zip_that_is_damaged_is_named(tmp_path: Path, method: str) -> None:
    archive = packed(tmp_path / "b.zip", NAMES, method=ZIPPED[method])
    with zipfile.ZipFile(archive) as opened:
        second = opened.infolist()[1]
    damaged(archive, second.header_offset + 30 + len(second.filename) + 5)  # in the stream itself, behind its header
    assert "(at 'cat/2.png': " in refusal(archive, tmp_path / "out")


@pytest.mark.parametrize("method", TARRED)
@pytest.mark.parametrize("part", ["middle", "end"])
def test_damage_anywhere_in_a_packed_tar_is_found(tmp_path: Path, method: str, part: str) -> None:
    archive = tmp_path / "b.tar.gz"  # the module finds the method by the content
    archive.write_bytes(TARRED[method](tarred(NAMES)))
    assert len(list(unpack(archive, tmp_path / "whole").rglob("*.png"))) == 3
    damaged(archive, archive.stat().st_size // 2 if part == "middle" else archive.stat().st_size - 8, count=4)
    refusal(archive, tmp_path / "out")


def test_a_wrong_sum_behind_the_last_byte_is_found(tmp_path: Path) -> None:
    archive = packed(tmp_path / "b.tar.gz", NAMES)
    damaged(archive, archive.stat().st_size - 8, count=4)  # gzip ends with the CRC-32 and the length, 4 bytes each
    assert "at 'dog/3.png': CRC check failed" in refusal(archive, tmp_path / "out")


def test_a_header_of_a_plain_tar_that_cannot_be_read_is_not_its_end(tmp_path: Path) -> None:
    archive = packed(tmp_path / "b.tar", NAMES)
    damaged(archive, 512 + 3072)  # each member: a header, and 3000 bytes in six blocks of 512
    assert "at 'cat/1.png': what follows is no header" in refusal(archive, tmp_path / "out")


@pytest.mark.parametrize(
    ("blocks", "at"),
    # a member has seven blocks: behind its header; between two members, where tarfile sees the end; in the second
    [(6, "'cat/1.png'"), (7, "'cat/1.png'"), (10, "'cat/2.png'")],
)
def test_a_plain_tar_that_is_cut_off_is_told(tmp_path: Path, blocks: int, at: str) -> None:
    archive = packed(tmp_path / "b.tar", NAMES)
    archive.write_bytes(archive.read_bytes()[: blocks * tarfile.BLOCKSIZE])
    assert f"(at {at}: " in refusal(archive, tmp_path / "out")


@pytest.mark.parametrize("name", ["b.zip", "b.tar", "b.tar.gz"])
@pytest.mark.parametrize(
    ("names", "at"),
    [
        (("cat/1.png", "cat/1.png"), "'cat/1.png'"),
        (("a", "a/b"), "'a/b'"),
        (("a", "a/b/c"), "'a/b/c'"),
        (("a/b", "a"), "'a'"),
        (("a//b", "a/./b"), "'a/./b'"),
        ((".",), "'.'"),
        (("n" * 300,), f"'{'n' * 300}'"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_no_folder_can_hold_together_are_told(
    tmp_path: Path, name: str, names: Sequence[str], at: str
) -> None:
    assert f"(at {at}: " in refusal(packed(tmp_path / name, names), tmp_path / "out")


def test_no_damage_is_anything_but_a_refusal_with_the_name_of_the_file(tmp_path: Path) -> None:
    """As a fuzzer would: few enough for every run."""
    chosen = random.Random(0)
    for name in ("b.zip", "b.tar", "b.tar.gz"):
        whole = packed(tmp_path / name, NAMES).read_bytes()
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(chosen.choice((1, 8))):
                # half of them near the end, where a zip has its list of names
                at = chosen.choice((chosen.randrange(len(data)), len(data) - 1 - chosen.randrange(250)))
                data[at] = chosen.randrange(256)
            (tmp_path / name).write_bytes(data)
            try:
                unpack(tmp_path / name, tmp_path / "out")
            except ContentError as error:
                assert str(error).startswith(f"{tmp_path / name}: ")  # noqa: PT017 (most are refused, and not each)
            shutil.rmtree(tmp_path / "out")
