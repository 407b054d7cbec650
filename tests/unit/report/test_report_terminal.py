"""The summary where a person looks, and where a program reads."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from encdec.params.root import MODEL_NAMES, Params
from encdec.report.build import Outs, build_report
from encdec.report.terminal import show


@pytest.fixture
def files(params: Params, graph: Path, outs: Outs, tmp_path: Path) -> tuple[Path, Path]:
    report = build_report(params, graph=graph, outs=outs)
    (tmp_path / "summary.md").write_text(report.summary, encoding="utf-8")
    (tmp_path / "index.html").write_text("x" * 1_260_000, encoding="utf-8")
    return tmp_path / "summary.md", tmp_path / "index.html"


def shown(files: tuple[Path, Path], *, terminal: bool, width: int = 150) -> str:
    file = io.StringIO()
    show(*files, console=Console(file=file, force_terminal=terminal, no_color=True, width=width))
    return re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())


def test_terminal_gets_the_first_metric_of_each_model(files: tuple[Path, Path]) -> None:
    text = shown(files, terminal=True)
    lines = text.splitlines()
    at = {
        name: number for name in MODEL_NAMES for number, line in enumerate(lines) if line.strip().startswith(f"{name} ")
    }
    assert list(at) == list(MODEL_NAMES)
    assert lines[at["cnn"]].split() == ["cnn", "0.985", "logistic", "regression", "+0.030", "▲", "better"]
    assert lines[at["cnn"] + 1].split() == ["accuracy", "↑", "[0.972,", "0.998]", "0.956", "[0.017,", "0.043]"]
    assert lines[at["sparse_autoencoder"]].split()[-2:] == ["\u25bc", "worse"]
    assert "5 beat their baselines, 1 lost to a baseline." in text
    assert "All 11 comparisons" in text  # 4 + 2 + 1 + 1 + 1 + 2 metrics with a baseline
    assert "index.html (1.3 MB)" in "".join(text.splitlines())


def test_terminal_does_not_read_markup_in_a_field(files: tuple[Path, Path]) -> None:
    summary = files[0]
    summary.write_text(summary.read_text().replace("logistic regression", "[red]x[/red] \\`y\\`"))
    assert "[red]x[/red] `y`" in shown(files, terminal=True)


def test_narrow_terminal_is_not_overrun(files: tuple[Path, Path]) -> None:
    assert max(len(line) for line in shown(files, terminal=True, width=80).splitlines()) <= 80


def test_pipe_gets_the_markdown_as_it_is(files: tuple[Path, Path]) -> None:
    text = shown(files, terminal=False, width=40)
    assert text.startswith(files[0].read_text(encoding="utf-8"))
    assert text.splitlines()[-1] == f"The page: {files[1]} (1.3 MB)"


def test_command_prints_the_summary_or_says_what_is_missing(files: tuple[Path, Path]) -> None:
    command = [sys.executable, "-m", "encdec.report.terminal", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("6 models on digits and dates")
    files[0].unlink()
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr == f"{files[0]}: no such file; it is written by `dvc repro report`\n"


def test_everything_switched_off_is_said(tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_text("Every model is switched off in params.yaml.\n")
    (tmp_path / "index.html").write_text("")
    text = shown((tmp_path / "summary.md", tmp_path / "index.html"), terminal=True)
    assert "Every model is switched off" in text
    assert "comparisons" not in text
