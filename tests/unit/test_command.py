"""Mistakes of the user are sentences; mistakes of ours keep their traceback."""

import gc
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from encdec.command import run_command


@pytest.fixture(autouse=True)
def nothing_stays_frozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def start(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["stage", *arguments])


def test_arguments_reach_main_as_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def main(model: str, out: Path) -> None:
        seen.extend([model, out])

    start(monkeypatch, "vae", "--out", "a/b")
    run_command(main, "text", item=("model", ["cnn", "vae"]), paths={"out": "where"})
    assert seen == ["vae", Path("a/b")]


def fail(error: Exception) -> Callable[..., None]:
    def main(out: Path) -> None:
        raise error

    return main


@pytest.mark.parametrize("error", [ValueError("row 7 has no label"), FileNotFoundError("row 7 has no label")])
def test_a_mistake_in_the_input_is_printed_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.delenv("ENCDEC_TRACEBACK", raising=False)
    start(monkeypatch, "--out", "x")
    with pytest.raises(SystemExit) as ended:
        run_command(fail(error), "text", paths={"out": "where"})
    assert f"{type(error).__name__}: row 7 has no label" in str(ended.value)


def test_a_traceback_can_be_asked_for_and_a_bug_always_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    start(monkeypatch, "--out", "x")
    monkeypatch.setenv("ENCDEC_TRACEBACK", "1")
    with pytest.raises(ValueError, match="row 7"):
        run_command(fail(ValueError("row 7")), "text", paths={"out": "where"})
    monkeypatch.delenv("ENCDEC_TRACEBACK")
    with pytest.raises(TypeError):
        run_command(fail(TypeError("a bug")), "text", paths={"out": "where"})


def test_an_unknown_item_names_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start(monkeypatch, "vea", "--out", "x")
    with pytest.raises(SystemExit):
        run_command(print, "text", item=("model", ["cnn", "vae"]), paths={"out": "where"})
    assert "invalid choice: 'vea'" in capsys.readouterr().err


def test_memory_that_does_not_suffice_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENCDEC_TRACEBACK", raising=False)

    def fill(out: Path) -> None:
        import torch

        torch.empty(2**60, dtype=torch.uint8)  # torch's own words: no class of errors tells of it

    for main in (fail(MemoryError("Unable to allocate 8. TiB")), fill):
        start(monkeypatch, "--out", "x")
        with pytest.raises(SystemExit) as ended:
            run_command(main, "text", paths={"out": "where"})
        assert "lower the sizes of this stage in params.yaml" in str(ended.value)
    start(monkeypatch, "--out", "x")
    with pytest.raises(RuntimeError, match="a bug"):
        run_command(fail(RuntimeError("a bug")), "text", paths={"out": "where"})


SCRIPT = """
from encdec.starting import begin
begin(__name__)
import gc
from encdec.command import run_command
print("imported", gc.isenabled(), gc.get_freeze_count() > 0)
run_command(lambda out: print("working", gc.isenabled(), gc.get_freeze_count() > 0), "", paths={"out": "where"})
"""


def test_cycles_are_collected_while_a_stage_works_but_not_while_it_imports(tmp_path: Path) -> None:
    (tmp_path / "stage.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "stage.py"), "--out", "x"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["imported False False", "working True True"]


def test_a_reader_that_wants_no_more_ends_a_command_without_a_word() -> None:
    program = "from encdec.command import call; call(lambda: [print('row', n) for n in range(100_000)])"
    writer = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"row 0\n"
    writer.stdout.close()
    assert writer.stderr is not None
    assert writer.stderr.read() == b""
    assert writer.wait() == 128 + signal.SIGPIPE


def test_a_connection_that_breaks_is_a_mistake_with_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    start(monkeypatch, "--out", "x")
    with pytest.raises(SystemExit, match="BrokenPipeError: the server went away"):
        run_command(fail(BrokenPipeError("the server went away")), "text", paths={"out": "where"})


def test_a_mistake_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    start(monkeypatch, "--out", "x")
    with pytest.raises(SystemExit, match=r"no answer from https://\*\*\*@example.org"):
        run_command(fail(ValueError("no answer from https://ann:s3cret@example.org")), "text", paths={"out": "where"})
