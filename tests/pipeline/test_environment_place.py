"""Where a project may lie and who may run it: any path, any locale, no home, no name, no network."""

import json
import shlex
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rights import NOBODY, apart, as_root
from small_project import Project, new_project
from started import command, digests, end, start

ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
NAMELESS = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups"
# It may read what root may, and no more: here Python itself may lie in root's home.
READER = f"{NAMELESS} --inh-caps=+dac_read_search --ambient-caps=+dac_read_search"


def hand_over(project: Project) -> None:
    """Give a project to a user without a name and a home."""
    owner = f"{NOBODY}:{NOBODY}"
    subprocess.run([*as_root(project.env), "chown", "-R", owner, str(project.path.parent)], check=True)
    for folder in project.path.parents:  # pytest keeps its folders from others: access(2) knows no capabilities
        if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
            subprocess.run([*as_root(project.env), "chmod", "o+x", str(folder)], check=True)


@pytest.mark.xdist_group("place")
def test_the_whole_pipeline_runs_offline_in_an_odd_path_for_a_nameless_user_without_a_home_in_the_c_locale(
    finished: Project, root: Path, tmp_path: Path
) -> None:
    """All at once: what each of them breaks is seen here, and a run costs minutes."""
    project = new_project(root, tmp_path / "연구 실 100% #1 & 'a'")
    temporary = project.path.parent / "tmp"
    temporary.mkdir()
    hand_over(project)
    env = {"LC_ALL": "C", "LANG": "C", "HOME": "/nonexistent", "LOGNAME": "somebody", "TMPDIR": str(temporary)}
    env |= {"XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", "OMP_NUM_THREADS": "1"}
    ended = apart(project, f"{READER} dvc repro", spaces=["--net"], env=env)
    assert ended.code == 0, ended.output
    assert "Traceback" not in ended.output
    for words in ("writable directory", "temporary cache directory"):
        assert words not in ended.output, "Matplotlib's about a home that is not there"
    assert project.lock() == finished.lock(), "the same bytes as anywhere"
    known = {" M dvc.lock", "?? dvc.lock"}
    status = ["git", "-c", "safe.directory=*", "status", "--porcelain", "--untracked-files=all"]
    changed = project.run(*status).stdout.splitlines()
    assert {each for each in changed if "06_evaluation" not in each} <= known, "nothing is written beside the outs"
    with sqlite3.connect(project.path / "mlflow.db") as connection:
        statuses = dict(connection.execute("SELECT name, status FROM runs WHERE name LIKE '%@%' OR name = 'report'"))
        artifacts = connection.execute("SELECT artifact_uri FROM runs WHERE name = 'report'").fetchone()[0]
    assert set(statuses.values()) == {"FINISHED"}
    assert artifacts.startswith((project.path / "mlruns").as_uri())
    assert list((project.path / "mlruns").glob("*/artifacts/report/index.html"))
    assert not (tmp_path / "연구 실 100% ").exists(), "# ends no path"


def write_named_images(folder: Path) -> None:
    """Classes in three scripts; the pixels tell them apart."""
    generator = np.random.default_rng(0)
    for number, name in enumerate(("고양이", "كلب", "één")):
        (folder / name).mkdir(parents=True)
        for index in range(40):
            pixels = generator.integers(0, 60, (8, 8)).astype(np.uint8) + np.uint8(60 * number)
            Image.fromarray(pixels).save(folder / name / f"그림 {index}.png")


def test_class_names_of_any_script_give_the_same_bytes_in_an_ascii_locale(project: Project) -> None:
    write_named_images(project.path / "data/00_source/images")
    project.edit_params("images", "source", value="folder")
    stages = ("ingest@images", "validate@images", "prepare@images")
    found = []
    for env in ({"LC_ALL": "C.UTF-8"}, ASCII):
        ended = [end(start(project, command(project, stage), env={**env, "DVC_STAGE": stage})) for stage in stages]
        assert [each.code for each in ended] == [0, 0, 0], ended
        found.append([digests(project, stage) for stage in stages])
    assert found[0] == found[1]
    card = json.loads((project.path / "data/03_prepared/images/train/card.json").read_text(encoding="utf-8"))
    assert card["classes"] == sorted(["고양이", "كلب", "één"])


def test_what_an_ascii_terminal_cannot_show_is_escaped_and_stops_nothing(project: Project) -> None:
    """The table of results has arrows."""
    shown = end(start(project, command(project, "report"), env={**ASCII, "DVC_STAGE": "report"}))
    assert shown.code == 0, shown.output
    assert "accuracy \\u2191" in shown.output
    assert shown.output.isascii()
    project.edit_params("images", "source", value="그림")
    refused = end(start(project, command(project, "check"), env=ASCII))
    assert refused.code == 1
    assert "\\uadf8\\ub9bc" in refused.output
    assert "Traceback" not in refused.output


def test_a_source_on_the_web_says_without_a_network_what_to_do(project: Project) -> None:
    project.edit_params("images", "source", value="mnist")
    line = shlex.join(command(project, "ingest@images"))
    refused = apart(project, line, spaces=["--net"], env={"ENCDEC_CACHE": str(project.path.parent / "cache")})
    assert refused.code == 1, refused.output
    assert "DownloadError: mnist/" in refused.output
    assert "Where that address cannot be reached, put the file at <mirror>/mnist/" in refused.output
    assert "Traceback" not in refused.output
    assert not list((project.path / "data/01_raw").glob(".*.partial"))


def test_a_user_without_a_home_keeps_downloads_in_the_project(project: Project) -> None:
    project.edit_params("images", "source", value="mnist")
    hand_over(project)
    line = shlex.join(command(project, "ingest@images"))
    refused = apart(project, f"unset HOME && {READER} {line}", spaces=["--net"], env={})
    assert refused.code == 1, refused.output
    assert "DownloadError: mnist/" in refused.output
    assert "Traceback" not in refused.output
    assert (project.path / ".work/home/.cache/encdec/mnist").is_dir()
