"""A batch is put in place through any number of kills, and never twice."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from encdec.params.loading import load_params
from encdec.params.root import Params
from encdec.retraining.batch import read_batch
from encdec.retraining.going_on import put_in_place
from encdec.retraining.placing import stage
from encdec.retraining.request import Places
from encdec.retraining.state import Placed, Unfinished, read_state

NOW, LATER = datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 23, 8, tzinfo=UTC)
OLD = {"cat/1.png": "a", "cat/2.png": "b", "dog/1.png": "c"}
NEW = {"cat/7.png": "d", "dog/deep/8.png": "e", "owl/9.png": "f"}


class Killed(BaseException):
    """What no `except` of the code takes for an error: the process is gone."""


@pytest.fixture
def params(root) -> Params:
    params = load_params(root / "params.yaml").params
    images = params.images.model_copy(update={"source": "folder"})
    return params.model_copy(update={"images": images, "pairs": params.pairs.model_copy(update={"source": "table"})})


@pytest.fixture
def places(tmp_path) -> Places:
    found = Places(tmp_path / "project", tmp_path / "project" / ".work" / "retraining")
    write(found.source / "images", OLD)
    (found.source / "images" / ".gitkeep").touch()
    (found.tree / "params.yaml").write_text("old")
    return found


@pytest.fixture
def batch(tmp_path) -> Path:
    write(tmp_path / "batch", {**NEW, ".hidden": "x", "README.md": "x"})
    return tmp_path / "batch"


def write(folder: Path, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def content(folder: Path):
    return {
        file.relative_to(folder).as_posix(): file.read_text()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != ".gitkeep"
    }


def begun(places, params, batch, mode):
    found = read_batch(params, batch, kind="images", mode=mode, user_dir=places.source / "images", now=NOW)
    stage(found.targets, places.staged)
    return Unfinished(
        request="", inputs="", base=None, began=0.0, sentence="", names=(), reasons=(), code=(), monitored=None,
        batch=Placed.of(found, 3), params="new", force=False, promote=False, champions={},
        phase="moving" if mode == "replace" else "placing",
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_kill_before_or_after_any_rename_changes_nothing_of_the_end(
    places, params, batch, monkeypatch, tmp_path, mode
):
    untouched = tmp_path / "untouched"
    shutil.copytree(places.tree, untouched)
    put_in_place(places, begun(places, params, batch, mode))
    wanted, aside = content(places.source), content(places.aside)
    renames, original = 0, Path.replace

    def counting(self, target):
        nonlocal renames
        renames += 1
        return original(self, target)

    def killing(at, *, after):
        count = 0

        def replace(self, target):
            nonlocal count
            count += 1
            if count == at and not after:
                raise Killed
            done = original(self, target)
            if count == at:
                raise Killed
            return done

        return replace

    def again():
        shutil.rmtree(places.tree)
        shutil.copytree(untouched, places.tree)
        return begun(places, params, batch, mode)

    state = again()
    monkeypatch.setattr(Path, "replace", counting)
    put_in_place(places, state)
    assert renames >= 3 + 2  # a file each, params.yaml, and the states
    for at in range(1, renames + 1):
        for after in (False, True):
            state = again()
            monkeypatch.setattr(Path, "replace", killing(at, after=after))
            with pytest.raises(Killed):
                put_in_place(places, state)
            monkeypatch.setattr(Path, "replace", original)
            put_in_place(places, read_state(places.work) or state)
            assert content(places.source) == wanted, f"killed at rename {at}, after it: {after}"
            assert content(places.aside) == aside
            assert (places.tree / "params.yaml").read_text() == "new"
            assert not list(places.tree.rglob("*.partial"))


def test_the_params_of_another_commit_stay(places, params, batch):
    put_in_place(places, begun(places, params, batch, "append"), with_values=False)
    assert (places.tree / "params.yaml").read_text() == "old"
    assert len(content(places.source)) == len(OLD) + len(NEW)


def test_appended_files_lie_below_their_class_in_a_folder_of_the_batch(places, params, batch):
    state = begun(places, params, batch, "append")
    put_in_place(places, state)
    name = state.batch.name
    assert name.startswith("batch-20261122T120000Z-")
    assert content(places.source / "images") == {
        **OLD, f"cat/{name}/7.png": "d", f"dog/{name}/deep/8.png": "e", f"owl/{name}/9.png": "f",
    }  # fmt: skip
    assert not places.staged.exists()


def test_replaced_data_lie_aside_and_the_new_ones_alone_in_place(places, params, batch):
    put_in_place(places, begun(places, params, batch, "replace"))
    assert content(places.source / "images") == NEW
    (aside,) = places.aside.iterdir()
    assert content(aside) == OLD
    assert (places.source / "images" / ".gitkeep").exists()


def test_the_same_batch_is_known_again_by_its_digest(places, params, batch):
    user_dir = places.source / "images"
    put_in_place(places, begun(places, params, batch, "append"))
    again = read_batch(params, batch, kind="images", mode="append", user_dir=user_dir, now=LATER)
    assert again.there
    assert again.name.startswith("batch-20261122T120000Z-")  # when it first came
    (user_dir / next(iter(again.targets))).unlink()
    part = read_batch(params, batch, kind="images", mode="append", user_dir=user_dir, now=LATER)
    assert not part.there
    assert part.name == again.name
    (batch / "cat" / "7.png").write_text("other")
    other = read_batch(params, batch, kind="images", mode="append", user_dir=user_dir, now=LATER)
    assert not other.there
    assert other.name.startswith("batch-20261123T080000Z-")


def test_data_that_are_replaced_by_themselves_are_there(places, params, batch):
    put_in_place(places, begun(places, params, batch, "replace"))
    user_dir = places.source / "images"
    assert read_batch(params, batch, kind="images", mode="replace", user_dir=user_dir, now=LATER).there
    write(user_dir, {"cat/more.png": "x"})
    assert not read_batch(params, batch, kind="images", mode="replace", user_dir=user_dir, now=LATER).there


def test_a_table_goes_to_the_batches_or_into_the_place_of_the_main_file(places, params, tmp_path):
    write(places.source / "pairs", {"pairs.tsv": "old"})
    write(tmp_path, {"new.TSV": "source\ttarget\n", "new.csv": "source,target\n"})
    read = {"kind": "pairs", "user_dir": places.source / "pairs", "now": NOW}
    appended = read_batch(params, tmp_path / "new.TSV", mode="append", **read)
    assert list(appended.targets) == [f"batches/{appended.name}.tsv"]
    assert list(read_batch(params, tmp_path / "new.TSV", mode="replace", **read).targets) == ["pairs.tsv"]
    with pytest.raises(ValueError, match=r"is to replace pairs.tsv: save it as .tsv"):
        read_batch(params, tmp_path / "new.csv", mode="replace", **read)


def test_a_batch_with_a_link_is_refused(places, params, batch):
    (batch / "cat" / "link.png").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match=r"link.png: is a link"):
        read_batch(params, batch, kind="images", mode="append", user_dir=places.source / "images", now=NOW)


def test_a_state_that_is_none_is_told(places):
    places.work.mkdir(parents=True)
    (places.work / "unfinished.json").write_text("{}")
    with pytest.raises(ValueError, match="is no state of a retraining"):
        read_state(places.work)
