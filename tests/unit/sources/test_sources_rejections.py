"""What a source leaves out: the list, its limit, and where it lies when the limit is passed."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encdec.outs import whole_folder, without_formula
from encdec.sources.printable import printable
from encdec.sources.rejections import (
    Rejection,
    RejectionError,
    csv_text,
    hold_limit,
    read_rejected,
    rejected_beside,
    rejected_frame,
    write_rejected,
)

KEY = "images.sources.folder.max_rejected"


def bad(count: int, reason: str = "empty file") -> list[Rejection]:
    return [Rejection(f"cats/{number:02d}.png", reason, "has 0 bytes") for number in range(count)]


@pytest.mark.parametrize(("rejected", "accepted", "limit"), [(0, 0, 0.0), (1, 99, 0.01), (1, 1, 0.5), (0, 5, 0.0)])
def test_as_much_as_the_limit_is_left_out_in_silence(rejected: int, accepted: int, limit: float) -> None:
    hold_limit(bad(rejected), accepted=accepted, what="files", limit=limit, key=KEY)


def test_more_than_the_limit_is_an_error_with_counts_by_reason_and_the_first() -> None:
    rejected = [*bad(3), *bad(22, "unreadable image")]
    with pytest.raises(RejectionError) as caught:
        hold_limit(rejected, accepted=975, what="files", limit=0.02, key=KEY)
    lines = str(caught.value).split("\n")
    assert lines[0] == f"25 of 1,000 files (2.50%) cannot be used, more than {KEY} (0.02) allows:"
    assert lines[1:4] == ["  22 unreadable image", "  3 empty file", "The first 20:"]
    assert lines[4] == "  cats/00.png: empty file: has 0 bytes"
    assert lines[23:] == [
        "  cats/16.png: unreadable image: has 0 bytes",
        f"Mend or remove them, or raise {KEY} to leave them out.",
    ]
    assert caught.value.rejected == tuple(rejected)


def test_one_row_more_than_the_limit_is_too_much() -> None:
    with pytest.raises(RejectionError, match=r"2 of 101 files \(1\.98%\) cannot be used, more than"):
        hold_limit(bad(2), accepted=99, what="files", limit=0.0198, key=KEY)


def test_nothing_left_is_an_error_whatever_the_limit() -> None:
    with pytest.raises(RejectionError, match=r"3 of 3 rows \(100\.00%\) cannot be used, so nothing is left:"):
        hold_limit(bad(3), accepted=0, what="rows", limit=1.0, key=KEY)


def test_a_long_detail_is_shortened_in_the_error_and_whole_in_the_list(tmp_path: Path) -> None:
    rejected = [Rejection("a.csv:2", "malformed row", "x" * 5000)]
    with pytest.raises(RejectionError) as caught:
        hold_limit(rejected, accepted=1, what="rows", limit=0.0, key=KEY)
    assert max(len(line) for line in str(caught.value).split("\n")) == 2 + 300
    write_rejected(tmp_path, rejected)
    assert read_rejected(tmp_path)["detail"].tolist() == ["x" * 5000]


def test_nothing_rejected_is_a_header_alone(tmp_path: Path) -> None:
    write_rejected(tmp_path, [])
    assert (tmp_path / "rejected.csv").read_bytes() == b"sample,reason,detail\n"
    assert read_rejected(tmp_path).empty


def test_any_name_is_one_line_that_can_be_read_again(tmp_path: Path) -> None:
    plain = ["a,b", 'say "x"', "NA", "null", "", "caf\u00e9 \U0001f600"]
    names = [*plain, "two\nlines", "half\udcff", "\u2028", "\x1b[2J"]
    write_rejected(tmp_path, [Rejection(name, "empty file", "has 0 bytes") for name in names])
    assert len((tmp_path / "rejected.csv").read_bytes().split(b"\n")) == len(names) + 2
    assert read_rejected(tmp_path)["sample"].tolist() == [*plain, r"two\nlines", r"half\xff", r"\u2028", r"\x1b[2J"]


@given(st.text(st.characters(exclude_categories=())))
def test_printable_text_is_printable_utf8_and_left_alone(text: str) -> None:
    told = printable(text)
    assert told.isprintable()
    assert told.encode().decode() == told
    assert printable(told) == told


@given(st.lists(st.tuples(*[st.text(st.characters(exclude_categories=()))] * 3)))
def test_every_reader_of_csv_sees_the_same_rows(rows: list[tuple[str, str, str]]) -> None:
    text = csv_text(rejected_frame([Rejection(*row) for row in rows]))
    told = [[without_formula(printable(cell)) for cell in row] for row in rows]
    assert list(csv.reader(io.StringIO(text))) == [["sample", "reason", "detail"], *told]
    assert list(csv.reader(text.splitlines(keepends=True))) == [["sample", "reason", "detail"], *told]


def test_too_much_leaves_the_whole_list_beside_an_out_that_does_not_appear(tmp_path: Path) -> None:
    out, kept = tmp_path / "raw" / "images", tmp_path / "raw" / "images.rejected.csv"

    def ingest() -> None:
        with rejected_beside(out), whole_folder(out) as folder:
            (folder / "half").touch()
            hold_limit(bad(40), accepted=0, what="files", limit=0.01, key=KEY)

    with pytest.raises(ValueError, match=r"^40 of 40 files") as caught:
        ingest()
    assert str(caught.value).endswith(f"\nThe whole list lies in {kept}")
    assert "cats/19.png" in str(caught.value)
    assert "cats/20.png" not in str(caught.value)
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["images.rejected.csv"]
    assert kept.read_text().split("\n")[40] == "cats/39.png,empty file,has 0 bytes"


def test_the_list_of_an_earlier_try_goes_when_all_is_well(tmp_path: Path) -> None:
    kept = tmp_path / "images.rejected.csv"
    kept.write_text("old")
    with pytest.raises(ValueError, match=r"^another error$"), rejected_beside(tmp_path / "images"):
        raise ValueError("another error")
    assert kept.read_text() == "old"
    with rejected_beside(tmp_path / "images"), whole_folder(tmp_path / "images"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
