import json
import shutil
import socket
import string
import sys
import webbrowser
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from ports import free_port

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


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("127.0.0.1", 70_000, "^port 70000: must be from 1 to 65535$"),
        ("127.0.0.1", 0, "^port 0: must be from 1 to 65535$"),
        ("192.0.2.1", 5001, "^port 5001 on 192.0.2.1: Cannot assign requested address: choose another host"),
        ("no.such.host.invalid", 5001, "^port 5001 on no.such.host.invalid: .*: choose another host"),
    ],
)
def test_a_port_on_which_nothing_can_listen_is_not_called_in_use(host: str, port: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ui.taken(host, port)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="NO IPV6 ON THIS MACHINE")
def test_a_port_of_ipv6_is_looked_at_and_its_address_is_one() -> None:
    with socket.socket(socket.AF_INET6) as busy:
        busy.bind(("::1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert ui.taken("::1", port)
    assert not ui.taken("::1", port)
    assert ui.base_address("::1", port) == f"http://[::1]:{port}"


def test_where_a_server_keeps_the_runs_the_addresses_are_said_and_none_is_started(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], no_server: list[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ann:s3cret@runs.example.org/mlflow")
    monkeypatch.setattr(ui, "open_store", lambda *_: store._replace(uri="https://ann:s3cret@runs.example.org/mlflow"))
    assert ui.main("127.0.0.1", 1) == 0
    start = "https://runs.example.org/mlflow/#"
    table = f"{start}/experiments/{store.experiment_id}/runs?workflowType=machine_learning&viewStateShareKey=trainings"
    empty = "It is empty: no model was trained yet. `make repro` trains them all.\n"
    assert capsys.readouterr().out == f"The table of runs: {table}\n{empty}"
    assert no_server == []  # there is no display
    monkeypatch.setenv("DISPLAY", ":0")
    ui.main("127.0.0.1", 1)
    assert no_server == [table]


def test_the_last_run_of_every_model_is_compared(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    ids = []
    for model in ("vae", "cnn"):
        run = store.client.create_run(store.experiment_id, tags={"stage": "train", "model": model})
        store.client.set_terminated(run.info.run_id)
        ids.append(run.info.run_id)
    ui.show(store, "http://127.0.0.1:5000")
    _, compared = capsys.readouterr().out.splitlines()
    said, address = compared.split(": ", 1)
    assert said == "The last run of every model, side by side"
    page, _, query = address.partition("?")
    assert page == "http://127.0.0.1:5000/#/compare-runs"
    assert set(address) <= set(string.ascii_letters + string.digits + "/:.#?&=%_-")  # a terminal takes it as one link
    found = {key: value[0] for key, value in parse_qs(query).items()}
    assert json.loads(found["runs"]) == [ids[1], ids[0]]  # cnn comes first in params.yaml
    assert json.loads(found["experiments"]) == [store.experiment_id]
    assert found["workflowType"] == "machine_learning"


def test_a_server_that_does_not_start_is_told_with_its_own_words(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = [sys.executable, "-c", "import sys; sys.exit('no such table at postgresql://ann:s3cret@host/db')"]
    monkeypatch.setattr(ui, "serve_command", lambda *_: broken)
    port = free_port()
    assert ui.main("127.0.0.1", port) == 1
    said = capsys.readouterr()
    assert f"(its own words go to .work/ui-{port}.log)" in said.out
    assert "no such table at postgresql://***@host/db" in said.err
    assert said.err.endswith("the MLflow server did not start within 120 s; its own words are above\n")


def test_the_password_of_a_database_is_not_on_the_command_line(store: Store) -> None:
    uri = "postgresql://ann:s3cret@host/db"
    assert "s3cret" not in " ".join(ui.serve_command("127.0.0.1", 5000))
    environment = ui.serve_environment(store._replace(uri=uri), {"PATH": "/bin"})
    assert environment["_MLFLOW_SERVER_FILE_STORE"] == environment["_MLFLOW_SERVER_REGISTRY_STORE"] == uri
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["PATH"] == "/bin"
