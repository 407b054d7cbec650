"""Any table that a common writer writes reads back equal; and no row of any file is lost without a word."""

import csv
import json
import re
from io import StringIO
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encdec.params.data import Table
from encdec.params.root import Params
from encdec.sources.columns import read_rows
from encdec.sources.manifest import PairSample
from encdec.sources.rejections import Rejection, read_rejected
from encdec.sources.row import Row
from encdec.sources.table import ingest_table, read_pairs

# every character but lone surrogates and control characters; line ends of all kinds and both next line and U+2028
CLEAN = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\t\n\x85"), max_size=12)
ONE_LINE = CLEAN.map(lambda text: re.sub(r"[\t\n]", " ", text))
NAMES = ("source", "target", "slice")


def rows_of(cell: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, ...]]]:
    return st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=6)


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read_back(path: Path) -> list[tuple[str, ...]]:
    found = list(read_rows(path, NAMES[:2], optional=NAMES[2:]))
    assert [row for row in found if isinstance(row, Rejection)] == []
    return [row.cells for row in found if isinstance(row, Row)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@given(rows=rows_of(CLEAN), end=st.sampled_from(["\n", "\r\n"]), mark=st.booleans())
def test_what_the_csv_module_writes_reads_back_equal(
    folder: Path, rows: list[tuple[str, ...]], end: str, mark: bool
) -> None:
    text = StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows([NAMES, *rows])
    path = written(folder, "a.csv", text.getvalue().encode("utf-8-sig" if mark else "utf-8"))
    assert read_back(path) == rows


@given(rows=rows_of(ONE_LINE), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_lines_of_cells_with_tabs_between_them_read_back_equal(
    folder: Path, rows: list[tuple[str, ...]], end: str
) -> None:
    text = "".join("\t".join(row) + end for row in [NAMES, *rows])
    assert read_back(written(folder, "a.tsv", text.encode())) == rows


@given(rows=rows_of(CLEAN), ascii_only=st.booleans(), reverse=st.booleans())
def test_what_the_json_module_writes_reads_back_equal(
    folder: Path, rows: list[tuple[str, ...]], ascii_only: bool, reverse: bool
) -> None:
    order = slice(None, None, -1 if reverse else 1)
    lines = [json.dumps(dict(list(zip(NAMES, row, strict=True))[order]), ensure_ascii=ascii_only) for row in rows]
    assert read_back(written(folder, "a.jsonl", "\n".join(lines).encode())) == rows


@settings(deadline=None)
@given(rows=rows_of(CLEAN), compression=st.sampled_from(["none", "snappy", "zstd"]), dictionary=st.booleans())
def test_what_pyarrow_and_pandas_write_reads_back_equal(
    folder: Path, rows: list[tuple[str, ...]], compression: str, dictionary: bool
) -> None:
    columns = dict(zip(NAMES, map(list, zip(*rows, strict=True)), strict=True))
    path = folder / "a.parquet"
    pq.write_table(pa.table(columns), path, compression=compression, use_dictionary=dictionary, row_group_size=2)
    assert read_back(path) == rows
    pd.DataFrame(columns).to_parquet(path)
    assert read_back(path) == rows


SOURCES = {
    ".csv": [
        b"source,target\n",
        b"a,b\n",
        b'"a\n""b",c\r\n',
        b"\n",
        b",\n",
        b'"',
        b";",
        b"\0",
        b"\xe9",
        b"\xef\xbb\xbf",
    ],
    ".tsv": [b"source\ttarget\n", b"a\tb\n", b"a\tb\r", b'"\t"\r\n', b"\t\n", b"a\n", b"\0", b"\xe9", b"\xc2\x85"],
    ".jsonl": [
        b'{"source": "a", "target": 1}\n',
        b'{"source": null}\n',
        b"[",
        b"NaN",
        b'"',
        b"\n",
        b"\xe9",
        b'{"a": {}}',
    ],
}


def found_in(path: Path) -> list[Row | Rejection] | None:
    """None where the file is refused in words that name it."""
    try:
        return list(read_rows(path, ["source", "target"]))
    except ValueError as error:
        if type(error) is not ValueError or path.name not in str(error):
            raise
        return None


@settings(max_examples=300)
@given(data=st.data(), suffix=st.sampled_from(list(SOURCES)))
def test_any_bytes_are_rows_and_rejections_or_a_refusal_that_names_the_file(
    folder: Path, data: st.DataObject, suffix: str
) -> None:
    pieces = st.lists(st.sampled_from(SOURCES[suffix]) | st.binary(max_size=4), max_size=8)
    content = b"".join([*data.draw(st.sampled_from([SOURCES[suffix][:1], []])), *data.draw(pieces)])
    found = found_in(written(folder, f"a{suffix}", content))
    plain = content.removeprefix(b"\xef\xbb\xbf")
    if found is not None and suffix == ".tsv":
        assert len(found) == sum(line != b"" for line in re.split(rb"\r\n|\r|\n", plain)) - 1
    if found is not None and suffix == ".jsonl":
        assert len(found) == sum(line.strip(b" \t\r") != b"" for line in plain.split(b"\n"))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_parquet_with_other_bytes_in_it_is_rows_and_rejections_or_a_refusal(folder: Path, data: st.DataObject) -> None:
    path = folder / "a.parquet"
    pq.write_table(pa.table({"source": ["a", "b", "é"], "target": ["1", "2", None]}), path, compression="none")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    found_in(written(folder, "a.parquet", bytes(content[: data.draw(st.integers(0, len(content)))])))


@settings(max_examples=60, deadline=None)
@given(
    good=st.lists(
        st.tuples(ONE_LINE.filter(str.strip), ONE_LINE.filter(str.strip)), min_size=1, max_size=5, unique=True
    ),
    bad=st.lists(st.sampled_from(["a", "a\tb\tc", "\t", "a\t\0", "\x1b[2J\tb", "a\t" + "x" * 100_001]), max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_every_line_is_in_the_manifest_or_in_the_list_of_rejections_with_its_number(
    params: Params, tmp_path_factory: pytest.TempPathFactory, good: list[tuple[str, str]], bad: list[str], order
) -> None:
    user, out = tmp_path_factory.mktemp("user"), tmp_path_factory.mktemp("out")
    lines = ["\t".join(pair) for pair in good] + bad
    order.shuffle(lines)
    written(user, "p.tsv", "\n".join(["source\ttarget", *lines]).encode())
    table: Table = params.pairs.sources.table.model_copy(update={"file": "p.tsv", "max_rejected": 1.0})
    ingest_table(table, user_dir=user, out=out)
    accepted, rejected = pd.read_parquet(out / "manifest.parquet"), read_rejected(out)
    numbers = [int(name.split(":")[1]) for name in [*accepted["sample"], *rejected["sample"]]]
    assert sorted(numbers) == list(range(2, len(lines) + 2))
    assert {lines[int(name.split(":")[1]) - 2] for name in rejected["sample"]} == set(bad)
    assert list(accepted["sample"]) == sorted(accepted["sample"], key=lambda name: int(name.split(":")[1]))


def test_texts_that_begin_like_a_formula_are_data_and_stay_as_they_are(params: Params, folder: Path) -> None:
    texts = ["=1+1", "+49 30", "-5", "@home", "＝1", "'=x"]
    path = written(
        folder,
        "f.tsv",
        "".join(f"{one}\t{one}\n" for one in ["source", *texts]).replace("source\tsource", "source\ttarget").encode(),
    )
    found = list(read_pairs(params.pairs.sources.table, path))
    assert [(one.source, one.target) for one in found if isinstance(one, PairSample)] == [(one, one) for one in texts]
