"""`encdec` teaches: it lists what it can do, and answers a mistake before anything heavy is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from encdec.cli.main import COMMANDS, main


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {text}" in shown for name, text in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: encdec {name}" in capsys.readouterr().out


def test_an_unknown_command_is_answered_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["linage"])
    assert ended.value.code == 2
    assert "invalid choice: 'linage'" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_loads_neither_mlflow_nor_torch(name: str) -> None:
    program = f"""
import sys
from encdec.cli.main import main
try:
    main([{name!r}, "--help"])
except SystemExit:
    print([name for name in ("mlflow", "torch") if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("command", [["retrain"], ["monitor", "may"], ["promote", "cnn"], ["rollback", "cnn"]])
def test_an_error_stands_in_the_summary_of_a_job_too(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # which is no project
    monkeypatch.delenv("ENCDEC_TRACEBACK", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert isinstance(ended.value.code, str)  # what Python prints; the status is 1
    sentence = ended.value.code.strip().splitlines()[0]
    assert sentence.startswith("FileNotFoundError: no dvc.yaml in ")
    assert (tmp_path / "summary.md").read_text() == f"```text\n{sentence}\n```\n\n"


def test_no_error_can_format_the_summary_or_show_a_password_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**given: object) -> None:
        raise ValueError("https://ann:s3cret@example.org has\n```\n<img src=x>")

    monkeypatch.setattr("encdec.cli.rollback.run", fail)
    monkeypatch.delenv("ENCDEC_TRACEBACK", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    with pytest.raises(SystemExit):
        main(["rollback", "cnn"])
    told = "ValueError: https://***@example.org has\n```\n<img src=x>"
    assert (tmp_path / "summary.md").read_text() == f"````text\n{told}\n````\n\n"


def test_a_summary_that_cannot_be_written_hides_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ENCDEC_TRACEBACK", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    with pytest.raises(SystemExit, match=r"FileNotFoundError: no dvc\.yaml in "):
        main(["retrain"])


def test_what_is_no_error_leaves_the_summary_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**given: object) -> None:
        sys.exit(10)

    monkeypatch.setattr("encdec.cli.rollback.run", refused)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    with pytest.raises(SystemExit) as ended:
        main(["rollback", "cnn"])
    assert ended.value.code == 10
    assert not (tmp_path / "summary.md").exists()
