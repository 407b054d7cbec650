"""Runs as DVC itself starts the stages: parents, digests and experiments."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mlflow.entities import Run

from encdec.tracking.project import Project
from encdec.tracking.store import Store, open_store, search

pytestmark = pytest.mark.xdist_group("tracking dvc")  # one project for all of them
STAGE = """
from encdec.starting import begin
begin(__name__)
import sys
from pathlib import Path
from encdec.params.loading import load_params
from encdec.tracking.stage import tracked_stage
stage, source, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
loaded = load_params(Path("params.yaml"))
with tracked_stage(stage, loaded=loaded, item="images", inputs=[source], outputs=[out], section={}) as run:
    out.mkdir(parents=True)
    (out / "rows.txt").write_text(f"{stage} {loaded.params.seed}")
    run.log_metrics({"rows": 1.0})
"""
GRAPH = f"""
stages:
  ingest:
    cmd: {sys.executable} stage.py ingest source data/raw
    deps: [source]
    params: [seed]
    outs: [data/raw]
  prepare:
    cmd: {sys.executable} stage.py prepare data/raw data/prepared
    deps: [data/raw]
    params: [seed]
    outs: [data/prepared]
"""


def run(folder: Path, *command: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    for name in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{name}_NAME": "t", f"GIT_{name}_EMAIL": "t@example.org"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def dvc(folder: Path, *arguments: str) -> None:
    run(folder, sys.executable, "-m", "dvc", *arguments)


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Store:
    """A project of two stages after `dvc repro`, `dvc repro` again, and an experiment in a copy of the tree."""
    folder = tmp_path_factory.mktemp("reproduced")
    run(folder, "git", "init", "-q", "-b", "main")
    dvc(folder, "init", "-q")
    shutil.copyfile(root / "params.yaml", folder / "params.yaml")
    (folder / "stage.py").write_text(STAGE)
    (folder / "dvc.yaml").write_text(GRAPH)
    (folder / ".gitignore").write_text("mlflow.db*\nmlruns\n.work\n")
    (folder / ".dvcignore").write_text("*.ignored\n")
    (folder / "source").mkdir()
    (folder / "source" / "a.txt").write_text("a")
    (folder / "source" / "b.ignored").write_text("b")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "first")
    dvc(folder, "repro")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "its results")
    dvc(folder, "repro")
    dvc(folder, "exp", "run", "--temp", "-n", "other-seed", "-S", "seed=8")
    return open_store("encdec", Project(folder, folder))


def parents(store: Store) -> list[Run]:
    return search(store, "tags.stage = 'repro'")


def children(store: Store, parent: Run) -> dict[str, Run]:
    found = search(store, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return {str(run.info.run_name): run for run in found}


def test_each_repro_that_does_something_is_a_parent_of_its_stages(reproduced: Store) -> None:
    experiment, first = parents(reproduced)  # and the second `dvc repro` made no run at all
    assert first.info.run_name.startswith("repro ")
    assert experiment.info.run_name == "exp other-seed"
    for parent in (first, experiment):
        assert parent.info.status == "FINISHED"
        stages = children(reproduced, parent)
        assert stages.keys() == {"ingest@images", "prepare@images"}
        assert {run.info.status for run in stages.values()} == {"FINISHED"}
    assert len(search(reproduced, "")) == 6


def test_the_digests_are_those_of_dvc_lock(reproduced: Store) -> None:
    lock = yaml.safe_load((reproduced.project.tree / "dvc.lock").read_bytes())["stages"]
    stages = children(reproduced, parents(reproduced)[1])
    for name, locked in lock.items():
        tags = stages[f"{name}@images"].data.tags
        expected = {f"dvc.in/{dep['path']}": dep["md5"] for dep in locked["deps"]}
        expected |= {f"dvc.out/{out['path']}": out["md5"] for out in locked["outs"]}
        assert expected == {key: tag for key, tag in tags.items() if key.startswith(("dvc.in/", "dvc.out/"))}


def test_what_dvc_writes_does_not_make_a_run_dirty(reproduced: Store) -> None:
    stages = children(reproduced, parents(reproduced)[1])
    assert {run.data.tags["git.dirty"] for run in stages.values()} == {"false"}
    assert {run.data.tags["git.branch"] for run in stages.values()} == {"main"}


def test_an_experiment_keeps_its_runs_at_home_and_names_itself(reproduced: Store) -> None:
    experiment = children(reproduced, parents(reproduced)[0])["prepare@images"]
    assert experiment.data.tags["DVC_EXP_NAME"] == "other-seed"
    assert experiment.data.tags["DVC_STAGE"] == "prepare"
    assert len(experiment.data.tags["DVC_EXP_BASELINE_REV"]) == 40
    assert experiment.data.params["seed"] == "8"
    home = reproduced.project.home
    assert str(experiment.info.artifact_uri).startswith((home / "mlruns").as_uri())
    assert [path for path in home.rglob("mlflow.db") if ".git" not in path.parts] == [home / "mlflow.db"]


def test_repros_side_by_side_have_a_parent_each(reproduced: Store, tmp_path: Path) -> None:
    """Two clones at once, as on two machines, with one database for both."""
    clones = [tmp_path / "one", tmp_path / "other"]
    for clone in clones:
        shutil.copytree(reproduced.project.tree, clone, symlinks=True)
    shared = {"MLFLOW_TRACKING_URI": f"sqlite:///{clones[0] / 'mlflow.db'}", "GIT_CONFIG_GLOBAL": os.devnull}
    command = [sys.executable, "-m", "dvc", "repro", "--force"]
    started = [subprocess.Popen(command, cwd=clone, env={**os.environ, **shared}) for clone in clones]
    assert [process.wait(300) for process in started] == [0, 0]
    store = open_store("encdec", Project(clones[0], clones[0]))
    before = {run.info.run_id for run in parents(reproduced)}
    both = [run for run in parents(store) if run.info.run_id not in before]
    assert {run.data.tags["dvc.process"].rpartition(":")[2] for run in both} == {str(each.pid) for each in started}
    for parent in both:
        assert parent.info.status == "FINISHED"
        assert children(store, parent).keys() == {"ingest@images", "prepare@images"}


def test_an_experiment_in_the_tree_itself_is_a_parent_too(reproduced: Store, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(reproduced.project.tree, clone, symlinks=True)
    dvc(clone, "exp", "run", "-n", "in-the-tree", "-S", "seed=9")
    store = open_store("encdec", Project(clone, clone))
    (experiment,) = [run for run in parents(store) if run.info.run_name == "exp in-the-tree"]
    stages = children(store, experiment)
    assert stages.keys() == {"ingest@images", "prepare@images"}
    for run in (experiment, *stages.values()):
        assert run.info.status == "FINISHED"
        assert run.data.tags["DVC_EXP_NAME"] == "in-the-tree"
    kept = Path(store.client.download_artifacts(stages["prepare@images"].info.run_id, "git/changes.diff"))
    assert b"+seed: 9" in kept.read_bytes()  # what DVC changed for it is a change, and is kept
