"""`encdec` teaches: it lists what it can do, and answers a mistake before anything heavy is loaded."""

import subprocess
import sys

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
