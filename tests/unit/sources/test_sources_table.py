import csv
import json
from pathlib import Path
from shutil import rmtree

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from encdec.params.data import MaxCharacters
from encdec.params.loading import load_params
from encdec.sources.columns import read_rows
from encdec.sources.ingest import ingest_pairs
from encdec.sources.table import locate

ROWS = [("one", "1"), ("NA", "nan"), ('say "hi"', "null"), ('"hi" he said', '"'), ("été, nan", " x ")]


def as_csv(rows):
    return "source,target\n" + "".join(
        ",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows
    )


@pytest.fixture
def ingest(pairs_of, user_dir, out):
    def run(file, **changed):
        ingest_pairs(pairs_of("table", file=file, **changed), user_dir=user_dir, out=out)
        return pd.read_parquet(out / "manifest.parquet")

    return run


@pytest.fixture
def store(user_dir):
    """Write the rows as a table of the type that a file's name says."""

    def write(file, rows=ROWS):
        path = user_dir / file
        match path.suffix:
            case ".tsv":
                path.write_text("source\ttarget\n" + "".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
            case ".csv":
                path.write_text(as_csv(rows), encoding="utf-8")
            case ".jsonl":
                lines = [json.dumps({"source": source, "target": target}) for source, target in rows]
                path.write_text("\n".join(lines) + "\n")
            case ".parquet":
                pd.DataFrame(rows, columns=["source", "target"]).to_parquet(path)

    return write


@pytest.mark.parametrize("file", ["pairs.tsv", "pairs.csv", "pairs.jsonl", "pairs.parquet"])
def test_texts_come_through_as_they_are(store, ingest, out, user_dir, file):
    store(file)
    rows = ingest(file)
    assert list(zip(rows.source, rows.target, strict=True)) == ROWS  # NA, null and "" are texts, not missing values
    assert list(rows.group) == [source for source, _ in ROWS]
    assert list(rows.slice) == [""] * 5
    assert (out / "files" / file).read_bytes() == (user_dir / file).read_bytes()
    assert set(json.loads((out / "source.json").read_text())["files"]) == {file}


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(ingest, user_dir):
    (user_dir / "pairs.tsv").write_bytes("\ufeffsource\ttarget\r\nä\tb\r\n\r\n".encode())
    rows = ingest("pairs.tsv")
    assert list(zip(rows.source, rows.target, strict=True)) == [("ä", "b")]


def test_a_csv_cell_may_hold_line_breaks(ingest, user_dir):
    (user_dir / "pairs.csv").write_text('target,source\n"two\nlines",a\n')
    assert list(ingest("pairs.csv").target) == ["two\nlines"]


def test_unicode_line_separators_do_not_split_a_row(ingest, user_dir):
    (user_dir / "pairs.tsv").write_text("source\ttarget\na\u2028b\x85\tc\n", encoding="utf-8")
    assert list(ingest("pairs.tsv").source) == ["a\u2028b\x85"]


def test_rows_with_the_same_source_share_a_split_even_in_another_normal_form(store, ingest):
    store("pairs.csv", [(text, str(index)) for index in range(40) for text in (f"e\u0301{index}", f"é{index}")])
    rows = ingest("pairs.csv")
    assert rows.groupby("source").size().tolist() == [2] * 40
    assert rows.groupby("source").split.nunique().max() == 1
    assert rows.split.nunique() == 3


def test_columns_are_named_by_the_parameters(ingest, user_dir):
    (user_dir / "pairs.csv").write_text("id,en,topic,ko\n1,hi,greeting,안녕\n2,bye,,잘가\n")
    rows = ingest("pairs.csv", source_column="en", target_column="ko", slice_column="topic")
    assert list(zip(rows.source, rows.target, rows.slice, strict=True)) == [
        ("hi", "안녕", "greeting"),
        ("bye", "잘가", ""),
    ]


def test_whole_numbers_are_texts_however_long(ingest, user_dir):
    number = "9" * 5000
    (user_dir / "pairs.jsonl").write_text(
        f'{{"source": {number}, "target": 7}}\n\n{{"target": -1, "source": "a", "x": 0.5}}\n'
    )
    rows = ingest("pairs.jsonl", max_characters=MaxCharacters(source=9000, target=9))
    assert list(zip(rows.source, rows.target, strict=True)) == [(number, "7"), ("a", "-1")]
    pd.DataFrame({"source": ["a"], "target": [2**64 - 1]}).to_parquet(user_dir / "pairs.parquet")
    assert [(row.place, row.cells) for row in read_rows(user_dir / "pairs.parquet", ["source", "target"])] == [
        ("pairs.parquet: row 1", ("a", "18446744073709551615"))
    ]


REJECTED = {
    "too few cells": (
        "p.tsv",
        b"source\ttarget\na\tb\nc\n",
        ("p.tsv:3", "ragged row", "1 cell, expected 2 as in the header"),
    ),
    "a delimiter at the end": (
        "p.tsv",
        b"source\ttarget\nc\td\t\n",
        (
            "p.tsv:2",
            "ragged row",
            "3 cells, expected 2 as in the header (the last is empty: is there a delimiter at the end?)",
        ),
    ),
    "a row of several lines": (
        "p.csv",
        b'source,target\n\n"a\nb",c,d\n',
        ("p.csv:3", "ragged row", "3 cells in lines 3 to 4, expected 2 as in the header"),
    ),
    "mixed line ends": (
        "p.tsv",
        b"source\ttarget\r\na\tb\rc\td\ne\n",
        ("p.tsv:4", "ragged row", "1 cell, expected 2 as in the header"),
    ),
    "quotes": (
        "p.csv",
        b'source,target\na,"b"c\n',
        ("p.csv:2", "broken quotes", "',' expected after '\"': quote a cell with a quote in it, and double the quote"),
    ),
    "an open quote in the last line": (
        "p.csv",
        b'source,target\na,"b',
        ("p.csv:2", "broken quotes", "unexpected end of data: quote a cell with a quote in it, and double the quote"),
    ),
    "a byte": (
        "p.tsv",
        b"source\ttarget\na\tcaf\xe9\n",
        (
            "p.tsv:2",
            "not UTF-8",
            "cell 2 has the byte 0xe9 as character 4 (in Windows-1252 it would be é): save the file as UTF-8",
        ),
    ),
    "a NUL": (
        "p.tsv",
        b"source\ttarget\na\tb\0c\n",
        ("p.tsv:2", "control character", "target has the control character U+0000 as character 2: remove it"),
    ),
    "an escape": (
        "p.csv",
        b"source,target\n\x1b[31mred,b\n",
        ("p.csv:2", "control character", "source has the control character U+001B as character 1: remove it"),
    ),
    "a C1 control": (
        "p.csv",
        "source,target\nit\x92s,b\n".encode(),
        ("p.csv:2", "control character", "source has the control character U+0092 as character 3: remove it"),
    ),
    "five megabytes": (
        "p.tsv",
        b"source\ttarget\na\t" + b"x" * 5_000_000,
        ("p.tsv:2", "enormous cell", "target has 5,000,000 characters, expected at most 100,000"),
    ),
    "five quoted megabytes": (
        "p.csv",
        b'source,target\n"' + b"x\n" * 2_500_000 + b'",b\n',
        ("p.csv:2", "enormous cell", "source has 5,000,000 characters, expected at most 100,000"),
    ),
    "five megabytes of JSON": (
        "p.jsonl",
        b'{"source": "a", "target": "' + b"x" * 5_000_000 + b'"}',
        ("p.jsonl:1", "enormous cell", "target has 5,000,000 characters, expected at most 100,000"),
    ),
    "an empty cell": (
        "p.tsv",
        b"source\ttarget\na\t\n",
        ("p.tsv:2", "blank target", "target has no text, expected one"),
    ),
    "blanks alone": (
        "p.tsv",
        "source\ttarget\n \u3000\t \n".encode(),
        ("p.tsv:2", "blank source and target", "source and target has no text, expected one"),
    ),
    "a null": (
        "p.jsonl",
        b'{"source": null, "target": "b"}',
        ("p.jsonl:1", "blank source", "source has no text, expected one"),
    ),
    "NaN": (
        "p.jsonl",
        b'{"source": NaN, "target": "b"}',
        ("p.jsonl:1", "broken JSON", "NaN is no value of JSON; write null where there is no text"),
    ),
    "a broken line": (
        "p.jsonl",
        b'{"source"',
        ("p.jsonl:1", "broken JSON", "Expecting ':' delimiter: line 1 column 10 (char 9)"),
    ),
    "a list": (
        "p.jsonl",
        b'["a", "b"]',
        ("p.jsonl:1", "broken JSON", "holds a list, expected an object with names and texts"),
    ),
    "a fraction": (
        "p.jsonl",
        b'{"source": 1.5, "target": "b"}',
        ("p.jsonl:1", "no text", "source is 1.5, expected a text or a whole number"),
    ),
    "a truth": (
        "p.jsonl",
        b'{"source": true, "target": "b"}',
        ("p.jsonl:1", "no text", "source is true, expected a text or a whole number"),
    ),
    "a nested value": (
        "p.jsonl",
        b'{"source": ["a"], "target": "b"}',
        ("p.jsonl:1", "no text", "source is a list, expected a text or a whole number"),
    ),
    "a key twice": (
        "p.jsonl",
        b'{"source": "a", "source": "c", "target": "b"}',
        ("p.jsonl:1", "broken JSON", "the key 'source' stands twice"),
    ),
    "a depth": (
        "p.jsonl",
        b'{"source": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        ("p.jsonl:1", "broken JSON", "values inside of values, too deep to be read"),
    ),
    "half a pair": (
        "p.jsonl",
        b'{"source": "\\ud800", "target": "b"}',
        (
            "p.jsonl:1",
            "not Unicode",
            "source has U+D800, half of a surrogate pair, as character 1: write the whole character",
        ),
    ),
    "a byte in JSON": (
        "p.jsonl",
        b'{"source": "\xff", "target": "b"}',
        (
            "p.jsonl:1",
            "not UTF-8",
            "the line has the byte 0xff as character 13 (in Windows-1252 it would be ÿ): save the file as UTF-8",
        ),
    ),
}


@pytest.mark.parametrize(("file", "content", "expected"), REJECTED.values(), ids=list(REJECTED))
def test_a_row_that_is_none_is_listed_with_its_line_while_the_others_are_read(
    ingest, user_dir, out, file, content, expected
):
    more = {".csv": "g,h\ni,j\n", ".tsv": "g\th\ni\tj\n", ".jsonl": as_jsonl([("g", "h"), ("i", "j")])}[
        "." + file.split(".")[1]
    ]
    begun = content + b"\n" if not content.endswith(b"\n") else content
    if expected[2].startswith("unexpected end"):
        more, begun = "", content.replace(b"\na,", b"\ng,h\na,")
        expected = (f"{file}:3", *expected[1:])
    (user_dir / file).write_bytes(begun + more.encode())
    rows = ingest(file, max_rejected=0.5)
    assert ("g", "h") in list(zip(rows.source, rows.target, strict=True))
    listed = pd.read_csv(out / "rejected.csv", dtype="str", keep_default_na=False)
    assert listed.to_numpy().tolist() == [list(expected)]


def as_jsonl(rows):
    return "".join(json.dumps({"source": source, "target": target}) + "\n" for source, target in rows)


def test_nulls_and_broken_text_in_parquet_are_listed_with_their_row(ingest, user_dir, out):
    broken = pa.array([b"a", b"\xe9", None, b"d"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"source": broken, "target": ["x", "y", "z", ""]}), user_dir / "p.parquet")
    assert ingest("p.parquet", max_rejected=1.0)["sample"].tolist() == ["p.parquet: row 1"]
    listed = pd.read_csv(out / "rejected.csv", dtype="str", keep_default_na=False)
    assert listed[["sample", "reason"]].to_numpy().tolist() == [
        ["p.parquet: row 2", "not UTF-8"],
        ["p.parquet: row 3", "blank source"],
        ["p.parquet: row 4", "blank target"],
    ]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())], ids=str)
def test_every_parquet_type_of_text_is_read(ingest, user_dir, kind):
    texts = pa.array(["é", "b"]).cast(kind) if kind != pa.string_view() else pa.array(["é", "b"], kind)
    pq.write_table(pa.table({"source": texts, "target": ["x", "y"]}), user_dir / "p.parquet")
    assert ingest("p.parquet").source.tolist() == ["é", "b"]


def test_a_sample_is_named_by_its_line_in_the_file(ingest, user_dir):
    (user_dir / "p.csv").write_text('source,target\n"two\nlines",b\n\nc,d\n')
    assert ingest("p.csv")["sample"].tolist() == ["p.csv:2", "p.csv:5"]


def test_more_than_the_limit_stops_with_the_counts_and_the_first_lines(ingest, user_dir, out):
    lines = ["a\tb"] * 47 + ["c\td", "only one", "a\t\0"]
    (user_dir / "p.tsv").write_text("source\ttarget\n" + "\n".join(lines) + "\n")
    assert len(ingest("p.tsv", max_rejected=0.04)) == 48  # 2 of 50
    for path in out.iterdir():
        path.unlink() if path.is_file() else rmtree(path)
    with pytest.raises(ValueError, match=r"2 of 50 rows \(4\.00%\) cannot be used, more than") as caught:
        ingest("p.tsv", max_rejected=0.03)
    assert str(caught.value).splitlines() == [
        "2 of 50 rows (4.00%) cannot be used, more than pairs.sources.table.max_rejected (0.03) allows:",
        "  1 ragged row",
        "  1 control character",
        "They are:",
        "  p.tsv:50: ragged row: 1 cell, expected 2 as in the header",
        "  p.tsv:51: control character: target has the control character U+0000 as character 1: remove it",
        "Mend or remove them, or raise pairs.sources.table.max_rejected to leave them out.",
    ]
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "p.tsv",
            b"src\ttarget\na\tb\n",
            r"p\.tsv: has no column 'source' \(did you mean 'src'\?\) \(columns found: src, target\)$",
        ),
        (
            "p.tsv",
            b"sourse\ttargte\n",
            r"has no column 'source' \(did you mean 'sourse'\?\), has no column 'target' \(d",
        ),
        ("p.tsv", b"", r"p\.tsv: is empty, expected a header with source, target and rows below it"),
        ("p.csv", b"\xef\xbb\xbf\r\n\r\n", r"p\.csv: is empty"),
        ("p.jsonl", b"\n", r"p\.jsonl: has no row"),
        ("p.tsv", b"source\ttarget\n", r"p\.tsv: has no row below its header, expected a row for each pair"),
        (
            "p.tsv",
            b"source,target\na,b\n",
            r"p\.tsv: its header is separated by commas, but a \.tsv file has tabs: save",
        ),
        (
            "p.csv",
            b"source;target\na;b\n",
            r"p\.csv: its header is separated by semicolons, but a \.csv file has commas",
        ),
        ("p.csv", b"source\ttarget\na\tb\n", r"p\.csv: its header is separated by tabs, but a \.csv file has commas"),
        (
            "p.csv",
            b'source,target\na,"b\nc,d\n',
            r"p\.csv:2: a quoted cell begins here, and at line 3 it has not ended",
        ),
        (
            "p.csv",
            b'source,target\na,"b\nc,"d"\n',
            r"p\.csv:2: a quoted cell begins here, and at line 3 it has not ended",
        ),
        (
            "p.csv",
            b"source,source,target\na,b,c\n",
            r"p\.csv: has 2 columns 'source' \(columns found: source, source, ta",
        ),
        ("p.csv", b"source,tar\0get\na,b\n", r"p\.csv:1: the header has the control character U\+0000 as character 10"),
        (
            "p.csv",
            b"so\xfcrce,target\na,b\n",
            r"p\.csv:1: the header has the byte 0xfc as character 3 \(in Windows-1252 it",
        ),
        ("p.csv", "source,target\na,b\n".encode("utf-16"), r"p\.csv: is written in UTF-16, expected UTF-8: save it"),
        ("p.csv", "source,target\na,b\n".encode("utf-16-be"), r"p\.csv: seems to be UTF-16, .* \(iconv -f UTF-16BE\)"),
        ("p.csv", "source,target\na,b\n".encode("utf-16-le"), r"p\.csv: seems to be UTF-16, .* \(iconv -f UTF-16LE\)"),
        ("p.jsonl", "{}".encode("utf-32"), r"p\.jsonl: is written in UTF-32"),
        (
            "p.csv",
            b"PK\x03\x04...",
            r"p\.csv: is a ZIP archive or an Excel workbook, expected text: unpack it, or save",
        ),
        ("p.csv", b"\x1f\x8b...", r"p\.csv: is compressed with gzip"),
        ("p.tsv", b"PAR1...", r"p\.tsv: is a Parquet file, expected text: give it the ending \.parquet"),
        (
            "p.jsonl",
            b'{"source": "a"}\n{"source": "b"}\n',
            r"p\.jsonl: has no column 'target' \(columns found: source\)",
        ),
        (
            "p.tsv",
            b"source\ttarget\n" + b"a\tb\n" * 300,
            r"p\.tsv: each of its 300 rows is the same pair, expected dif",
        ),
        ("p.tsv", b"source\ttarget\n" + b"a\n" * 300, r"300 of 300 rows \(100\.00%\) cannot be used, more than pairs"),
        ("p.parquet", b"PAR1", r"p\.parquet: cannot be read as Parquet, write it again: "),
        (
            "p.parquet",
            b"source,target\n",
            r"p\.parquet: is no Parquet file, which begins with PAR1: give it the ending",
        ),
        ("p.parquet", b"", r"p\.parquet: is no Parquet file"),
        ("p.parquet", b"PARE1234PARE", r"p\.parquet: is an encrypted Parquet file: decrypt it first"),
        ("p.txt", b"a\tb\n", r"p\.txt: unknown type of table '\.txt' \(valid: \.csv, \.tsv, \.jsonl, \.parquet\)"),
    ],
)
def test_a_file_that_is_no_such_table_is_named_with_what_it_is(ingest, user_dir, out, file, content, message):
    (user_dir / file).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        ingest(file)
    assert file in str(caught.value)
    assert list(out.iterdir()) == [], "nothing half-written"


def test_all_rows_beyond_any_limit_leave_nothing(ingest, user_dir):
    (user_dir / "p.tsv").write_text("source\ttarget\na\n")
    with pytest.raises(ValueError, match=r"1 of 1 rows \(100\.00%\) cannot be used, so nothing is left"):
        ingest("p.tsv", max_rejected=1.0)


def test_parquet_columns_of_another_type_are_refused_at_once(ingest, user_dir):
    pd.DataFrame({"source": [[1], [2]], "target": [1.0, 2.5]}).to_parquet(user_dir / "p.parquet")
    expected = r"p\.parquet: source holds list<.*>, target holds double; expected text or whole numbers: convert it"
    with pytest.raises(ValueError, match=expected):
        ingest("p.parquet")


def test_a_damaged_page_of_parquet_is_a_sentence(ingest, user_dir):
    path = user_dir / "p.parquet"
    pd.DataFrame({"source": [f"{row}" for row in range(999)], "target": "x"}).to_parquet(path)
    data = bytearray(path.read_bytes())
    data[4:200] = b"\xff" * 196
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"p\.parquet: cannot be read as Parquet, write it again: "):
        ingest("p.parquet")


def test_the_limit_of_the_csv_module_is_left_as_it_was(ingest, user_dir):
    before = csv.field_size_limit()
    (user_dir / "p.csv").write_text("source,target\na," + "b" * 200_000 + "\nc,d\ne,f\ng,h\n")
    assert len(ingest("p.csv", max_rejected=0.5)) == 3
    assert csv.field_size_limit() == before


@pytest.mark.parametrize("there", [["other.tsv", "b.csv"], []])
def test_a_missing_file_is_reported_with_what_is_there(ingest, user_dir, there):
    (user_dir / ".gitkeep").touch()
    for name in there:
        (user_dir / name).touch()
    listed = "b.csv, other.tsv" if there else "no file"
    with pytest.raises(ValueError, match=rf"pairs\.tsv: there is no such file; .* holds {listed}\. Put your file"):
        ingest("pairs.tsv")


def test_a_file_outside_the_folder_is_refused(ingest, user_dir):
    (user_dir.parent / "p.tsv").write_text("source\ttarget\na\tb\n")
    with pytest.raises(ValueError, match=r"table\.file: '\.\./p\.tsv': write it relative to"):
        ingest("../p.tsv")


@pytest.mark.parametrize("file", ["/etc/hosts", "sub/../pairs.tsv", "../pairs.tsv", f"{'a' * 300}.tsv"])
def test_a_file_is_named_relative_to_the_folder_of_pairs(file: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "pairs.tsv").write_text("source\ttarget\na\tb\n")
    params = load_params(Path(__file__).parents[3] / "params.yaml").params.pairs.sources.table
    with pytest.raises(ValueError, match=r"^pairs\.sources\.table\.file: .*: write it relative to .*, without \.\.$"):
        locate(params.model_copy(update={"file": file}), tmp_path)
