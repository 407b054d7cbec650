"""Disks that are full, read-only or not for this user: a sentence with the path and what to do, nothing half-done."""

import shlex
import sqlite3
from pathlib import Path

import pytest
from rights import apart, refusable
from small_project import Project
from started import command, digests, end, leftovers, locked, outs, start

# A stage of each kind that writes more than a few bytes, the folder of its outs, and too little room for them.
TIGHT = {
    "ingest@images": ("data/01_raw", "64k"),
    "validate@pairs": ("data/02_validation", "16k"),
    "prepare@images": ("data/03_prepared/images", "64k"),
    "prepare@pairs": ("data/03_prepared/pairs", "64k"),
    "baselines@images": ("data/06_evaluation/baselines", "64k"),
    "tune@cnn": ("data/04_tuning", "4k"),
    "train@cnn": ("data/05_models", "64k"),
    "evaluate@cnn": ("data/06_evaluation/cnn", "16k"),
    "report": ("data/07_report", "16k"),
}
MAKE_ROOM = "make room there, then start the same command again"


def line(project: Project, stage: str) -> str:
    return shlex.join(command(project, stage))


def runs(project: Project) -> int:
    with sqlite3.connect(project.path / "mlflow.db") as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM runs")
    return int(count)


@pytest.mark.parametrize("stage", list(TIGHT))
def test_a_full_disk_is_a_sentence_and_with_room_the_same_command_ends_in_the_same_bytes(
    project: Project, stage: str
) -> None:
    folder, size = TIGHT[stage]
    full = apart(
        project,
        f"mount -t tmpfs -o size={size} none {folder} && {{ {line(project, stage)}; code=$?; "
        f"find {folder} -name '.*.partial'; exit $code; }}",
        env={"DVC_STAGE": stage},
    )
    assert full.code == 1, full.output
    assert f"OSError: {folder}" in full.output
    assert "it does not fit on its disk, which is full" in full.output
    assert MAKE_ROOM in full.output
    assert "Traceback" not in full.output
    assert ".partial\n" not in full.output, "nothing half-written stays"
    with_room = end(start(project, command(project, stage), env={"DVC_STAGE": stage}))
    assert with_room.code == 0, with_room.output
    assert digests(project, stage) == locked(project, stage)


def test_a_database_of_runs_that_does_not_fit_is_a_sentence_and_is_used_again_with_room(project: Project) -> None:
    stage = "train@cnn"
    size = (project.path / "mlflow.db").stat().st_size // 1024 + 60
    (project.path / "small").mkdir()
    ended = apart(
        project,
        f"mount -t tmpfs -o size={size}k none small && mv mlflow.db small/ && ln -s small/mlflow.db mlflow.db && "
        f"{{ {line(project, stage)}; echo code=$?; mount -o remount,size=64m small; {line(project, stage)}; }}",
        env={"DVC_STAGE": stage},
    )
    assert ended.code == 0, ended.output
    first, _ = ended.output.split("code=1\n")
    assert f"MLflow at sqlite:///{project.path.as_posix()}/mlflow.db cannot be used" in first
    assert f"{project.path.as_posix()}/mlflow.db: it does not fit on its disk" in first
    assert MAKE_ROOM in first
    assert "Traceback" not in ended.output
    assert digests(project, stage) == locked(project, stage)


def test_a_new_database_that_does_not_fit_is_not_left_half_made(project: Project) -> None:
    (project.path / "mlflow.db").unlink()
    (project.path / "small").mkdir()
    ended = apart(
        project,
        f"mount -t tmpfs -o size=400k none small && export MLFLOW_TRACKING_URI=sqlite:///$PWD/small/mlflow.db && "
        f"{{ {line(project, 'ingest@images')}; echo code=$?; ls small; mount -o remount,size=64m small; "
        f"{line(project, 'ingest@images')}; }}",
        env={},
    )
    assert ended.code == 0, ended.output
    first, again = ended.output.split("code=1\n")
    assert "small/mlflow.db: it does not fit on its disk" in first
    assert "Traceback" not in ended.output
    assert again.startswith("mlflow.db.lock\ningest images: 1,797 rows"), "small/ has the lock and nothing else"


def test_artifacts_that_do_not_fit_are_a_sentence(project: Project) -> None:
    stage = "train@cnn"
    ended = apart(
        project, f"mount -t tmpfs -o size=200k none mlruns && {line(project, stage)}", env={"DVC_STAGE": stage}
    )
    assert ended.code == 1, ended.output
    assert f"{project.path.as_posix()}/mlruns" in ended.output
    assert MAKE_ROOM in ended.output
    assert "Traceback" not in ended.output


READ_ONLY = "mount --bind {0} {0} && mount -o remount,ro,bind {0} && cd . "


def test_a_read_only_data_folder_stops_a_stage_before_it_works(project: Project) -> None:
    before = runs(project)
    refused = apart(
        project, f"{READ_ONLY.format('data')} && {line(project, 'train@cnn')}", env={"DVC_STAGE": "train@cnn"}
    )
    assert refused.code == 1, refused.output
    assert "data/05_models/cnn: its file system is read-only: mount it for writing" in refused.output
    assert "Traceback" not in refused.output
    assert runs(project) == before, "no training was begun for nothing"
    assert digests(project, "train@cnn") == locked(project, "train@cnn")


def test_a_read_only_project_is_a_sentence_of_the_stage_and_of_dvc(project: Project) -> None:
    refused = apart(
        project,
        "mount --bind $PWD $PWD && mount -o remount,ro,bind $PWD && cd $PWD && "
        f"{{ {line(project, 'ingest@images')}; dvc repro ingest@images; }}",
        env={},
    )
    assert refused.code != 0
    stage, _, dvc = refused.output.partition("shows where it was raised)")
    assert "data/01_raw/images: its file system is read-only: mount it for writing" in stage
    assert "Read-only file system: " in dvc
    assert "Traceback" not in refused.output


def test_a_file_that_this_user_may_not_read_is_named_with_its_mode(project: Project) -> None:
    source = project.path / "data/00_source/images/one"
    source.mkdir(parents=True)
    (source / "a.png").write_bytes(b"")
    (source / "a.png").chmod(0o000)
    project.edit_params("images", "source", value="folder")
    refused = end(start(project, refusable(command(project, "ingest@images"))))
    assert refused.code == 1, refused.output
    assert "data/00_source/images/one/a.png: user " in refused.output
    assert "may not use it (it belongs to user " in refused.output
    assert "mode ----------): give this user the right to it" in refused.output
    assert "Traceback" not in refused.output
    by_dvc = end(start(project, refusable(["dvc", "repro", "--single-item", "ingest@images"])))
    assert by_dvc.code != 0
    assert "Permission denied" in by_dvc.output
    assert "a.png" in by_dvc.output
    assert "Traceback" not in by_dvc.output


def test_a_folder_that_this_user_may_not_write_stops_a_stage_before_it_works(project: Project) -> None:
    before = runs(project)
    folder = project.path / "data/04_tuning"
    folder.chmod(0o555)
    refused = end(start(project, refusable(command(project, "tune@cnn"))))
    folder.chmod(0o755)
    assert refused.code == 1, refused.output
    assert "data/04_tuning/cnn: user " in refused.output
    assert "mode dr-xr-xr-x): give this user the right to it" in refused.output
    assert "trial" not in refused.output
    assert "Traceback" not in refused.output
    assert runs(project) == before
    assert leftovers(Path(folder)) == []
    assert all(path.exists() for path in outs(project, "tune@cnn"))
