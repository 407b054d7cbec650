"""Broken files among a user's own images: the real stages stop with a list, or go on and show it."""

import csv
from pathlib import Path

import pytest
from PIL import Image
from sklearn.datasets import load_digits
from small_project import Project, new_project

BROKEN = 20


@pytest.fixture
def own_images(root: Path, tmp_path: Path) -> Project:
    """A project that reads 1,797 real images from a folder, twenty of them cut off. Nothing has run yet."""
    project = new_project(root, tmp_path)
    folder = project.path / "data/00_source/images"
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        file = folder / f"digit {label}" / f"{number:04d}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray((image * 15.9375).astype("uint8")).save(file)
        if number < BROKEN:
            file.write_bytes(file.read_bytes()[:60])
    project.edit_params("images", "source", value="folder")
    return project


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.xdist_group("rejected")
def test_too_many_broken_files_stop_the_pipeline_with_a_list_and_fewer_are_shown(own_images: Project) -> None:
    raw = own_images.path / "data/01_raw"
    stopped = own_images.repro("prepare@images", check=False)
    assert stopped.code != 0
    assert stopped.started() == ["check", "ingest@images"]
    key = "images.sources.folder.max_rejected"
    told = f"20 of 1,797 files in data/00_source/images (1.11%) cannot be used, more than {key} (0.01) allows:"
    assert told in stopped.output
    assert "digit 0/0000.png: unreadable image: " in stopped.output
    assert "The whole list lies in data/01_raw/images.rejected.csv" in stopped.output
    assert "Traceback" not in stopped.output
    assert sorted(path.name for path in raw.iterdir()) == [".gitignore", "images.rejected.csv"]
    assert {row["reason"] for row in rows_of(raw / "images.rejected.csv")} == {"unreadable image"}
    assert len(rows_of(raw / "images.rejected.csv")) == BROKEN
    assert "images.rejected.csv" not in own_images.run("git", "status", "--short").stdout

    own_images.edit_params("images", "sources", "folder", "max_rejected", value=0.02)
    done = own_images.repro("prepare@images")
    assert "ingest images: 1777 rows from folder, " in done.output
    assert ", 20 rejected (listed in data/01_raw/images/rejected.csv)" in done.output
    assert "prepare images: 1777 rows ready, 0 rejected and 20 at ingest" in done.output
    assert not (raw / "images.rejected.csv").exists()
    listed = rows_of(own_images.path / "data/03_prepared/images/rejected.csv")
    assert [(row["sample"], row["split"], row["reason"]) for row in listed[:2]] == [
        ("digit 0/0000.png", "", "unreadable image"),
        ("digit 0/0010.png", "", "unreadable image"),
    ]
    assert len(listed) == BROKEN
    assert own_images.repro("prepare@images").started() == []
