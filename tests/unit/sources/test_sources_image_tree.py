"""What may lie in a user's folder of images, and that everything which may not is named at once."""

import os

import pytest

from encdec.sources.image_tree import list_tree


@pytest.fixture
def put(user_dir):
    def store(*paths):
        for path in paths:
            (user_dir / path).parent.mkdir(parents=True, exist_ok=True)
            (user_dir / path).write_bytes(b"x")

    return store


def test_the_class_is_the_first_folder_of_the_path(put, user_dir):
    put("dogs/b.png", "dogs/a/deep.BMP", "cats/c.jpeg")
    listing = list_tree(user_dir)
    assert [(entry.path, entry.label, entry.split) for entry in listing.entries] == [
        ("cats/c.jpeg", "cats", None),
        ("dogs/a/deep.BMP", "dogs", None),
        ("dogs/b.png", "dogs", None),
    ]
    assert list(listing.rejected) == []


def test_spaces_and_every_script_are_names(put, user_dir):
    names = [
        "a b.png",
        " c.png",
        "caf\u00e9.png",
        "cafe\u0301.png",
        "\u732b.png",
        "\u06a9\u200c\u06cc.png",
        "\U0001f431.png",
    ]
    put(*(f"my cats/{name}" for name in names))
    assert [entry.path for entry in list_tree(user_dir).entries] == sorted(f"my cats/{name}" for name in names)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("two\nlines.png", r"the control character \n"),
        ("tab\t.png", r"the control character \t"),
        ("red\x1b[31m.png", r"the control character \x1b"),
        ("line\u2028.png", r"the control character \u2028"),
        ("caf\udce9.png", r"the byte \xe9, which is not UTF-8"),  # how Python holds Latin-1 on the disk
    ],
)
def test_a_name_that_no_table_can_show_is_rejected(put, user_dir, name, told):
    put("cats/a.png")
    (user_dir / "cats" / name).write_bytes(b"x")
    listing = list_tree(user_dir)
    assert [entry.path for entry in listing.entries] == ["cats/a.png"]
    assert list(listing.rejected) == [(f"cats/{name}", "unusable name", f"its name holds {told}; rename it")]


def test_a_class_whose_name_no_table_can_show_is_rejected_file_by_file(put, user_dir):
    put("cats/a.png", "do\ngs/b.png", "do\ngs/c.png")
    assert [rejection.sample for rejection in list_tree(user_dir).rejected] == ["do\ngs/b.png", "do\ngs/c.png"]


def test_what_people_and_tools_put_beside_images_is_left_out(put, user_dir):
    put("cats/c.png", ".gitkeep", "README.md", "readme", "cats.dvc", "cats/.DS_Store", "cats/Thumbs.db")
    put("cats/.hidden.png", ".cache/x.png", "cats/._c.png", "Desktop.ini")
    assert [entry.path for entry in list_tree(user_dir).entries] == ["cats/c.png"]


def test_everything_that_does_not_belong_is_named_at_once(put, user_dir):
    put("cats/c.png", "cats/notes.txt", "labels.csv", "loose.png", "more.zip", "cats/set.tar.gz", "cats/photo.heic")
    (user_dir / "empty").mkdir()
    (user_dir / "hidden").mkdir()
    put("hidden/.x.png")
    (user_dir / "linked").symlink_to(user_dir / "cats")
    with pytest.raises(ValueError, match="cats") as caught:
        list_tree(user_dir)
    suffixes = ".png, .jpg, .jpeg, .bmp, .gif, .webp, .tif, .tiff"
    assert str(caught.value).split("\n") == [
        f"{user_dir}/linked: is a link to a folder, behind which DVC sees no change; put a copy in its place",
        f"{user_dir}/cats/notes.txt: is no image file ({suffixes}); remove it",
        f"{user_dir}/cats/photo.heic: is no image file ({suffixes}); remove it",
        f"{user_dir}/cats/set.tar.gz: is an archive, which is not unpacked here: unpack it into {user_dir}/<class>/ "
        "and remove it",
        f"{user_dir}/labels.csv: is no image file ({suffixes}); remove it; if it lists the images, name it in "
        "images.sources.folder.index",
        f"{user_dir}/loose.png: lies in no class's folder: move it into {user_dir}/<class>/",
        f"{user_dir}/more.zip: is an archive, which is not unpacked here: unpack it into {user_dir}/<class>/ and "
        "remove it",
        f"{user_dir}/empty: is a class's folder without an image; put some into it, or remove it",
        f"{user_dir}/hidden: is a class's folder without an image; put some into it, or remove it",
    ]


def test_of_many_mistakes_the_first_twenty_are_told_and_the_rest_counted(put, user_dir):
    put(*(f"cats/{number:04d}.txt" for number in range(1234)))
    with pytest.raises(ValueError, match="is no image file") as caught:
        list_tree(user_dir)
    lines = str(caught.value).split("\n")
    assert len(lines) == 21
    assert "cats/0019.txt" in lines[19]
    assert lines[20] == "... and 1,214 more"


def test_a_name_in_a_message_cannot_forge_a_line(put, user_dir):
    put("cats/a.png", "cats/x\n0 mistakes\x1b[2K.txt")
    with pytest.raises(ValueError, match=r"cats/x\\n0 mistakes\\x1b\[2K\.txt: is no image file") as caught:
        list_tree(user_dir)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_folder_that_cannot_be_listed_is_no_empty_one(put, user_dir, monkeypatch):
    put("cats/c.png", "dogs/d.png")
    scan = os.scandir

    def forbidden(path):
        if str(path).endswith("dogs"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    with pytest.raises(ValueError, match=rf"^{user_dir}/dogs: cannot be listed: Permission denied$"):
        list_tree(user_dir)


def test_a_folder_that_may_not_be_listed_is_named(put, user_dir, said_by_an_ordinary_user):
    put("dogs/d.png")
    (user_dir / "dogs").chmod(0)
    code = "from encdec.sources.image_tree import list_tree; list_tree(folder)"
    assert f"{user_dir}/dogs: cannot be listed: Permission denied" in said_by_an_ordinary_user(code, user_dir)
    (user_dir / "dogs").chmod(0o700)


@pytest.mark.parametrize("made", [True, False], ids=["empty", "missing"])
def test_an_empty_or_missing_folder_has_no_entries(user_dir, made):
    if not made:
        user_dir.rmdir()
    assert list_tree(user_dir) == ([], [], ())
