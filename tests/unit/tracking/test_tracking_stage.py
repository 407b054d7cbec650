import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from mlflow.entities import Run
from started_stage import STEPS

from encdec.params.loading import Loaded
from encdec.tracking import repro
from encdec.tracking.digests import dvc_digest
from encdec.tracking.pointer import Pointer, abandoned, point, state_folder
from encdec.tracking.project import Project
from encdec.tracking.repro import DvcProcess
from encdec.tracking.run import StageRun
from encdec.tracking.stage import tracked_stage
from encdec.tracking.store import Store, search

HERE = Path(__file__).parent
SECTION: dict[str, object] = {"network": {"latent_dim": 12}, "beta": 1.0}


@pytest.fixture(autouse=True)
def data(project: Project) -> Path:
    (project.tree / "in").mkdir()
    (project.tree / "in" / "rows").write_text("1\n")
    return project.tree / "in"


def run_stage(loaded: Loaded, *, item: str = "vae", section: dict[str, object] | None = None) -> StageRun:
    with tracked_stage(
        "train", loaded=loaded, item=item, inputs=[Path("in")], outputs=[Path("out")], section=section or SECTION
    ) as run:
        Path("out").mkdir(exist_ok=True)
        Path("out", "model").write_text("weights")
    return run


def get(store: Store, run_id: str) -> Run:
    return store.client.get_run(run_id)


def the_run(store: Store) -> Run:
    (run,) = [run for run in search(store, "") if run.data.tags["stage"] == "train"]
    return run


def own_metrics(run: Run) -> dict[str, float]:
    """Without those of the machine."""
    return {name: value for name, value in run.data.metrics.items() if not name.startswith("system/")}


def steps(store: Store, run_id: str, name: str) -> list[int]:
    return [metric.step for metric in store.client.get_metric_history(run_id, name)]


def test_importing_the_stage_is_cheap() -> None:
    code = "import sys, encdec.tracking.stage; print(sorted({'mlflow', 'torch', 'pandas', 'dvc'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_says_what_was_read_written_and_used(store: Store, loaded: Loaded, data: Path) -> None:
    run = get(store, run_stage(loaded).run_id)
    assert (run.info.run_name, run.info.status) == ("train@vae", "FINISHED")
    expected = {
        "stage": "train",
        "model": "vae",
        "kind": "images",
        "source": "digits",
        "dvc.in/in": dvc_digest(data),
        "dvc.out/out": dvc_digest(Path("out")),
    }
    assert expected.items() <= run.data.tags.items()
    assert {"machine.cpu", "machine.cores", "machine.memory_gib", "machine.python"} <= run.data.tags.keys()
    assert {"version.torch", "version.mlflow", "mlflow.user"} <= run.data.tags.keys()
    assert "git.commit" not in run.data.tags  # there is no repository
    kept = {"seed": str(loaded.params.seed), "threads": str(loaded.params.threads)}
    assert run.data.params == {"network.latent_dim": "12", "beta": "1.0", **kept}


def test_an_exception_is_kept_with_its_first_line_and_its_traceback(store: Store, loaded: Loaded) -> None:
    message = "no such label: 'x'\nthe second line of postgresql://ann:s3cret@host/db"

    def fail() -> None:
        print("epoch 1 of 3, from https://ann:s3cret@example.org")
        print("a warning", file=sys.stderr)
        raise ValueError(message)

    with (
        pytest.raises(ValueError, match="no such label"),
        tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[], section=SECTION),
    ):
        fail()
    run = the_run(store)
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "ValueError: no such label: 'x'"
    path = store.client.download_artifacts(run.info.run_id, "log/traceback.txt")
    text = Path(path).read_text()
    assert "Traceback" in text
    assert "test_tracking_stage.py" in text
    assert "postgresql://***@host/db" in text
    assert "s3cret" not in text
    said = Path(store.client.download_artifacts(run.info.run_id, "log/stage.txt")).read_text()
    assert said == "epoch 1 of 3, from https://***@example.org\na warning\n"
    assert not list(store.project.work.glob("runs/*/*.json"))  # it is over


def test_a_missing_out_is_a_failure(store: Store, loaded: Loaded) -> None:
    with (
        pytest.raises(FileNotFoundError, match="nowhere"),
        tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[Path("nowhere")], section=SECTION),
    ):
        pass
    assert the_run(store).info.status == "FAILED"


def lightning_after_ctrl_c() -> None:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        sys.exit(1)


def be_terminated() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def be_interrupted() -> None:
    raise KeyboardInterrupt


def interrupted(loaded: Loaded, section: dict[str, object], stop: Callable[[], None] = be_interrupted) -> str:
    """The run of a stage that was stopped after its first step."""
    ids: list[str] = []

    def stage() -> None:
        with tracked_stage("train", loaded=loaded, item="vae", inputs=[Path("in")], outputs=[], section=section) as run:
            ids.append(run.run_id)
            run.log_metrics({"val/nll": 1.0}, step=0)
            stop()

    with pytest.raises((SystemExit, KeyboardInterrupt)):
        stage()
    return ids[0]


@pytest.mark.parametrize(
    ("stop", "name"), [(be_terminated, "SIGTERM"), (be_interrupted, "SIGINT"), (lightning_after_ctrl_c, "SIGINT")]
)
def test_who_is_asked_to_stop_is_killed_and_continues(
    store: Store, loaded: Loaded, stop: Callable[[], None], name: str
) -> None:
    stopped_id = interrupted(loaded, SECTION, stop)
    stopped = get(store, stopped_id)
    assert (stopped.info.status, stopped.data.tags["error"]) == ("KILLED", f"stopped by {name}")
    assert own_metrics(stopped) == {"val/nll": 1.0}  # what was collected is sent
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    again = run_stage(loaded)
    assert again.run_id == stopped_id
    finished = get(store, stopped_id)
    assert finished.info.status == "FINISHED"
    assert finished.data.tags["encdec.continued"] == "1"
    assert "error" not in finished.data.tags
    assert run_stage(loaded).run_id != stopped_id


@pytest.fixture
def below_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repro, "dvc_process", lambda: DvcProcess("here", os.getpid(), 1.0, "dvc repro"))


def with_state(loaded: Loaded) -> StageRun:
    """A stage that leaves what it could go on from."""
    with tracked_stage(
        "train", loaded=loaded, item="vae", inputs=[Path("in")], outputs=[Path("out")], section=SECTION
    ) as run:
        run.state_folder("checkpoints").mkdir(parents=True, exist_ok=True)
        run.log_metrics({"val/nll": 1.0}, step=0)
        Path("out").mkdir(exist_ok=True)
        Path("out", "model").write_text("weights")
    return run


def lock(tree: Path) -> None:
    outs = [{"path": "out", "md5": dvc_digest(tree / "out")}]
    (tree / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": {"train@vae": {"cmd": "x", "outs": outs}}}))


@pytest.mark.usefixtures("below_dvc")
def test_a_run_that_ended_goes_on_until_dvc_has_what_it_made(store: Store, loaded: Loaded) -> None:
    """dvc is killed between the end of the stage and dvc.lock, and starts the stage again."""
    first = with_state(loaded)
    assert first.state_folder("checkpoints").is_dir(), "it may be needed once more"
    again = with_state(loaded)
    assert again.run_id == first.run_id
    assert get(store, first.run_id).info.status == "FINISHED"
    assert steps(store, first.run_id, "val/nll") == [0]
    lock(store.project.tree)
    forced = run_stage(loaded)
    assert forced.run_id != first.run_id
    assert not forced.state_folder("checkpoints").exists()
    assert len(list(store.project.work.glob("runs/*/*.json"))) == 1


@pytest.mark.usefixtures("below_dvc")
def test_another_repro_removes_what_is_left_of_runs_whose_outs_are_kept(
    store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = with_state(loaded)
    lock(store.project.tree)
    monkeypatch.setattr(repro, "dvc_process", lambda: DvcProcess("here", os.getpid(), 99.0, "dvc repro"))
    with tracked_stage("evaluate", loaded=loaded, item="vae", inputs=[], outputs=[], section={}):
        assert not ended.state_folder("checkpoints").exists()
        assert not list(store.project.work.glob("runs/train@vae/*"))


@pytest.mark.usefixtures("below_dvc")
def test_a_run_beside_a_living_one_of_the_same_key_has_a_state_of_its_own(store: Store, loaded: Loaded) -> None:
    with tracked_stage("train", loaded=loaded, item="vae", inputs=[Path("in")], outputs=[], section=SECTION) as living:
        living.state_folder("checkpoints").mkdir(parents=True)
        beside = with_state(loaded)
        assert beside.state_folder("checkpoints") != living.state_folder("checkpoints")
        lock(store.project.tree)
        run_stage(loaded)
        assert living.state_folder("checkpoints").is_dir()
        assert not beside.state_folder("checkpoints").exists()


def test_a_run_goes_on_from_its_own_state_whoever_lives_beside_it(project: Project) -> None:
    first, second = (point(project, stage="train@vae", key="k") for _ in range(2))
    assert first.state == "k"
    assert second.state == f"k-{second.token}"
    for pointer in (first, second):
        state_folder(project, "checkpoints", pointer.state).mkdir(parents=True)
    first.release()  # killed
    (found,) = abandoned(project, "train@vae")
    assert found.state == "k", "and not another one because the second lives"
    found.drop()
    assert state_folder(project, "checkpoints", "k").is_dir(), "the same parameters may come again"
    second.release()


def test_what_a_run_beside_a_living_one_had_when_it_failed_is_gone_on_from(project: Project) -> None:
    """The disk is full for both: neither begins anew."""
    first, second = (point(project, stage="train@vae", key="k") for _ in range(2))
    for pointer in (first, second):
        state_folder(project, "checkpoints", pointer.state).mkdir(parents=True)
        (state_folder(project, "checkpoints", pointer.state) / pointer.token).touch()
    second.drop()
    again = point(project, stage="train@vae", key="k")
    assert again.state not in (first.state, second.state)
    assert [file.name for file in state_folder(project, "checkpoints", again.state).iterdir()] == [second.token]
    assert not state_folder(project, "checkpoints", second.state).exists()
    again.drop()
    state_folder(project, "checkpoints", first.state).rename(project.work / "elsewhere")
    first.drop()
    alone = point(project, stage="train@vae", key="k")
    assert alone.state == "k"
    assert [file.name for file in state_folder(project, "checkpoints", "k").iterdir()] == [second.token]
    alone.release()


def test_who_only_looks_at_a_dead_run_keeps_nobody_from_going_on_with_it(project: Project) -> None:
    point(project, stage="train@vae", key="k").release()
    held = Event()

    def look() -> None:
        for pointer in abandoned(project):
            held.set()
            time.sleep(0.5)
            pointer.release()

    thread = Thread(target=look)
    thread.start()
    assert held.wait(10)
    (found,) = abandoned(project, "train@vae")
    found.release()
    thread.join()


def test_with_other_parameters_or_data_it_is_another_run(store: Store, loaded: Loaded, data: Path) -> None:
    first = interrupted(loaded, SECTION)
    second = interrupted(loaded, {"beta": 2.0})
    assert second != first
    (data / "rows").write_text("2\n")
    third = run_stage(loaded, section={"beta": 2.0}).run_id
    assert third != second
    for run_id in (first, second):
        run = get(store, run_id)
        assert run.info.status == "KILLED"
        assert run.data.tags["encdec.abandoned"] == "started again with other parameters, data or code"
    assert not list(store.project.work.glob("runs/*/*.json"))


@pytest.mark.parametrize("changed", ["package/code.py", "script.py"])
def test_with_other_code_it_is_another_run(
    store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    Path("package/__pycache__").mkdir(parents=True)
    for file in ("package/code.py", "script.py"):
        Path(file).write_text("a = 1")
    monkeypatch.setattr("encdec.tracking.start.PACKAGE", Path("package"))
    monkeypatch.setattr(sys, "argv", ["script.py"])
    first = interrupted(loaded, SECTION)
    Path("package/__pycache__/code.pyc").touch()
    assert interrupted(loaded, SECTION) == first
    Path(changed).write_text("a = 2")
    assert interrupted(loaded, SECTION) != first


def test_on_another_device_or_with_other_libraries_it_is_another_run(
    store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = interrupted(loaded, SECTION)
    on_gpu = loaded._replace(params=loaded.params.model_copy(update={"accelerator": "gpu"}))
    second = interrupted(on_gpu, SECTION)
    monkeypatch.setattr("encdec.tracking.start.main_versions", lambda: {"torch": "0.1"})
    third = interrupted(on_gpu, SECTION)
    assert len({first, second, third}) == 3
    assert interrupted(on_gpu, SECTION) == third


def test_a_run_that_was_deleted_is_not_continued(store: Store, loaded: Loaded) -> None:
    first = interrupted(loaded, SECTION)
    store.client.delete_run(first)
    assert run_stage(loaded).run_id != first


def test_a_run_of_another_database_is_not_continued(store: Store, loaded: Loaded, migrated: Path) -> None:
    first = interrupted(loaded, SECTION)
    Path("mlflow.db").write_bytes(migrated.read_bytes())
    assert run_stage(loaded).run_id != first


def test_two_experiments_at_once_are_two_runs(store: Store, loaded: Loaded) -> None:
    with tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[], section=SECTION) as outer:
        with tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[], section=SECTION) as inner:
            assert inner.run_id != outer.run_id
        assert get(store, outer.run_id).info.status == "RUNNING"


def start(params: Path, mode: str, tree: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(HERE / "started_stage.py"), str(params), mode], cwd=tree, stdout=subprocess.PIPE, text=True
    )


def test_a_stage_that_was_killed_goes_on_in_its_own_run(store: Store, root: Path) -> None:
    """kill -9 leaves no time to say anything; the steps before it are kept and not written again."""
    tree = store.project.tree
    first = start(root / "params.yaml", "hang", tree)
    assert first.stdout is not None
    run_id = first.stdout.readline().strip()
    assert first.stdout.readline() == "waiting\n"
    first.kill()
    assert first.wait() == -signal.SIGKILL
    assert get(store, run_id).info.status == "RUNNING"
    assert steps(store, run_id, "val/nll") == [0, 1, 2]
    second = start(root / "params.yaml", "finish", tree)
    output, _ = second.communicate(timeout=60)
    assert output.split() == [run_id]
    run = get(store, run_id)
    assert (run.info.status, run.data.tags["encdec.continued"]) == ("FINISHED", "1")
    assert steps(store, run_id, "val/nll") == list(range(STEPS))
    (trial,) = search(store, f"tags.`mlflow.parentRunId` = '{run_id}'")  # continued as well, not a second one
    assert (trial.info.run_name, trial.info.status) == ("trial 0", "FINISHED")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_dies_while_its_run_is_made_leaves_none_that_nobody_continues(
    store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    name = Pointer.name

    def die(self: Pointer, run_id: str) -> Pointer:
        if run_id:  # it is in MLflow, and the pointer does not name it yet
            self.release()
            raise SystemError
        pointer = name(self, run_id)
        if moment == "before":
            self.release()
            raise SystemError
        return pointer

    with monkeypatch.context() as patch:
        patch.setattr(Pointer, "name", die)
        with pytest.raises(SystemError):
            run_stage(loaded)
    left = [run.info.run_id for run in search(store, "")]
    assert len(left) == (1 if moment == "after" else 0)
    run = run_stage(loaded)
    assert [each.info.run_id for each in search(store, "")] == [run.run_id]
    assert left in ([], [run.run_id])
    assert the_run(store).info.status == "FINISHED"


# The parent: one per dvc process


def as_dvc(monkeypatch: pytest.MonkeyPatch, pid: int, started: float = 1000.0, host: str = "here") -> None:
    monkeypatch.setattr(repro, "dvc_process", lambda: DvcProcess(host, pid, started, "dvc repro"))


def parent_of(store: Store, run_id: str) -> Run:
    return get(store, get(store, run_id).data.tags["mlflow.parentRunId"])


def test_stages_of_one_dvc_process_share_a_parent(
    store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_dvc(monkeypatch, 11)
    first, second = run_stage(loaded), run_stage(loaded, item="cnn")
    as_dvc(monkeypatch, 11, started=1000.4)  # the clock was set meanwhile
    third = run_stage(loaded, item="autoencoder")
    as_dvc(monkeypatch, 11, started=5000.0)  # the number was used again
    fourth = run_stage(loaded, item="seq2seq")
    parents = [parent_of(store, run.run_id).info.run_id for run in (first, second, third, fourth)]
    assert parents[0] == parents[1] == parents[2] != parents[3]
    parent = get(store, parents[0])
    assert parent.info.status == "FINISHED"
    assert parent.info.run_name.startswith("repro 20")
    assert parent.data.tags["dvc.command"] == "dvc repro"


def test_no_secret_of_the_command_line_or_the_parameters_is_kept(
    store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "k3y-of-the-bucket")
    command = "dvc exp run -S pairs.url=https://ann:s3cret@host/x --name k3y-of-the-bucket"
    monkeypatch.setattr(repro, "dvc_process", lambda: DvcProcess("here", 11, 1000.0, command))
    with tracked_stage(
        "tune", loaded=loaded, item="vae", inputs=[], outputs=[], section={"url": "https://ann:s3cret@host/x"}
    ) as run:
        pass
    shown = "dvc exp run -S pairs.url=https://***@host/x --name ***"
    assert parent_of(store, run.run_id).data.tags["dvc.command"] == shown
    assert get(store, run.run_id).data.params["url"] == "https://***@host/x"


def test_a_parent_runs_while_a_stage_runs_and_ends_as_its_worst_stage(
    store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_dvc(monkeypatch, 12)
    with tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[], section={}) as run:
        assert parent_of(store, run.run_id).info.status == "RUNNING"
    parent = parent_of(store, run.run_id).info.run_id
    assert get(store, parent).info.status == "FINISHED"
    with tracked_stage("train", loaded=loaded, item="vae", inputs=[], outputs=[], section={}):
        assert get(store, parent).info.status == "RUNNING"  # again
    interrupted(loaded, SECTION)
    assert get(store, parent).info.status == "KILLED"
    with (
        pytest.raises(ZeroDivisionError),
        tracked_stage("train", loaded=loaded, item="cnn", inputs=[], outputs=[], section={}),
    ):
        raise ZeroDivisionError
    assert get(store, parent).info.status == "FAILED"
    run_stage(loaded, item="seq2seq")  # dvc repro --keep-going
    assert get(store, parent).info.status == "FAILED"


def test_a_continued_stage_moves_below_the_new_parent(
    store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_dvc(monkeypatch, 13)
    first = interrupted(loaded, SECTION)
    old = parent_of(store, first).info.run_id
    as_dvc(monkeypatch, 14)
    assert run_stage(loaded).run_id == first
    new = parent_of(store, first)
    assert new.info.run_id != old
    assert (new.info.status, get(store, old).info.status) == ("FINISHED", "KILLED")


def test_the_next_repro_shows_what_a_dead_one_left_running(
    store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machine off in the middle of train@vae; then only another stage is started."""
    as_dvc(monkeypatch, 2**22 + 1)  # above any process number of Linux
    first = interrupted(loaded, SECTION)
    old = parent_of(store, first).info.run_id
    for run_id in (first, old):
        store.client.update_run(run_id, status="RUNNING")
    elsewhere = store.client.create_run(
        store.experiment_id, tags={"dvc.host": "there", "dvc.process": "there:1", "dvc.started": "1", "stage": "repro"}
    )
    as_dvc(monkeypatch, 15)
    run_stage(loaded, item="cnn")
    for run_id in (first, old):
        run = get(store, run_id)
        assert (run.info.status, run.data.tags["error"]) == ("KILLED", repro.DIED)
    assert get(store, elsewhere.info.run_id).info.status == "RUNNING"  # nobody here knows
    assert run_stage(loaded).run_id == first  # and it can still be continued


def test_an_experiment_is_named(store: Store, loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    as_dvc(monkeypatch, 16)
    monkeypatch.setenv("DVC_EXP_NAME", "mossy-ball")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "abc123")
    monkeypatch.setenv("DVC_STAGE", "train@vae")
    run = run_stage(loaded)
    tags = {"DVC_EXP_NAME": "mossy-ball", "DVC_EXP_BASELINE_REV": "abc123"}
    assert {**tags, "DVC_STAGE": "train@vae"}.items() <= get(store, run.run_id).data.tags.items()
    parent = parent_of(store, run.run_id)
    assert parent.info.run_name == "exp mossy-ball"
    assert tags.items() <= parent.data.tags.items()


def test_a_script_started_by_hand_has_no_parent(store: Store, loaded: Loaded) -> None:
    assert "mlflow.parentRunId" not in get(store, run_stage(loaded).run_id).data.tags


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["/venv/bin/python", "/venv/bin/dvc", "repro"], True),
        (["/usr/bin/dvc", "repro"], True),
        (["python3.11", "-m", "dvc", "exp", "run"], True),
        (["python.exe", "-u", "C/dvc.exe", "repro"], True),
        (["python", "pipelines/train.py", "dvc"], False),
        (["/bin/bash", "-c", "dvc repro"], False),
        (["vim", "dvc"], False),
        ([], False),
    ],
)
def test_dvc_is_known_by_its_command(command: list[str], expected: bool) -> None:
    assert repro.is_dvc(command) is expected


def test_the_dvc_process_is_found_above_a_shell(tmp_path: Path) -> None:
    code = "import json; from encdec.tracking.repro import dvc_process; print(json.dumps(dvc_process()))"
    (tmp_path / "stage.py").write_text(code)
    (tmp_path / "dvc").write_text(
        "import os, subprocess, sys; print(os.getpid(), flush=True)\n"
        "subprocess.run(['/bin/sh', '-c', f'{sys.executable} stage.py; true'], check=True)\n"
    )
    done = subprocess.run([sys.executable, "dvc"], cwd=tmp_path, capture_output=True, text=True, check=True)
    pid, found = done.stdout.splitlines()
    _, seen, _, command = json.loads(found)
    assert (seen, command) == (int(pid), f"{sys.executable} dvc")


def test_an_unknown_item_is_named(project: Project, loaded: Loaded) -> None:
    with (
        pytest.raises(ValueError, match="item 'gan' is not one of images, pairs, cnn, "),
        tracked_stage("train", loaded=loaded, item="gan", inputs=[], outputs=[], section={}),
    ):
        pass
