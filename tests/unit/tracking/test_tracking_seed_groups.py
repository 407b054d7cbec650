import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from encdec.dvc_graph import load, read_stages
from encdec.tracking.project import Project
from encdec.tracking.seeds.groups import group_tags, seed_group


@pytest.fixture(scope="module")
def copied(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("groups") / "project"
    folder.mkdir()
    for name in ("dvc.yaml", "params.yaml", "requirements.lock"):
        shutil.copyfile(root / name, folder / name)
    for name in ("src", "pipelines"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for split in ("train", "val", "test"):
        (folder / "data/03_prepared/images" / split).mkdir(parents=True)
        (folder / "data/03_prepared/images" / split / "images.npy").write_text(split)
    return folder


@pytest.fixture
def tree(copied: Path, tmp_path: Path) -> Project:
    """A tree with prepared data that a test may change."""
    folder = tmp_path / "project"
    shutil.copytree(copied, folder)
    return Project(folder, folder)


def edit(project: Project, *keys: str, value: object) -> None:
    yaml = YAML()
    raw = yaml.load(project.tree / "params.yaml")
    node: Any = raw
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    yaml.dump(raw, project.tree / "params.yaml")


def groups(project: Project) -> dict[str, str | None]:
    return {label: seed_group(project, label, digests={}) for label in ("tune@vae", "train@vae", "evaluate@vae")}


def test_the_graph_is_read_as_dvc_reads_it(root: Path) -> None:
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        expected = {
            stage.addressing: (
                {dep.def_path for dep in stage.deps if not hasattr(dep, "params") or not dep.params},
                {out.def_path for out in stage.outs},
                {name for dep in stage.deps for name in (getattr(dep, "params", None) or ())},
            )
            for stage in repo.index.stages
        }
    stages = read_stages(root / "dvc.yaml", values=load(root / "params.yaml"))
    found = {stage.name: (set(stage.deps), set(stage.outs), set(stage.params)) for stage in stages}
    del expected["check"], found["check"]  # it depends on the whole of params.yaml, which is no name in it
    assert found == expected


def test_another_seed_is_the_same_group(tree: Project) -> None:
    before = groups(tree)
    edit(tree, "seed", value=1234)
    for name in ("04_tuning/vae/best.json", "05_models/vae/model.safetensors", "06_evaluation/baselines/images/a.json"):
        (tree.tree / "data" / name).parent.mkdir(parents=True)
        (tree.tree / "data" / name).write_text("what this seed came to")
    assert groups(tree) == before
    assert None not in before.values()
    assert len(set(before.values())) == 3


CHANGES: dict[str, tuple[tuple[str, ...], object, tuple[str, ...]]] = {
    "the model": (("models", "vae", "network", "latent_dim"), 3, ("tune@vae", "train@vae")),
    "the study": (("tuning", "startup_trials"), 2, ("tune@vae", "train@vae")),  # the training reads what it found
    "the evaluation": (("evaluation", "importance_samples"), 7, ("evaluate@vae",)),
    "threads": (("threads",), 2, ("tune@vae", "train@vae", "evaluate@vae")),
    "another model": (("models", "cnn", "label_smoothing"), 0.1, ()),
    "what is not data": (("tracking", "experiment"), "another", ()),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_parameter_is_another_group_of_what_depends_on_it(tree: Project, what: str) -> None:
    keys, value, expected = CHANGES[what]
    before = groups(tree)
    edit(tree, *keys, value=value)
    assert {label for label, group in groups(tree).items() if group != before[label]} == set(expected)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("src/encdec/nn/__init__.py", {"tune@vae", "train@vae", "evaluate@vae"}),
        ("src/encdec/tuning/study.py", {"tune@vae", "train@vae"}),
        ("pipelines/evaluate.py", {"evaluate@vae"}),
        ("pipelines/baselines.py", {"evaluate@vae"}),
        ("src/encdec/models/cnn/network.py", set[str]()),
        ("src/encdec/playground/page.css", set[str]()),
        (
            "data/03_prepared/images/train/images.npy",
            {"tune@vae", "train@vae", "evaluate@vae"},
        ),  # the baselines read it
        ("data/03_prepared/images/test/images.npy", {"evaluate@vae"}),
    ],
)
def test_changed_code_or_data_is_another_group_of_what_depends_on_it(
    tree: Project, file: str, expected: set[str]
) -> None:
    before = groups(tree)
    with (tree.tree / file).open("a") as opened:
        opened.write("\n# changed\n")
    assert {label for label, group in groups(tree).items() if group != before[label]} == expected


def test_digests_that_a_stage_knows_and_those_in_dvc_lock_are_not_computed_again(tree: Project) -> None:
    train = "data/03_prepared/images/train"
    lock = {"stages": {"prepare@images": {"outs": [{"path": train, "md5": "abc.dir"}]}}}
    YAML().dump(lock, tree.tree / "dvc.lock")
    locked = seed_group(tree, "train@vae", digests={})
    shutil.rmtree(tree.tree / train)
    assert seed_group(tree, "train@vae", digests={}) == locked
    assert seed_group(tree, "train@vae", digests={train: "abc.dir"}) == locked
    assert seed_group(tree, "train@vae", digests={train: "def.dir"}) != locked


def test_what_else_decides_counts(tree: Project) -> None:
    found = {seed_group(tree, "train@vae", digests={}, decides=[number]) for number in ("float32", "bfloat16")}
    assert len(found) == 2


def test_a_stage_that_the_seed_does_not_decide_has_no_group(tree: Project) -> None:
    assert seed_group(tree, "prepare@images", digests={}) is None
    assert seed_group(tree, "train@nothing", digests={}) is None
    assert group_tags(tree, "baselines@images", digests={}, decides=()) == {}
    assert group_tags(tree, "train@vae", digests={}, decides=()).keys() == {"seed_group"}
