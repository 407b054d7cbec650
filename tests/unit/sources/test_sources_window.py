"""Later batches beside the base data: which are read, how their rows are named, and a batch by itself."""

import json

import pandas as pd
import pytest
from PIL import Image

from encdec.sources.batch import describe_images, describe_pairs
from encdec.sources.image_index import list_index
from encdec.sources.ingest import ingest_images, ingest_pairs
from encdec.sources.window import batch_of, outside

OLD, NEW = "batch-20260101T000000Z-00000001", "batch-20260201T000000Z-00000002"


@pytest.mark.parametrize(("newest", "left_out"), [(0, set()), (1, {"a", "b"}), (2, {"a"}), (3, set()), (9, set())])
def test_a_window_keeps_the_newest(newest, left_out):
    assert outside(["b", "a", "c", "a"], newest=newest) == left_out


@pytest.mark.parametrize(
    ("path", "batch"),
    [
        (f"cat/{OLD}/1.png", OLD),
        (f"cat/{OLD}/deep/1.png", OLD),
        (f"cat/{OLD}", None),  # a file that is called so
        ("cat/batch-1/1.png", None),
        ("cat/1.png", None),
        (f"{OLD}/1.png", None),  # a class that is called so
    ],
)
def test_a_batch_is_the_folder_below_the_class(path, batch):
    assert batch_of(path) == batch


@pytest.fixture
def images(user_dir):
    """Six images of each class, and two of each in both batches."""

    def put(path, level):
        (user_dir / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 2), level).save(user_dir / path)

    for place, label in enumerate(("cows", "hens")):
        for number in range(6):
            put(f"{label}/{number}.png", 100 * place + number)
        for place_of_batch, name in enumerate((OLD, NEW)):
            for number in range(2):
                put(f"{label}/{name}/{number}.png", 100 * place + 10 + 2 * place_of_batch + number)


@pytest.mark.parametrize(("newest", "rows", "batches"), [(0, 20, {OLD, NEW}), (1, 16, {NEW}), (2, 20, {OLD, NEW})])
def test_images_of_the_newest_batches_are_ingested(images, images_of, user_dir, out, newest, rows, batches):
    # 2 classes x 6 of the base data, and 2 x 2 for each batch in the window
    ingest_images(images_of("folder", batches=newest), user_dir=user_dir, out=out)
    manifest = pd.read_parquet(out / "manifest.parquet")
    assert len(manifest) == rows
    assert {batch_of(sample) for sample in manifest["sample"]} - {None} == batches


def test_an_index_is_read_with_those_of_its_batches(user_dir):
    (user_dir / "index.csv").write_text("path,label\na.png,cats\n")
    for name, label in ((OLD, "cats"), (NEW, "dogs")):
        (user_dir / "batches" / name).mkdir(parents=True)
        (user_dir / "batches" / name / "index.csv").write_text(f"path,label\nx/1.png,{label}\n../2.png,cats\n")
    found = list_index(user_dir, "index.csv")
    assert [(each.path, each.label) for each in found.entries] == [
        ("a.png", "cats"), (f"batches/{OLD}/x/1.png", "cats"), (f"batches/{NEW}/x/1.png", "dogs"),
    ]  # fmt: skip
    assert [each.sample for each in found.rejected] == [f"batches/{name}/index.csv:3" for name in (OLD, NEW)]
    assert list(found.indices) == ["index.csv", *(f"batches/{name}/index.csv" for name in (OLD, NEW))]
    assert [each.path for each in list_index(user_dir, "index.csv", newest=1).entries] == [
        "a.png", f"batches/{NEW}/x/1.png",
    ]  # fmt: skip


@pytest.fixture
def tables(user_dir):
    (user_dir / "batches").mkdir(parents=True)
    (user_dir / "pairs.tsv").write_text("source\ttarget\none\t1\ntwo\t2\n")
    (user_dir / "batches" / f"{OLD}.csv").write_text("target,source\n3,three\n")
    (user_dir / "batches" / f"{NEW}.jsonl").write_text(
        '{"source": "four", "target": "4"}\n{"source": "", "target": 1}\n'
    )
    (user_dir / "batches" / "README.md").write_text("not a table")


def test_pairs_of_all_batches_are_ingested_and_named_by_file_and_line(tables, pairs_of, user_dir, out):
    ingest_pairs(pairs_of("table", max_rejected=0.5), user_dir=user_dir, out=out)
    manifest = pd.read_parquet(out / "manifest.parquet")
    assert dict(zip(manifest["sample"], manifest["target"], strict=True)) == {
        "pairs.tsv:2": "1", "pairs.tsv:3": "2", f"batches/{OLD}.csv:2": "3", f"batches/{NEW}.jsonl:1": "4",
    }  # fmt: skip
    assert f"batches/{NEW}.jsonl:2,blank source" in (out / "rejected.csv").read_text()
    files = json.loads((out / "source.json").read_text())["files"]
    assert set(files) == {"pairs.tsv", f"batches/{OLD}.csv", f"batches/{NEW}.jsonl"}


def test_the_window_of_pairs_leaves_the_older_batches_out(tables, pairs_of, user_dir, out):
    ingest_pairs(pairs_of("table", max_rejected=0.5, batches=1), user_dir=user_dir, out=out)
    assert set(pd.read_parquet(out / "manifest.parquet")["source"]) == {"one", "two", "four"}


def test_rejected_rows_of_a_batch_count_against_the_same_limit(tables, pairs_of, user_dir, out):
    # one of five rows is blank: 20 %
    with pytest.raises(ValueError, match=r"1 of 5 rows \(20.00%\) cannot be used"):
        ingest_pairs(pairs_of("table", max_rejected=0.1), user_dir=user_dir, out=out)


def test_a_batch_that_is_a_link_out_of_the_folder_is_refused(tables, pairs_of, user_dir, out, tmp_path):
    (tmp_path / "elsewhere.tsv").write_text("source\ttarget\nfive\t5\n")
    (user_dir / "batches" / "linked.tsv").symlink_to(tmp_path / "elsewhere.tsv")
    with pytest.raises(ValueError, match=r"linked.tsv: is a link out of"):
        ingest_pairs(pairs_of("table", max_rejected=0.5), user_dir=user_dir, out=out)


def test_a_batch_of_one_class_is_described_by_itself(images_of, user_dir, tmp_path):
    (user_dir / "cows").mkdir(parents=True)
    Image.new("L", (3, 2), 7).save(user_dir / "cows" / "1.png")
    (user_dir / "cows" / "2.png").write_bytes(b"not an image")
    (tmp_path / "scratch").mkdir()
    found = describe_images(images_of("folder", max_rejected=0.5).selected, user_dir, scratch=tmp_path / "scratch")
    assert list(found.manifest["label"]) == ["cows"]
    assert [each.reason for each in found.rejected] == ["unreadable image"]


def test_an_empty_batch_is_refused(images_of, pairs_of, user_dir, tmp_path):
    (tmp_path / "scratch").mkdir()
    with pytest.raises(ValueError, match="holds no image"):
        describe_images(images_of("folder").selected, user_dir, scratch=tmp_path / "scratch")
    (tmp_path / "b.tsv").write_text("source\ttarget\n")
    with pytest.raises(ValueError, match="has no row below its header"):
        describe_pairs(pairs_of("table").selected, tmp_path / "b.tsv")
