import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from encdec.sources.ingest import ingest_images
from encdec.sources.reading import iter_images


@pytest.fixture
def put(user_dir):
    """Store an image of one grey level under a path of the user's folder."""

    def store(path, level=0, size=(3, 2)):
        (user_dir / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, level).save(user_dir / path)

    return store


@pytest.fixture
def ingest(images_of, user_dir, out):
    def run(**changed):
        images = images_of("folder", **changed)
        ingest_images(images, user_dir=user_dir, out=out)
        return pd.read_parquet(out / "manifest.parquet"), json.loads((out / "source.json").read_text()), images

    return run


def test_a_folder_per_class_is_read_in_depth_and_in_order(put, ingest, out):
    put("dogs/b.png", 20)
    put("dogs/a/deep.BMP", 30, size=(5, 4))
    put("cats/c.png", 10)
    rows, source, images = ingest()
    assert list(rows["sample"]) == ["cats/c.png", "dogs/a/deep.BMP", "dogs/b.png"]
    assert list(rows.label) == ["cats", "dogs", "dogs"]
    assert list(rows.pixel_mean) == [10, 30, 20]
    assert (list(rows.height), list(rows.width)) == ([2, 4, 2], [3, 5, 3])
    assert source["classes"] == ["cats", "dogs"]
    assert source["pixel_max"] == 255
    assert source["split"] == {"train": 0.7, "val": 0.15, "test": 0.15}
    assert [(*image.shape, int(image[0, 0, 0])) for image in iter_images(out, images)] == [
        (2, 3, 1, 10),
        (4, 5, 1, 30),
        (2, 3, 1, 20),
    ]


def test_files_are_kept_byte_for_byte_with_their_digests(put, ingest, out, user_dir):
    put("cats/c.png", 10)
    _, source, _ = ingest()
    kept = out / "files" / "cats" / "c.png"
    assert kept.read_bytes() == (user_dir / "cats" / "c.png").read_bytes()
    assert list(source["files"]) == ["cats/c.png"]
    assert len(source["files"]["cats/c.png"]) == 64


def test_what_people_and_tools_put_beside_images_is_left_out(put, ingest, user_dir):
    put("cats/c.png")
    for name in (".gitkeep", "README.md", "readme", "cats.dvc", "cats/.DS_Store", "cats/Thumbs.db", "cats/.hidden.png"):
        (user_dir / name).write_text("x")
    put(".cache/x.png")
    rows, _, _ = ingest()
    assert list(rows["sample"]) == ["cats/c.png"]


def test_declared_classes_are_kept_as_they_are(put, ingest):
    put("cats/c.png")
    assert ingest(classes=("dogs", "cats"))[1]["classes"] == ["dogs", "cats"]


def test_the_same_picture_in_two_formats_is_one_content(put, ingest):
    put("cats/c.png", 10)
    put("cats/d.bmp", 10)
    rows, _, _ = ingest()
    assert rows.content_hash.nunique() == 1
    assert rows.split.nunique() == 1


@pytest.mark.parametrize("made", [True, False], ids=["empty", "missing"])
def test_an_empty_folder_says_where_images_go(ingest, user_dir, made):
    (user_dir / ".gitkeep").touch()
    if not made:
        (user_dir / ".gitkeep").unlink()
        user_dir.rmdir()
    with pytest.raises(ValueError, match=rf"{user_dir}: holds no image\. Put yours into {user_dir}/<class>/"):
        ingest()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cats/notes.txt", "cats/notes.txt: is no image file .*; remove it"),
        ("labels.csv", r"labels.csv: is no image file .*; if it lists the images, name it in images\.sources\.folder"),
        ("loose.png", "loose.png: lies in no class's folder: move it into"),
        ("cats/broken.png", "cats/broken.png: cannot be read as an image"),
    ],
)
def test_a_file_that_does_not_belong_is_named(put, ingest, user_dir, name, message):
    put("cats/c.png")
    (user_dir / name).write_text("x")
    with pytest.raises(ValueError, match=message):
        ingest()


def test_links_that_lead_nowhere_or_to_folders_are_named(put, ingest, user_dir, tmp_path):
    put("cats/c.png")
    (user_dir / "cats" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(ValueError, match=r"cats/gone\.png: cannot be read: No such file"):
        ingest()
    (user_dir / "cats" / "gone.png").unlink()
    (user_dir / "dogs").symlink_to(user_dir / "cats")
    with pytest.raises(ValueError, match="dogs: is a link to a folder"):
        ingest()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_index_names_paths_labels_and_splits(put, ingest, user_dir, out, suffix):
    for level, name in enumerate(["x/1.png", "2.png", "x/3.png"]):
        put(name, level)
    put("not in the index.png")
    index = pd.DataFrame({"label": [7, 8, 7], "path": ["x/3.png", "./x//1.png", "2.png"], "extra": [0.5, 1.5, 2.5]})
    index["split"] = ["test", "train", "val"]
    if suffix == ".csv":
        index.to_csv(user_dir / "index.csv", index=False)
    else:
        index.to_parquet(user_dir / "index.parquet")
    rows, source, images = ingest(index=f"index{suffix}")
    assert list(rows["sample"]) == ["x/3.png", "x/1.png", "2.png"]
    assert list(rows.label) == ["7", "8", "7"]
    assert list(rows.split) == ["test", "train", "val"]
    assert source["split"] == {"train": 1 / 3, "val": 1 / 3, "test": 1 / 3}
    assert set(source["files"]) == {"x/1.png", "2.png", "x/3.png", f"index{suffix}"}
    assert [int(image.mean()) for image in iter_images(out, images)] == [2, 0, 1]


def test_without_a_split_in_the_index_the_content_decides(put, ingest, user_dir):
    for level in range(30):
        put(f"{level}.png", level)
    lines = [f"{level}.png,{'NA' if level % 2 else 'null'}" for level in range(30)]
    (user_dir / "index.csv").write_text("path,label\n" + "\n".join(lines) + "\n")
    rows, source, _ = ingest(index="index.csv")
    assert set(rows.split) == {"train", "val", "test"}
    assert source["classes"] == ["NA", "null"]  # names, not missing values
    assert source["split"] == {"train": 0.7, "val": 0.15, "test": 0.15}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("path,label\n../secret.png,a\n", r"index\.csv:2: the path '\.\./secret\.png' does not lie inside"),
        ("path,label\na.png,a\nx/../../secret.png,a\n", r"index\.csv:3: .* does not lie inside"),
        ("path,label\n/etc/passwd,a\n", r"index\.csv:2: the path '/etc/passwd' does not lie inside"),
        ("path,label\nlink.png,a\n", r"index\.csv:2: the path 'link\.png' does not lie inside"),
        ("path,label\n,a\n", r"index\.csv:2: the path '' does not lie inside"),
        ("path,label\nb.png,a\n", r"index\.csv:2: .*b\.png: there is no such file"),
        ("path,label\na.png,\n", r"index\.csv:2: a\.png has no label"),
        ("path,label\na.png,a\n./a.png,b\n", r"index\.csv:3: \./a\.png stands already in .*index\.csv:2"),
        ("path,class\na.png,a\n", r"index\.csv: has no column 'label' .*columns found: path, class"),
        ("path,label,split\na.png,a,train\n", r"index\.csv: the column split has no row for val, test; leave it out"),
        ("path,label\n", "holds no image"),
    ],
)
def test_a_wrong_index_is_named_with_its_line(put, ingest, user_dir, rows, message):
    put("a.png")
    put("../secret.png")
    (user_dir / "link.png").symlink_to(user_dir.parent / "secret.png")
    (user_dir / "index.csv").write_text(rows)
    with pytest.raises(ValueError, match=message):
        ingest(index="index.csv")


def test_an_unknown_split_in_an_index_is_named(put, ingest, user_dir):
    for name in "abcd":
        put(f"{name}.png")
    rows = ["a.png,x,train", "b.png,x,val", "c.png,x,test", "d.png,x,"]
    (user_dir / "index.csv").write_text("path,label,split\n" + "\n".join(rows))
    with pytest.raises(ValueError, match=r"index\.csv:5: d\.png has the split '', expected one of train, val, test"):
        ingest(index="index.csv")


@pytest.mark.parametrize("name", ["missing.csv", "../outside.csv", "index.txt"])
def test_an_index_must_be_a_table_in_the_folder(put, ingest, user_dir, name):
    (user_dir / "index.txt").write_text("path,label\n")
    (user_dir.parent / "outside.csv").write_text("path,label\n")
    with pytest.raises(ValueError, match=rf"index: {name}: expected the name of a \.csv or \.parquet file in"):
        ingest(index=name)


def test_every_pixel_of_a_colour_image_is_read_again(put, ingest, out, user_dir):
    pixels = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    (user_dir / "noise").mkdir()
    Image.fromarray(pixels).save(user_dir / "noise" / "a.png")
    _, _, images = ingest()
    (read,) = iter_images(out, images)
    assert (read == pixels).all()


def test_copies_that_training_cannot_tell_apart_are_one_content_and_share_a_split(put, ingest, user_dir):
    """In grey and in colours, with and without transparency: after preparation they are the same picture."""
    put("cats/grey.png", 77, size=(28, 28))
    for mode in ("RGB", "RGBA"):
        with Image.open(user_dir / "cats/grey.png") as image:
            image.convert(mode).save(user_dir / f"cats/{mode}.png")
    put("cats/other.png", 78, size=(28, 28))
    rows = ingest(height=28, width=28, channels=1)[0].set_index("sample")
    copies = rows.loc[["cats/grey.png", "cats/RGB.png", "cats/RGBA.png"]]
    assert copies.content_hash.nunique() == 1
    assert copies.split.nunique() == 1
    assert list(copies.channels) == [1, 3, 4], "the manifest still says what the file is"
    assert rows.content_hash["cats/other.png"] not in set(copies.content_hash)
