"""A project with a user's own pictures of digits, one small classifier, and results that are committed."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clones import cut_graph
from PIL import Image
from promotion_project import query
from sklearn.datasets import load_digits
from small_project import Project, new_project

BASE, BATCH = slice(0, 60), slice(60, 150)
"""Of each class: what the project begins with, and what comes later."""
CLASSES = 4
PATIENCE_SECONDS = 240


def write_digits(folder: Path, part: slice) -> int:
    """8x8 PNGs in a folder per class; how many."""
    digits, count = load_digits(), 0
    for label in range(CLASSES):
        images = digits.images[digits.target == label][part]
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        for number, pixels in enumerate(images):
            Image.fromarray((pixels * 15).astype("uint8")).save(folder / str(label) / f"{part.start + number:03d}.png")
        count += len(images)
    return count


def train_base(root: Path, folder: Path) -> Project:
    """`dvc repro` on the first pictures; all that came of it is in the last commit."""
    project = new_project(root, folder)
    cnn = ("models", "cnn")
    for name in ("autoencoder", "sparse_autoencoder", "denoising_autoencoder", "vae", "seq2seq"):
        project.edit_params("models", name, "enabled", value=False)
    project.edit_params("pairs", "enabled", value=False)
    project.edit_params("images", "source", value="folder")
    for key, value in {"height": 8, "width": 8, "classes": [str(each) for each in range(CLASSES)]}.items():
        project.edit_params("images", "sources", "folder", key, value=value)
    project.edit_params(*cnn, "tuning", value={"trials": 1, "max_epochs": 1, "max_steps": 3})
    project.edit_params(*cnn, "network", "dropout_prob", value=0.1)
    for key, value in {"max_epochs": 20, "max_steps": 60, "patience": 20, "learning_rate": 0.01}.items():
        project.edit_params(*cnn, "training", key, value=value)
    project.edit_params("promotion", "behaviour", value=False)  # its tests are of all ten digits
    project.edit_params("promotion", "models", "cnn", "floors", value={"accuracy": 0.6})
    project.edit_params("promotion", "models", "cnn", "margin", value=0.05)
    project.edit_params("promotion", "resamples", value=500)
    cut_graph(project.path / "dvc.yaml")
    write_digits(project.path / "data" / "00_source" / "images", BASE)
    project.repro()
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "base")
    return project


def retrain(project: Project, *arguments: str, status: int = 0) -> dict[str, Any]:
    """The command's own document."""
    done = project.run("encdec", "retrain", "--json", *arguments, check=False)
    assert done.returncode == status, f"{done.returncode}:\n{done.stdout}\n{done.stderr}"
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def results(project: Project) -> Path:
    return project.path / ".work" / "retraining"


def retrain_runs(project: Project) -> list[tuple[str, str, str]]:
    """Id, status and outcome of each, the oldest first."""
    return query(
        project,
        "SELECT r.run_uuid, r.status, coalesce(o.value, '') FROM runs r "
        "JOIN tags t ON t.run_uuid = r.run_uuid AND t.key = 'stage' AND t.value = 'retrain' "
        "LEFT JOIN tags o ON o.run_uuid = r.run_uuid AND o.key = 'retraining.outcome' ORDER BY r.start_time",
    )


def start(project: Project, *arguments: str, pause: dict[str, object] | None = None) -> "subprocess.Popen[str]":
    env = {
        **project.env,
        **({"ENCDEC_PAUSE": json.dumps({**pause, "commands": True, "seconds": 120})} if pause else {}),
    }
    return subprocess.Popen(
        ["encdec", "retrain", "--json", *arguments],
        cwd=project.path,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_at(project: Project, at: str, mark: Path, arguments: Sequence[str]) -> None:
    """Start the command, and kill it alone (not what it started) when one of them opens that file for writing."""
    process = start(project, *arguments, pause={"at": at, "mark": str(mark)})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not mark.exists():
        if process.poll() is not None:
            raise AssertionError(f"it ended before it came to {at}:\n{process.communicate()}")
        assert time.monotonic() < deadline, f"it did not come to {at}"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()
