"""A user's own images, as they really lie in folders: what is kept, what is rejected, and what stops everything."""

import json
import os
import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from encdec.outs import whole_folder
from encdec.sources.ingest import ingest_images
from encdec.sources.reading import iter_images
from encdec.sources.rejections import read_rejected

EACH = 12  # images of each of the two classes that are always there
FIRST_LINE = 2 + 2 * EACH  # of an index, after its header and theirs
KEY = "images.sources.folder.max_rejected"


@pytest.fixture
def put(user_dir):
    """Store an image of one grey level under a path of the user's folder."""

    def store(path, level=0, size=(3, 2)):
        (user_dir / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, level).save(user_dir / path)

    return store


@pytest.fixture
def herd(put):
    """Two classes, cows and hens, with which whatever else a test puts there is a set of data."""
    for number in range(EACH):
        put(f"cows/{number:02d}.png", 100 + number)
        put(f"hens/{number:02d}.png", 200 + number)


@pytest.fixture
def ingest(images_of, user_dir, out):
    """Returns the manifest by sample, source.json, and the section."""

    def run(**changed):
        images = images_of("folder", **{"max_rejected": 0.3, **changed})
        ingest_images(images, user_dir=user_dir, out=out)
        rows = pd.read_parquet(out / "manifest.parquet")
        return rows.set_index("sample"), json.loads((out / "source.json").read_text()), images

    return run


@pytest.fixture
def index(user_dir):
    """Write an index of the herd and of more rows, the first of which stands in FIRST_LINE."""

    def write(*rows, header="path,label"):
        lines = [header]
        for label in ("cows", "hens"):
            for number in range(EACH):
                split = f",{('train', 'val', 'test')[number % 3]}" if "split" in header else ""
                lines.append(f"{label}/{number:02d}.png,{label}{split}")
        (user_dir / "index.csv").write_text("\n".join([*lines, *rows]) + "\n")

    return write


def kept_in(out):
    """The bytes of the user's files by path, as pandas reads them."""
    shards = [pd.read_parquet(path) for path in sorted((out / "files/images").glob("*.parquet"))]
    together = pd.concat(shards)
    return dict(zip(together["sample"], together["data"], strict=True))


@pytest.mark.usefixtures("herd")
def test_a_folder_per_class_is_read_in_depth_and_in_order(put, ingest, out):
    put("dogs/b.png", 20)
    put("dogs/c/deep.BMP", 30, size=(5, 4))
    put("dogs/d.png", 40)
    rows, source, images = ingest()
    assert list(rows.index) == sorted(rows.index)
    assert list(rows.index[:3]) == ["cows/00.png", "cows/01.png", "cows/02.png"]
    dogs = rows[rows.label == "dogs"]
    assert list(dogs.index) == ["dogs/b.png", "dogs/c/deep.BMP", "dogs/d.png"]
    assert list(dogs.pixel_mean) == [20, 30, 40]
    assert (list(dogs.height), list(dogs.width)) == ([2, 4, 2], [3, 5, 3])
    assert source["classes"] == ["cows", "dogs", "hens"]
    assert source["pixel_max"] == 255
    assert source["split"] == {"train": 0.7, "val": 0.15, "test": 0.15}
    read = dict(zip(rows.index, iter_images(out, images), strict=True))
    assert [(*read[sample].shape, int(read[sample][0, 0, 0])) for sample in dogs.index] == [
        (2, 3, 1, 20),
        (4, 5, 1, 30),
        (2, 3, 1, 40),
    ]
    assert read_rejected(out).empty


@pytest.mark.usefixtures("herd")
def test_files_are_kept_byte_for_byte_with_their_digests(ingest, out, user_dir):
    _, source, _ = ingest()
    kept = kept_in(out)
    assert len(kept) == 2 * EACH
    assert kept == {path: (user_dir / path).read_bytes() for path in kept}
    assert len(source["files"]) == 2 * EACH
    assert len(source["files"]["cows/00.png"]) == 64


@pytest.mark.usefixtures("herd")
def test_declared_classes_are_kept_as_they_are(ingest):
    assert ingest(classes=("hens", "cows"))[1]["classes"] == ["hens", "cows"]


@pytest.mark.usefixtures("herd")
def test_the_same_picture_in_two_formats_is_one_content(put, ingest):
    put("cows/c.png", 10)
    put("cows/d.bmp", 10)
    copies = ingest()[0].loc[["cows/c.png", "cows/d.bmp"]]
    assert copies.content_hash.nunique() == 1
    assert copies.split.nunique() == 1


@pytest.mark.parametrize("made", [True, False], ids=["empty", "missing"])
def test_an_empty_folder_says_where_images_go(ingest, user_dir, made):
    (user_dir / ".gitkeep").touch()
    if not made:
        (user_dir / ".gitkeep").unlink()
        user_dir.rmdir()
    with pytest.raises(ValueError, match=rf"{user_dir}: holds no image\. Put yours into {user_dir}/<class>/"):
        ingest()


@pytest.mark.usefixtures("herd")
def test_names_of_every_script_and_with_spaces_go_through(put, ingest, out):
    for name in ("a b.png", "caf\u00e9.png", "\u732b.png", "\u06a9\u200c\u06cc.png"):
        put(f"my \u732b/{name}", 50)
    rows, source, images = ingest()
    assert source["classes"] == ["cows", "hens", "my \u732b"]
    assert set(rows.index[-4:]) == {
        f"my \u732b/{name}.png" for name in ("a b", "caf\u00e9", "\u732b", "\u06a9\u200c\u06cc")
    }
    assert [int(image.mean()) for image in iter_images(out, images)][-4:] == [50] * 4


@pytest.mark.usefixtures("herd")
def test_sizes_and_colours_may_be_mixed_and_are_told(put, ingest, user_dir, out):
    for mode, size in (("RGB", (7, 5)), ("RGBA", (28, 28)), ("CMYK", (9, 9)), ("1", (200, 100)), ("P", (4, 4))):
        Image.new(mode, size).save(user_dir / "hens" / f"{mode}.tif")
    rows, _, images = ingest()
    assert {
        mode: tuple(rows.loc[f"hens/{mode}.tif", ["height", "width", "channels"]]) for mode in ("RGB", "1", "P")
    } == {
        "RGB": (5, 7, 3),
        "1": (100, 200, 1),
        "P": (4, 4, 3),
    }
    assert rows.channels["hens/RGBA.tif"] == 4
    assert rows.channels["hens/CMYK.tif"] == 3
    assert [image.shape for image in iter_images(out, images)] == list(
        zip(rows.height, rows.width, rows.channels, strict=True)
    )


def spoil(folder):
    """Plant a file of each kind that cannot be used; the reason expected for each."""
    frames = [Image.new("L", (4, 4), level) for level in (0, 200)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:])
    Image.new("I;16", (4, 4)).save(folder / "deep.png")
    header = struct.pack(">IIBBBBB", 50000, 50000, 1, 0, 0, 0, 0)
    ihdr = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + ihdr + struct.pack(">I", 0) + b"IDAT" + bytes(4))
    whole = (folder / "00.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[:-30])
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("<html>404 not found</html>")
    (folder.parent.parent / "outside.png").write_bytes(whole)
    (folder / "link.png").symlink_to("../../outside.png")
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "two\nlines.png").write_bytes(whole)
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(whole)
    os.mkfifo(folder / "pipe.png")
    return {
        "animated.gif": "several frames",
        "bomb.png": "too many pixels",
        "caf\\xe9.png": "unusable name",
        "cut.png": "unreadable image",
        "deep.png": "more than 8 bits",
        "empty.png": "empty file",
        "gone.png": "missing file",
        "link.png": "link out of the folder",
        "pipe.png": "no regular file",
        "text.jpg": "unreadable image",
        "two\\nlines.png": "unusable name",
    }


@pytest.mark.usefixtures("herd")
def test_every_file_that_cannot_be_used_is_left_out_and_listed_with_its_reason(ingest, user_dir, out):
    reasons = spoil(user_dir / "cows")
    rows, source, _ = ingest(max_rejected=len(reasons) / (len(reasons) + 2 * EACH))
    listed = read_rejected(out)
    assert dict(zip(listed["sample"], listed["reason"], strict=True)) == {
        f"cows/{name}": reason for name, reason in reasons.items()
    }
    assert len(rows) == 2 * EACH
    assert set(source["files"]) == set(rows.index), "what is rejected is not kept"
    assert set(kept_in(out)) == set(rows.index)


@pytest.mark.usefixtures("herd")
def test_more_of_them_than_the_limit_stop_everything_and_leave_nothing(images_of, user_dir, tmp_path):
    reasons = spoil(user_dir / "cows")
    images = images_of("folder", max_rejected=len(reasons) / (len(reasons) + 2 * EACH) - 1e-6)

    def ingest():
        with whole_folder(tmp_path / "raw") as folder:
            ingest_images(images, user_dir=user_dir, out=folder)

    with pytest.raises(
        ValueError, match=rf"^11 of 35 files in {user_dir} \(31\.43%\) cannot be used, more than"
    ) as caught:
        ingest()
    said = str(caught.value)
    assert f"{KEY} (0.314285) allows" in said
    assert "  2 unreadable image\n" in said
    for name in reasons:
        assert f"  cows/{name}: {reasons[name]}: " in said
    assert not (tmp_path / "raw").exists()
    assert not (tmp_path / ".raw.partial").exists()


def test_a_folder_with_nothing_but_broken_images_is_no_data_whatever_the_limit(ingest, user_dir):
    (user_dir / "cows").mkdir()
    for number in range(40):
        (user_dir / "cows" / f"{number}.png").touch()
    with pytest.raises(
        ValueError, match=r"^40 of 40 files in .* cannot be used, so nothing is left:\n  40 empty file\n"
    ):
        ingest(max_rejected=1.0)


@pytest.mark.usefixtures("herd")
def test_rejected_files_are_the_same_bytes_twice(images_of, user_dir, tmp_path):
    spoil(user_dir / "cows")
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        ingest_images(images_of("folder", max_rejected=0.5), user_dir=user_dir, out=tmp_path / name)
        files = [path for path in sorted((tmp_path / name).rglob("*")) if path.is_file()]
        written.append([(path.relative_to(tmp_path / name), path.read_bytes()) for path in files])
    assert written[0] == written[1]
    assert str(tmp_path) not in (tmp_path / "one" / "rejected.csv").read_text()


def test_one_class_alone_is_refused(put, ingest):
    for number in range(EACH):
        put(f"cows/{number}.png", number)
    with pytest.raises(ValueError, match=r"classes found: 'cows'; expected two or more"):
        ingest()


@pytest.mark.usefixtures("herd")
def test_a_class_with_one_sample_is_refused(put, ingest):
    put("newts/a.png")
    with pytest.raises(ValueError, match=r"class 'newts' has 1 image, but train, val, test need one each; add images"):
        ingest()


@pytest.mark.usefixtures("herd")
def test_a_class_that_is_all_broken_is_refused_though_the_limit_is_kept(ingest, user_dir):
    (user_dir / "newts").mkdir()
    (user_dir / "newts" / "a.png").touch()
    with pytest.raises(
        ValueError, match=r"class 'newts' has 0 images that can be used, of 1, but train, val, test need"
    ):
        ingest()


@pytest.mark.usefixtures("herd")
def test_a_file_that_does_not_belong_stops_everything_before_images_are_read(ingest, user_dir, out):
    (user_dir / "cows" / "more.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"cows/more\.zip: is an archive, which is not unpacked here: unpack it into"):
        ingest()
    assert list(out.iterdir()) == []


@pytest.mark.usefixtures("herd")
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_index_names_paths_labels_and_splits(put, ingest, user_dir, out, suffix):
    put("not in the index.png")
    splits = [("train", "val", "test")[number % 3] for number in range(2 * EACH)]
    rows = [(f"{label}/{number:02d}.png", label) for label in ("cows", "hens") for number in reversed(range(EACH))]
    index = pd.DataFrame({"label": [{"cows": 7, "hens": 8}[label] for _, label in rows], "extra": 0.5})
    index["path"] = [f"./{path}" if number == 0 else path for number, (path, _) in enumerate(rows)]
    index["split"] = splits
    if suffix == ".csv":
        index.to_csv(user_dir / "index.csv", index=False)
    else:
        index.to_parquet(user_dir / "index.parquet")
    manifest, source, images = ingest(index=f"index{suffix}")
    assert list(manifest.index) == [path for path, _ in rows]
    assert list(manifest.label) == ["7"] * EACH + ["8"] * EACH
    assert list(manifest.split) == splits
    assert source["split"] == {"train": 1 / 3, "val": 1 / 3, "test": 1 / 3}
    assert set(source["files"]) == {*manifest.index, f"index{suffix}"}
    assert [int(image.mean()) for image in iter_images(out, images)][:2] == [111, 110]


def test_without_a_split_in_the_index_the_content_decides(put, ingest, user_dir):
    for level in range(30):
        put(f"{level}.png", level)
    lines = [f"{level}.png,{'NA' if level % 2 else 'null'}" for level in range(30)]
    (user_dir / "index.csv").write_text("path,label\n" + "\n".join(lines) + "\n")
    rows, source, _ = ingest(index="index.csv")
    assert set(rows.split) == {"train", "val", "test"}
    assert source["classes"] == ["NA", "null"]  # names, not missing values
    assert source["split"] == {"train": 0.7, "val": 0.15, "test": 0.15}


@pytest.mark.usefixtures("herd")
def test_rows_of_an_index_that_name_no_image_of_use_are_listed_with_their_line(put, index, ingest, user_dir, out):
    put("../secret.png")
    (user_dir / "link.png").symlink_to("../secret.png")
    (user_dir / "notes.txt").write_text("no image")
    index("../secret.png,cows", "link.png,cows", "gone.png,cows", "notes.txt,cows", ".,cows", "cows/00.png,hens")
    rows, _, _ = ingest(index="index.csv")
    place = "index.csv:"
    listed = read_rejected(out)
    assert dict(zip(listed["sample"], listed["reason"], strict=True)) == {
        f"{place}{FIRST_LINE}": "path out of the folder",
        "link.png": "link out of the folder",
        "gone.png": "missing file",
        "notes.txt": "unreadable image",
        ".": "no regular file",
        f"{place}2": "contradiction",
        f"{place}{FIRST_LINE + 5}": "contradiction",
    }
    assert len(rows) == 2 * EACH - 1


@pytest.mark.usefixtures("herd")
def test_an_index_whose_test_images_are_all_broken_still_tells_its_shares(index, put, ingest, user_dir):
    index(header="path,label,split")
    for path in [*user_dir.glob("*/02.png"), *user_dir.glob("*/05.png"), *user_dir.glob("*/08.png")]:
        path.write_bytes(b"")
    for path in user_dir.glob("*/11.png"):
        path.write_bytes(b"")
    rows, source, _ = ingest(index="index.csv", max_rejected=0.5)
    assert len(rows) == 16
    assert source["split"] == {"train": 0.5, "val": 0.5, "test": 0.0}


@pytest.mark.parametrize("rows", ["path,label\n", ""])
def test_an_index_without_rows_is_no_data(ingest, user_dir, rows):
    (user_dir / "index.csv").write_text(rows)
    with pytest.raises(ValueError, match=r"holds no image|index\.csv"):
        ingest(index="index.csv")


@pytest.mark.usefixtures("herd")
def test_every_pixel_of_a_colour_image_is_read_again(ingest, out, user_dir):
    pixels = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(user_dir / "hens" / "z.png")
    _, _, images = ingest()
    *_, read = iter_images(out, images)
    assert (read == pixels).all()


@pytest.mark.usefixtures("herd")
def test_copies_that_training_cannot_tell_apart_are_one_content_and_share_a_split(put, ingest, user_dir):
    """In grey and in colours, with and without transparency: after preparation they are the same picture."""
    put("cows/grey.png", 77, size=(28, 28))
    for mode in ("RGB", "RGBA"):
        with Image.open(user_dir / "cows/grey.png") as image:
            image.convert(mode).save(user_dir / f"cows/{mode}.png")
    put("cows/other.png", 78, size=(28, 28))
    rows = ingest(height=28, width=28, channels=1)[0]
    copies = rows.loc[["cows/grey.png", "cows/RGB.png", "cows/RGBA.png"]]
    assert copies.content_hash.nunique() == 1
    assert copies.split.nunique() == 1
    assert list(copies.channels) == [1, 3, 4], "the manifest still says what the file is"
    assert rows.content_hash["cows/other.png"] not in set(copies.content_hash)
