"""Data that a user gave to `dvc add` stay versioned when a batch comes, in a real repository of DVC."""

import subprocess
import sys
from pathlib import Path

import pytest

from encdec.retraining.versioned import bring_tracked, check_not_older, track_again, tracking_files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    for name in ("images/cat/1.png", "images/dog/1.png", "pairs/pairs.tsv"):
        put(tmp_path, name)
    return tmp_path


def put(tree: Path, name: str) -> None:
    file = tree / "data" / "00_source" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(name)


def dvc(tree: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments, "-q"], cwd=tree, check=True)


def tracked(tree: Path) -> list[str]:
    source = tree / "data" / "00_source"
    return [
        file.relative_to(source).as_posix() for kind in ("images", "pairs") for file in tracking_files(source, kind)
    ]


def test_what_nobody_gave_to_dvc_is_left_alone(tree):
    track_again(tree, tree / "data" / "00_source", "images")
    assert tracked(tree) == []


def test_a_tracked_class_is_tracked_anew_and_a_new_class_beside_it_too(tree):
    source = tree / "data" / "00_source"
    dvc(tree, "add", "data/00_source/images/cat", "data/00_source/images/dog")
    before = (source / "images" / "cat.dvc").read_text()
    put(tree, "images/cat/batch/2.png")
    put(tree, "images/owl/batch/3.png")
    track_again(tree, source, "images")
    assert tracked(tree) == ["images/cat.dvc", "images/dog.dvc", "images/owl.dvc"]
    assert (source / "images" / "cat.dvc").read_text() != before
    for name in ("cat", "owl"):
        subprocess.run(["rm", "-r", str(source / "images" / name)], check=True)
    bring_tracked(tree, source, ["images"], remote=False)
    assert (source / "images" / "cat" / "batch" / "2.png").read_text() == "images/cat/batch/2.png"
    assert (source / "images" / "owl").is_dir()


def test_data_of_an_earlier_commit_are_not_taken_for_new_ones(tree):
    """As in a clone where somebody has pulled a colleague's batch from git, and not from DVC."""
    source = tree / "data" / "00_source"
    run = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "-C", str(tree)]
    dvc(tree, "add", "data/00_source/images/cat")
    subprocess.run([*run, "add", "-A"], check=True)
    subprocess.run([*run, "commit", "-qm", "one cat"], check=True)
    put(tree, "images/cat/2.png")
    check_not_older(tree, source, "images")  # new data, which nobody has had before
    dvc(tree, "add", "data/00_source/images/cat")
    check_not_older(tree, source, "images")
    (source / "images" / "cat" / "2.png").unlink()
    with pytest.raises(ValueError, match=r"data/00_source/images/cat: these are the data of an earlier commit"):
        check_not_older(tree, source, "images")
    dvc(tree, "add", "data/00_source/images/cat")  # they are meant
    check_not_older(tree, source, "images")


def test_a_class_that_was_replaced_is_forgotten(tree):
    source = tree / "data" / "00_source"
    dvc(tree, "add", "data/00_source/images/cat", "data/00_source/images/dog")
    subprocess.run(["rm", "-r", str(source / "images" / "dog")], check=True)
    track_again(tree, source, "images")
    assert tracked(tree) == ["images/cat.dvc"]


def test_later_batches_of_a_tracked_table_are_tracked(tree):
    source = tree / "data" / "00_source"
    dvc(tree, "add", "data/00_source/pairs/pairs.tsv")
    put(tree, "pairs/batches/a.tsv")
    track_again(tree, source, "pairs")
    put(tree, "pairs/batches/b.tsv")
    track_again(tree, source, "pairs")
    assert tracked(tree) == ["pairs/batches.dvc", "pairs/pairs.tsv.dvc"]
    subprocess.run(["rm", "-r", str(source / "pairs" / "batches")], check=True)
    bring_tracked(tree, source, ["pairs"], remote=False)
    assert sorted(file.name for file in (source / "pairs" / "batches").iterdir()) == ["a.tsv", "b.tsv"]


def test_data_that_are_nowhere_are_told(tree):
    source = tree / "data" / "00_source"
    dvc(tree, "add", "data/00_source/images/cat")
    subprocess.run(["rm", "-r", str(source / "images" / "cat"), str(tree / ".dvc" / "cache")], check=True)
    with pytest.raises(ValueError, match=r"DVC could not bring the data of data/00_source/images/cat.dvc"):
        bring_tracked(tree, source, ["images"], remote=False)
