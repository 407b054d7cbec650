"""An index of images: what its rows may say, and that a row which names none of use is listed with its line."""

import pytest

from encdec.sources.image_index import list_index


@pytest.fixture
def listing(user_dir):
    def read(text, name="index.csv"):
        (user_dir / name).write_text(text)
        return list_index(user_dir, name)

    return read


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../secret.png", "path out of the folder"),
        ("x/../../secret.png", "path out of the folder"),
        ("x/../a.png", "path out of the folder"),  # it would not leave, but says what nobody means
        ("/etc/passwd", "path out of the folder"),
        ("//etc/passwd", "path out of the folder"),
        ("", "path out of the folder"),
        ('"a\nb.png"', "unusable path"),
        ("a\0.png", "control character"),
        ("b.png,dogs", "ragged row"),
    ],
)
def test_a_row_cannot_reach_out_of_the_folder(listing, user_dir, path, reason):
    found = listing(f"path,label\na.png,cats\n{path},cats\n")
    assert [entry.path for entry in found.entries] == ["a.png"]
    (rejection,) = found.rejected
    assert rejection.reason == reason
    assert rejection.sample.startswith("index.csv:")


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ("b.png,,train", "no label", "b.png has no label, expected the name of its class"),
        ("b.png,cats,", "unknown split", "b.png has the split '', expected one of train, val, test"),
        ("b.png,cats,Train", "unknown split", "b.png has the split 'Train', expected one of train, val, test"),
        ("b.png,ca\tts,val", "unusable label", r"the label 'ca\tts' holds the control character \t; rename it"),
        ("./c.png,cats,val", "named twice", "c.png stands already in index.csv:4"),
    ],
)
def test_a_row_that_cannot_be_used_is_listed_with_its_line(listing, user_dir, row, reason, detail):
    found = listing(f"path,label,split\nd.png,cats,train\na.png,cats,test\nc.png,cats,val\n{row}\n")
    assert [entry.path for entry in found.entries] == ["d.png", "a.png", "c.png"]
    assert list(found.rejected) == [("index.csv:5", reason, detail)]


def test_rows_that_contradict_each_other_are_all_rejected(listing, user_dir):
    found = listing("path,label\na.png,cats\nb.png,dogs\na.png,dogs\n./a.png,cats\n")
    assert [entry.path for entry in found.entries] == ["b.png"]
    detail = "a.png is not the same in index.csv:2 (cats), index.csv:4 (dogs), index.csv:5 (cats)"
    assert list(found.rejected) == [(f"index.csv:{line}", "contradiction", detail) for line in (2, 4, 5)]


def test_a_split_column_without_all_splits_is_no_split_column(listing):
    with pytest.raises(
        ValueError, match=r"index\.csv: the column split has no row for val, test; leave it out, or name"
    ):
        listing("path,label,split\na.png,cats,train\n")


@pytest.mark.parametrize("name", ["missing.csv", "../outside.csv", "index.txt", "sub/index.csv", ".", ""])
def test_an_index_must_be_a_table_in_the_folder(user_dir, name):
    (user_dir / "index.txt").write_text("path,label\n")
    (user_dir / "sub").mkdir()
    (user_dir / "sub" / "index.csv").write_text("path,label\n")
    (user_dir.parent / "outside.csv").write_text("path,label\n")
    with pytest.raises(ValueError, match=r"folder\.index: .*: expected the name of a \.csv or \.parquet file in"):
        list_index(user_dir, name)


def test_a_table_without_the_columns_is_told_what_it_has(listing):
    with pytest.raises(ValueError, match=r"index\.csv: has no column 'label'.*path, class"):
        listing("path,class\na.png,a\n")
