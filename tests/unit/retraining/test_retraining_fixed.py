"""The check on the last commit's test rows: what cannot be found out is not passed, and what was learned is no test."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from trained_project import TrainedProject

from encdec.datasets.images import ImageSplit
from encdec.datasets.pairs import PairSplit
from encdec.models.storage import load_model
from encdec.params.loading import load_params
from encdec.promotion.compare import Stored
from encdec.retraining import fixed, opponent
from encdec.retraining.again import made_again
from encdec.retraining.base import Base, read_base, recorded_metrics
from encdec.retraining.case import Case
from encdec.retraining.fixed import NOTHING_BEFORE, check_fixed
from encdec.retraining.learned import learned_rows
from encdec.retraining.measured import Both, measure_both
from encdec.retraining.opponent import Opposed, find_opponent
from encdec.retraining.state import Champion
from encdec.tracking.git import git
from encdec.tracking.locked import LockedStage
from encdec.tracking.project import Project
from encdec.tracking.store import Store, open_store

SPLITS = {split: f"data/03_prepared/images/{split}" for split in ("train", "val", "test")}
MODEL = "data/05_models/cnn"
NOW = {"prepare@images": LockedStage({path: f"{split}1" for split, path in SPLITS.items()}, {})}
LOST = "neither DVC's cache here nor a remote has it: run `make repro` without the change and commit its dvc.lock"

Restore = Callable[..., Path | None]


def base_of(*, test: str | None = "test0", model: str | None = "cnn0") -> Base:
    """The last commit's dvc.lock."""
    stages = {}
    if test is not None:
        stages["prepare@images"] = LockedStage({SPLITS["test"]: test}, {})
    if model is not None:
        stages["train@cnn"] = LockedStage({MODEL: model}, {})
    return Base("0123456789abcdef", stages, {})


class Judging:
    """A case of the trained classifier, whose DVC gives what a test says."""

    def __init__(self, root: Path, trained: TrainedProject, tree: Path, store: Store) -> None:
        params = load_params(root / "params.yaml").params
        rules = params.promotion.model_copy(update={"resamples": 100})
        self.params = params.model_copy(update={"promotion": rules})
        self.tree, self.store = tree, store
        self.prepared = trained.prepared / "images"
        self.model = Stored(trained.models / "cnn", load_model(trained.models / "cnn"))

    def case(self, base: Base) -> Case:
        return Case(self.store, self.params, base, "cnn", None, self.tree / "scratch", self.tree / "out")

    def now(self, champion: Stored | None) -> Both:
        return measure_both(self.prepared / "test", self.model, champion, self.params)

    def check(self, base: Base, now: dict[str, LockedStage] = NOW) -> fixed.Fixed:
        case = self.case(base)
        opposed = find_opponent(case, self.model)
        return check_fixed(case, self.model, opposed, Base(None, now, {}), self.now(opposed.stored))


@pytest.fixture
def judging(root: Path, trained: TrainedProject, tmp_path: Path) -> Judging:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "03_prepared").symlink_to(trained.prepared)
    return Judging(root, trained, tmp_path, open_store("encdec", Project(tmp_path, tmp_path)))


@pytest.fixture
def has(judging: Judging, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What DVC can bring: the model, the test rows, or neither."""

    def give(*, model: bool, test: Path | None) -> None:
        def restore(project: Project, name: str, digest: str, *, scratch: Path) -> Path | None:
            if name == MODEL:
                return judging.model.folder if model else None
            return test

        for module in (fixed, opponent):
            monkeypatch.setattr(module, "restore", restore)

    return give


def test_a_model_is_beside_that_of_the_last_commit_on_its_rows(judging: Judging, has: Callable[..., None]) -> None:
    has(model=True, test=judging.prepared / "test")
    found = judging.check(base_of())
    assert found.passed
    assert found.rows is not None
    assert found.rows.metrics[0].gain is not None
    assert "over the model of commit 01234567 on the" in found.reason
    assert found.note is None


def test_a_model_that_nobody_has_is_not_no_model(judging: Judging, has: Callable[..., None]) -> None:
    has(model=False, test=judging.prepared / "test")
    opposed = find_opponent(judging.case(base_of()), judging.model)
    assert (opposed.label, opposed.stored) == ("the model of commit 01234567", None)
    found = judging.check(base_of())
    assert not found.passed
    assert found.reason.startswith(f"the model of commit 01234567 cannot be compared: {LOST}")
    assert "retraining.remote" in found.reason


def test_test_rows_that_are_gone_are_no_test_passed(judging: Judging, has: Callable[..., None]) -> None:
    has(model=True, test=None)
    found = judging.check(base_of())
    assert (found.passed, found.rows) == (False, None)
    assert "the test rows of the last commit are neither in DVC's cache here nor in a remote: run" in found.reason
    none = judging.check(base_of(test=None))
    assert not none.passed, "a model without the rows that it was measured on"


@pytest.mark.parametrize("test", [True, False])
def test_only_the_first_training_of_a_model_has_nothing_beside_it(
    judging: Judging, has: Callable[..., None], test: bool
) -> None:
    has(model=False, test=judging.prepared / "test" if test else None)
    found = judging.check(base_of(model=None))
    assert (found.passed, found.reason) == (True, NOTHING_BEFORE)
    assert judging.check(Base(None, {}, {})).passed, "a clone without any results"


def test_a_champion_without_the_rows_of_a_last_commit_is_not_passed(judging: Judging) -> None:
    """As where dvc.lock was not committed: nobody knows what was forgotten."""
    opposed = Opposed("version 1, the champion of the registry", judging.model, None)
    case, now = judging.case(Base("0123456789abcdef", {}, {})), judging.now(judging.model)
    found = check_fixed(case, judging.model, opposed, Base(None, NOW, {}), now)
    assert (found.passed, found.rows) == (False, None)
    assert found.reason.startswith(
        "not measured on the test rows of the last commit: it has no dvc.lock with some: run"
    )


def test_few_rows_are_no_comparison(judging: Judging, has: Callable[..., None]) -> None:
    has(model=True, test=judging.prepared / "test")
    rules = judging.params.promotion.model_copy(update={"min_rows": 100_000})
    judging.params = judging.params.model_copy(update={"promotion": rules})
    found = judging.check(base_of())
    assert not found.passed
    assert "are too few to compare on: promotion.min_rows asks for 100,000" in found.reason


def test_a_git_that_does_not_answer_is_no_empty_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses a repository of somebody else, as of a folder that a container has mounted."""
    assert read_base(tmp_path).commit is None, "outside of git"
    run = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run([*run, "init", "-q"], cwd=tmp_path, check=True)
    assert read_base(tmp_path).commit is None, "before the first commit"
    subprocess.run([*run, "commit", "-q", "--allow-empty", "-m", "start"], cwd=tmp_path, check=True)
    assert (read_base(tmp_path).commit is not None, read_base(tmp_path).stages) == (True, {})
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for this
    with pytest.raises(ValueError, match="git does not say what the last commit has"):
        read_base(tmp_path)


def test_a_file_that_git_cannot_read_is_not_absent(tmp_path: Path) -> None:
    run = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    for command in (["init", "-q"], ["add", "dvc.lock"], ["commit", "-q", "-m", "start"]):
        subprocess.run([*run, *command], cwd=tmp_path, check=True)
    blob = git(tmp_path, "rev-parse", "HEAD:dvc.lock")
    assert blob is not None
    (tmp_path / ".git" / "objects" / blob[:2] / blob[2:].strip()).unlink()
    with pytest.raises(ValueError, match=r"dvc.lock: git cannot read it from the last commit"):
        read_base(tmp_path)


def grown(split: Path, to: Path, extra: np.ndarray) -> Path:
    """A prepared split of images with other rows behind its own."""
    shutil.copytree(split, to)
    images, labels = (np.load(split / f"{name}.npy") for name in ("images", "labels"))
    np.save(to / "images.npy", np.concatenate([images, extra]))
    # of another class: a picture that was seen is no test of anything, whatever it was called
    np.save(to / "labels.npy", np.concatenate([labels, np.zeros(len(extra), dtype=np.int64)]))
    return to


def test_rows_that_are_learned_now_are_left_out_and_told(
    judging: Judging, has: Callable[..., None], tmp_path: Path
) -> None:
    test = ImageSplit.open(judging.prepared / "test")
    has(model=True, test=judging.prepared / "test")
    with_some = grown(judging.prepared / "val", tmp_path / "some", np.array(test.images[[3, 5]]))
    outs = {SPLITS["train"]: "t", str(with_some.rename(tmp_path / "val")): "v", SPLITS["test"]: "other"}
    found = judging.check(base_of(), {"prepare@images": LockedStage(outs, {})})
    assert found.rows is not None
    assert found.rows.rows == len(test) - 2
    assert found.note is not None
    assert found.note.startswith(
        f"2 of the {len(test):,} images of the last commit's test split are in the train or val"
    )
    outs = {str(grown(judging.prepared / "train", tmp_path / "train", np.array(test.images))): "t"}
    none = judging.check(base_of(), {"prepare@images": LockedStage({**outs, SPLITS["test"]: "other"}, {})})
    assert (none.passed, none.rows) == (False, None)
    assert none.reason.startswith(f"all {len(test):,} images of the last commit's test split are in the train or val")


def test_a_picture_is_the_same_by_its_pixels_and_its_shape(trained: TrainedProject, tmp_path: Path) -> None:
    folders = {split: trained.prepared / "images" / split for split in SPLITS}
    test = ImageSplit.open(folders["test"])
    assert len(learned_rows(test, [folders["train"], folders["val"]])) == 0
    images = np.array(test.images)
    with_some = grown(folders["train"], tmp_path / "train", images[[7, 2]])
    assert learned_rows(test, [with_some, folders["val"]]).tolist() == [2, 7]
    (tmp_path / "flat").mkdir()
    np.save(tmp_path / "flat" / "images.npy", images.reshape(len(images), 1, 4, 16))
    assert len(learned_rows(test, [tmp_path / "flat"])) == 0
    with pytest.raises(ValueError, match=r"nowhere.images\.npy: no such file"):
        learned_rows(test, [tmp_path / "nowhere"])


def test_a_text_pair_is_the_same_by_both_sides(trained: TrainedProject, tmp_path: Path) -> None:
    folders = {split: trained.prepared / "pairs" / split for split in SPLITS}
    test = PairSplit.open(folders["test"])
    assert len(learned_rows(test, [folders["train"], folders["val"]])) == 0
    rows = test.rows
    sources = rows["source"].drop_duplicates().tolist()
    pair, other = rows.iloc[4], rows.iloc[9]
    assert pair["source"] != other["source"]
    seen = pd.DataFrame({"source": [pair["source"], other["source"]], "target": [pair["target"], "another target"]})
    tmp_path.joinpath("train").mkdir()
    seen.to_parquet(tmp_path / "train" / "rows.parquet")
    # a row of the scores is a source: the first of the two alone was seen as it is
    assert learned_rows(test, [tmp_path / "train"]).tolist() == [sources.index(pair["source"])]


class Committed:
    """A repository, to which one file is committed at a time."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.git("init", "-q")

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments]
        return subprocess.run(command, cwd=self.tree, check=True, capture_output=True, text=True).stdout.strip()

    def __call__(self, name: str, text: str) -> Base:
        """The base whose commit has that file."""
        (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
        (self.tree / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", "results")
        return base_of()._replace(commit=self.git("rev-parse", "HEAD"))


@pytest.fixture
def committed(tmp_path: Path) -> Committed:
    return Committed(tmp_path)


METRICS = "data/06_evaluation/cnn/metrics.json"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (METRICS, '{"accuracy": 0.9, "nll": 1, "model": "cnn"}', {"accuracy": 0.9, "nll": 1.0}),
        (METRICS, "[1]", {}),
        (METRICS, "{", {}),
        (f"{METRICS}.txt", "{}", {}),
    ],
)
def test_the_metrics_that_the_last_commit_has_are_read_from_git(
    committed: Committed, name: str, text: str, expected: dict[str, float]
) -> None:
    base = committed(name, text)
    (committed.tree / METRICS).write_text('{"accuracy": 0.1}')  # what a training has left here since
    assert recorded_metrics(committed.tree, base, "cnn") == expected
    assert recorded_metrics(committed.tree, base, "vae") == {}


def lock_of(model: str, *, steps: int = 60, code: str = "c1", cmd: str = "python train.py") -> str:
    stages = {
        "check": {"cmd": "check", "params": {"params.yaml": {"retraining": steps}}},
        "tune@cnn": {"cmd": "tune", "outs": [{"path": "data/04_tuning/cnn", "md5": f"tuned for {model}"}]},
        "train@cnn": {
            "cmd": cmd,
            "deps": [
                {"path": "src", "md5": code},
                {"path": "data/04_tuning/cnn", "md5": f"tuned for {model}"},
            ],
            "params": {"params.yaml": {"models.cnn.training.max_steps": steps}},
            "outs": [{"path": MODEL, "md5": model}],
        },
        "report": {"cmd": "report", "deps": [{"path": "data/05_models", "md5": f"with {model}"}]},
    }
    return yaml.safe_dump({"schema": "2.0", "stages": stages})


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (lock_of("cnn1"), {"cnn": "cnn1"}),  # another machine: other bytes by the same commands, code and parameters
        (lock_of("cnn0"), {}),
        (lock_of("cnn1", steps=61), {}),
        (lock_of("cnn1", code="c2"), {}),
        (lock_of("cnn1", cmd="python other.py"), {}),
        ("", {}),
    ],
)
def test_a_model_is_made_again_where_nothing_but_the_machine_is_another(
    committed: Committed, now: str, expected: dict[str, str]
) -> None:
    base = committed("dvc.lock", lock_of("cnn0"))
    (committed.tree / "dvc.lock").write_text(now)
    assert made_again(committed.tree, base) == expected
    assert made_again(committed.tree, base._replace(commit=None)) == {}


def test_what_was_made_again_here_stands_for_the_model_that_nobody_has(
    judging: Judging, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restore(project: Project, name: str, digest: str, *, scratch: Path) -> Path | None:
        return judging.model.folder if digest == "here" else None

    monkeypatch.setattr(opponent, "restore", restore)
    case = judging.case(base_of())
    again = case._replace(champion=Champion(version=None, digest="cnn0", again="here"))
    assert find_opponent(again, judging.model).label == "the model of commit 01234567 as it was made again here"
    lost = case._replace(champion=Champion(version=None, digest="cnn0", again="gone"))
    assert find_opponent(lost, judging.model).incomparable is not None
