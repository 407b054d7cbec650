"""The command: help, mistakes of the user as sentences, and nothing that is fetched or sent."""

import os
import socket
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest
from trained_project import TrainedProject

from encdec.playground import __main__ as command
from encdec.playground.serving import QUIET, theme


def run(root: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(root / "src"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "encdec.playground", *arguments],
        cwd=cwd or root,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


HELP = """
import runpy, sys
sys.argv = ["play", "--help"]
try:
    runpy.run_module("encdec.playground", run_name="__main__")
except SystemExit:
    print(sorted({"torch", "gradio", "mlflow"} & set(sys.modules)))
"""


def test_help_teaches_and_loads_neither_torch_nor_gradio(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP],
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--model vae=models:/vae@champion" in done.stdout
    assert "127.0.0.1, the default, is this machine alone" in done.stdout
    assert done.stdout.endswith("[]\n")


def test_a_taken_port_is_one_sentence_that_names_the_way_out(root: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = run(root, "--port", str(port))
    assert done.returncode == 1
    assert done.stdout == ""
    expected = (
        f"port {port} on 127.0.0.1 is in use: stop what uses it, or choose another: make play PLAY_PORT={port + 1}\n"
    )
    assert done.stderr == expected


def test_before_anything_is_trained_there_is_one_sentence(root: Path, tmp_path: Path) -> None:
    done = run(root, "--models", str(tmp_path / "models"), "--prepared", str(tmp_path), "--port", "65535")
    assert done.returncode == 1
    assert done.stderr.startswith(f"there is no trained model in {tmp_path / 'models'}: run `make repro` first.\n")
    assert "Traceback" not in done.stderr


def test_outside_of_the_project_there_is_one_sentence(root: Path, tmp_path: Path) -> None:
    done = run(root, "--port", "65535", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"no dvc.yaml in {tmp_path} or above it: run this inside of the project\n"


def test_without_gradio_there_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "gradio" else util.find_spec(name))
    assert command.main([]) == 1
    assert capsys.readouterr().err == "the playground needs gradio, which is not installed: run `make play`\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("cnnn=models:/cnn@a", "'cnnn' is no model; choose one of cnn, autoencoder, sparse_autoencoder"),
        ("vae", "'vae' names no address; write vae=models:/vae@champion"),
        ("vae=", "'vae=' names no address; write vae=models:/vae@champion"),
    ],
)
def test_a_mistake_in_model_says_what_to_write(given: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--model", given])
    assert expected in capsys.readouterr().err


def test_an_address_keeps_what_stands_behind_its_name() -> None:
    assert command.address_of("vae=models:/vae@champion") == ("vae", "models:/vae@champion")


def test_an_alias_that_is_not_there_is_a_sentence_that_names_what_is(
    root: Path, trained: TrainedProject, tmp_path: Path
) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    places = ["--models", str(trained.models), "--prepared", str(trained.prepared)]
    done = run(root, *places, "--model", "vae=models:/vae@champion", "--port", "65535", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == ("models:/vae@champion: no model 'vae' is registered; registered are none")
    assert "Traceback" not in done.stderr


def test_no_font_is_fetched_and_no_use_is_reported() -> None:
    assert theme()._stylesheets == []  # of each Google font it would name the address
    assert theme()._font_css == []
    assert QUIET["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert QUIET["HF_HUB_OFFLINE"] == "1"
    assert QUIET["GRADIO_ALLOWED_PATHS"] == ""
