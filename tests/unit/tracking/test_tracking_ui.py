import shutil
import socket
import sys
import webbrowser
from pathlib import Path

import pytest

from encdec.tracking import ui
from encdec.tracking.project import Project
from encdec.tracking.store import Store


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch, project: Project, root: Path) -> list[str]:
    """No process and no browser is started; what was opened is listed."""
    shutil.copyfile(root / "params.yaml", project.tree / "params.yaml")
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    return opened


def test_a_taken_port_is_one_sentence_that_names_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert ui.main("127.0.0.1", port) == 1
    said = capsys.readouterr()
    assert said.out == ""
    expected = f"port {port} on 127.0.0.1 is in use: stop what uses it, or choose another: make ui PORT={port + 1}\n"
    assert said.err == expected
    assert not ui.taken("127.0.0.1", port)


def test_where_a_server_keeps_the_runs_its_address_is_said_and_none_is_started(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], no_server: list[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ann:s3cret@runs.example.org/mlflow")
    monkeypatch.setattr(ui, "open_store", lambda *_: store._replace(uri="https://ann:s3cret@runs.example.org/mlflow"))
    assert ui.main("127.0.0.1", 1) == 0
    page = f"https://runs.example.org/mlflow/#/experiments/{store.experiment_id}/runs?workflowType=machine_learning"
    assert capsys.readouterr().out == f"The table of runs: {page}\n"
    assert no_server == []  # there is no display
    monkeypatch.setenv("DISPLAY", ":0")
    ui.main("127.0.0.1", 1)
    assert no_server == [page]


def test_the_password_of_a_database_is_not_on_the_command_line(store: Store) -> None:
    uri = "postgresql://ann:s3cret@host/db"
    assert "s3cret" not in " ".join(ui.serve_command("127.0.0.1", 5000))
    environment = ui.serve_environment(store._replace(uri=uri), {"PATH": "/bin"})
    assert environment["MLFLOW_BACKEND_STORE_URI"] == uri
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["PATH"] == "/bin"
