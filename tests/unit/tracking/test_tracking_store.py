import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from ports import free_port

from encdec.tracking import store as stores
from encdec.tracking.project import Project
from encdec.tracking.store import IMPATIENT, Store, TrackingUnavailable, open_store, patient_for_seconds, search


def test_the_experiment_is_made_once_with_its_artifacts_at_home(project: Project) -> None:
    first, second = open_store("a name", project), open_store("a name", project)
    assert first.experiment_id == second.experiment_id
    found = first.client.get_experiment(first.experiment_id)
    assert found.artifact_location == (project.home / "mlruns").as_uri()
    assert first.uri == f"sqlite:///{project.home}/mlflow.db"


def test_an_experiment_that_another_machine_makes_meanwhile_is_taken(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the question and the creation, which a lock on this machine cannot prevent."""
    from mlflow import MlflowClient

    create = MlflowClient.create_experiment

    def created_by_another_first(self: MlflowClient, name: str, artifact_location: str | None = None) -> str:
        create(self, name, artifact_location=artifact_location)
        return str(create(self, name, artifact_location=artifact_location))

    monkeypatch.setattr(MlflowClient, "create_experiment", created_by_another_first)
    store = open_store("raced", project)
    found = store.client.get_experiment_by_name("raced")
    assert found is not None
    assert found.experiment_id == store.experiment_id


def test_a_search_finds_every_run_however_many_a_store_gives_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "PAGE", 2)
    made = [store.client.create_run(store.experiment_id, start_time=number).info.run_id for number in range(1, 6)]
    assert [run.info.run_id for run in search(store, "")] == made[::-1]


def test_a_deleted_experiment_is_explained(project: Project) -> None:
    store = open_store("gone", project)
    store.client.delete_experiment(store.experiment_id)
    with pytest.raises(ValueError, match=r"tracking\.experiment: 'gone' was deleted in MLflow: restore it"):
        open_store("gone", project)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://ann:s3cret@127.0.0.1:{port}", "http://127.0.0.1:{port}"),  # the account was taken out of it
        ("postgresql://ann:s3cret@127.0.0.1:{port}/db", "postgresql://***@127.0.0.1:{port}/db"),
    ],
)
def test_a_server_that_is_not_there_is_said_within_seconds_and_without_its_password(
    project: Project, monkeypatch: pytest.MonkeyPatch, address: str, shown: str
) -> None:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")  # and back, after the test
    port = free_port()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(port=port))
    began = time.monotonic()
    with pytest.raises(TrackingUnavailable) as caught:
        open_store("encdec", project)
    assert time.monotonic() - began < 5
    message = str(caught.value)
    assert message.startswith(f"MLflow at {shown.format(port=port)} ")
    assert "(MLFLOW_TRACKING_URI) cannot be used: " in message
    assert "\n" not in message
    assert "s3cret" not in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert isinstance(caught.value, OSError)  # a stage script prints it as a sentence


def test_a_server_that_accepts_and_never_answers_is_said_within_seconds(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(IMPATIENT, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(TrackingUnavailable, match="cannot be used"):
            open_store("encdec", project)
        assert time.monotonic() - began < 5


def test_a_database_that_is_none_is_said_at_once(project: Project) -> None:
    (project.home / "mlflow.db").write_bytes(b"this is no database" * 1000)
    began = time.monotonic()
    with pytest.raises(TrackingUnavailable, match=r"file is not a database.*move mlflow\.db away to begin a new one"):
        open_store("encdec", project)
    assert time.monotonic() - began < 5


def test_a_database_that_cannot_be_opened_is_said_at_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow by itself tries again for hours."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project.home}")  # a folder
    began = time.monotonic()
    with pytest.raises(TrackingUnavailable, match=r"unable to open database file.*correct MLFLOW_TRACKING_URI"):
        open_store("encdec", project)
    assert time.monotonic() - began < 5


def test_a_database_of_another_mlflow_is_explained(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.db"
    (project.home / "mlflow.db").rename(other)
    with sqlite3.connect(other) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0'")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other}")
    with pytest.raises(TrackingUnavailable, match=r"out-of-date database schema.*'mlflow db upgrade"):
        open_store("encdec", project)


def test_short_patience_ends_with_the_first_check(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "33")  # a user's own word counts
    with patient_for_seconds():
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "33"
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "33"


def test_mlflow_reports_nothing_about_its_use(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY")
    open_store("encdec", project)
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_an_unknown_kind_of_address_is_mlflows_own_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(project.home / "mlruns"))
    with pytest.raises(TrackingUnavailable, match=MlflowException.__name__):
        open_store("encdec", project)


def test_two_processes_of_different_projects_make_one_database(tmp_path: Path) -> None:
    """The lock of a project does not know of the other one; that of the database does."""
    path = tmp_path / "shared.db"
    code = "import sys; from pathlib import Path; from encdec.tracking.sqlite import make_sqlite; "
    code += "make_sqlite(Path(sys.argv[1]))"
    both = [subprocess.Popen([sys.executable, "-c", code, str(path)], stderr=subprocess.PIPE, text=True) for _ in "ab"]
    ended = [(process.communicate()[1], process.returncode) for process in both]
    assert [code for _, code in ended] == [0, 0], ended
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
