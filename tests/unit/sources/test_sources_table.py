import json

import pandas as pd
import pytest

from encdec.sources.ingest import ingest_pairs

ROWS = [("one", "1"), ("NA", ""), ('say "hi"', "null"), ('"hi" he said', '"'), ("été, nan", " x ")]


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


def test_nulls_are_empty_texts_and_whole_numbers_are_texts(ingest, user_dir):
    (user_dir / "pairs.jsonl").write_text('{"source": null, "target": 7}\n\n{"target": -1, "source": "a", "x": 0.5}\n')
    rows = ingest("pairs.jsonl")
    assert list(zip(rows.source, rows.target, strict=True)) == [("", "7"), ("a", "-1")]


def test_nulls_in_parquet_are_empty_texts(ingest, user_dir):
    frame = pd.DataFrame({"source": ["a", None], "target": [1, 2], "x": [0.5, 1.5]})
    frame.to_parquet(user_dir / "pairs.parquet")
    rows = ingest("pairs.parquet")
    assert list(zip(rows.source, rows.target, strict=True)) == [("a", "1"), ("", "2")]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("p.tsv", b"src\ttarget\na\tb\n", r"p\.tsv: has no column 'source'.*; columns found: src, target"),
        ("p.tsv", b"", r"p\.tsv: has no column 'source'; the file is empty"),
        ("p.tsv", b"source\ttarget\n", r"p\.tsv: has no row below its header"),
        ("p.tsv", b"source\ttarget\na\tb\na\tb\tc\n", r"p\.tsv:3: cells: 3, but the header has 2"),
        ("p.csv", b"source,target\na\n", r"p\.csv:2: cells: 1, but the header has 2"),
        ("p.csv", b'source,target\na,"b\n', r"p\.csv:2: unexpected end of data"),
        ("p.csv", b"source,source,target\na,b,c\n", r"p\.csv: has 2 columns 'source'"),
        ("p.csv", b"source,target\na,\xff\n", r"p\.csv: the byte 0xff at position 16 \(line 2\) is not UTF-8"),
        ("p.csv", b"\xff\xfes\0o\0", r"p\.csv: the byte 0xff at position 0 \(line 1\) is not UTF-8: save"),
        ("p.jsonl", b'{"source": "a", "target": "b"}\n{"source"', r"p\.jsonl:2: is no JSON"),
        ("p.jsonl", b'["a", "b"]\n', r"p\.jsonl:1: holds list, expected an object with source, target"),
        ("p.jsonl", b'{"source": "a"}\n', r"p\.jsonl:1: has no column 'target'.*columns found: source"),
        ("p.jsonl", b'{"source": NaN, "target": "b"}\n', r"p\.jsonl:1: source: holds nan, expected a text"),
        ("p.jsonl", b'{"source": true, "target": "b"}\n', r"p\.jsonl:1: source: holds True, expected a text"),
        ("p.jsonl", b'{"source": "\\ud800", "target": "b"}\n', r"p\.jsonl:1: source: holds half of a surrogate pair"),
        ("p.parquet", b"PAR1", r"p\.parquet: cannot be read as Parquet"),
        ("p.txt", b"a\tb\n", r"p\.txt: unknown type of table '\.txt' \(valid: \.csv, \.tsv, \.jsonl, \.parquet\)"),
    ],
)
def test_a_malformed_table_is_named_with_the_place(ingest, user_dir, file, content, message):
    (user_dir / file).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        ingest(file)


def test_a_parquet_column_of_fractions_is_refused_with_its_row(ingest, user_dir):
    pd.DataFrame({"source": ["a", "b"], "target": [1.0, 2.5]}).to_parquet(user_dir / "p.parquet")
    with pytest.raises(ValueError, match=r"p\.parquet: row 1: target: holds 1\.0, expected a text or a whole number"):
        ingest("p.parquet")


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
    with pytest.raises(ValueError, match=r"table\.file: \.\./p\.tsv lies outside"):
        ingest("../p.tsv")
