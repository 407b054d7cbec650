"""One DVC experiment for each seed: started, watched, and read back from what DVC keeps of it."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from encdec.outs import write_text
from encdec.progress import note
from encdec.tracking.git import git
from encdec.tracking.locked import LOCK_FILE, locked_outs
from encdec.tracking.project import Project
from encdec.tracking.seeds.groups import params_of, stages_of

LOG_FOLDER = "seeds"
LOOK_SECONDS = 0.2
SHOWN_LINES = 15
STOP_SECONDS = 30
HAS_BEGUN, BUSY = b"Reproducing experiment", b"Unable to acquire lock"
"""DVC's words: until the first it holds its lock, for which another waits three seconds, then says the second."""
MAX_TRIES = 10
METRICS_FILE, BASELINE_FILE = "metrics.json", "baseline.json"


class Experiment(NamedTuple):
    """A seed under way."""

    seed: int
    process: "subprocess.Popen[bytes]"
    log: Path
    began: float


class Result(NamedTuple):
    """A model of a seed as the experiment keeps it; `weights` is the digest of its folder `name`."""

    seed: int
    metrics: Mapping[str, float]
    baseline: Mapping[str, float]
    name: str
    weights: str


def experiment_name(seed: int) -> str:
    return f"encdec-seed-{seed}"


def reference(project: Project, seed: int) -> str:
    """Where DVC keeps the experiment of a seed upon the commit of the tree.

    Raises:
        ValueError: there is no commit.
    """
    head = (git(project.tree, "rev-parse", "--verify", "HEAD") or "").strip()
    if not head:
        raise ValueError(f"{project.tree}: no git commit here: DVC keeps an experiment beside one (git commit)")
    return f"refs/exps/{head[:2]}/{head[2:]}/{experiment_name(seed)}"


def run_seeds(project: Project, seeds: Sequence[int], targets: Sequence[str], *, jobs: int) -> list[int]:
    """Run the targets with each seed, `jobs` at once; what DVC's run-cache has is not run again.

    Returns:
        The seeds that failed; each one's last words have been printed.
    """
    waiting, failed = list(seeds), list[int]()
    tries = Counter[int]()
    with ending() as running:
        while waiting or running:
            if waiting and len(running) < jobs and all(HAS_BEGUN in each.log.read_bytes() for each in running):
                tries[waiting[0]] += 1
                running.append(start(project, waiting.pop(0), targets))
            time.sleep(LOOK_SECONDS)
            for each in [each for each in running if each.process.poll() is not None]:
                running.remove(each)
                if each.process.returncode != 0 and BUSY in each.log.read_bytes() and tries[each.seed] < MAX_TRIES:
                    waiting.append(each.seed)
                    continue
                failed += [each.seed] if each.process.returncode != 0 else []
                tell_end(each, f"{len(waiting) + len(running)} of {len(seeds)} left")
    return failed


@contextmanager
def ending() -> Iterator[list[Experiment]]:
    """Experiments that end with the block, however that ends: DVC's stages close their runs when they are asked to."""
    running: list[Experiment] = []
    try:
        yield running
    finally:
        for each in running:
            each.process.terminate()
        for each in running:
            try:
                each.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                each.process.kill()


def start(project: Project, seed: int, targets: Sequence[str]) -> Experiment:
    """In a copy of the tree, so that the tree keeps its own results; an experiment of that name gives way.

    Not by DVC's --force, which would run again what did not change.
    """
    git(project.tree, "update-ref", "-d", reference(project, seed))
    log = project.work / LOG_FOLDER / f"{seed}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "dvc", "exp", "run", "--temp"]
    command += ["--name", experiment_name(seed), "--set-param", f"seed={seed}", *targets]
    with log.open("wb") as file:
        process = started(command, project.tree, file)
    note(f"seed {seed}: {', '.join(targets)} (DVC's own words go to {project.name(log)})")
    return Experiment(seed, process, log, time.monotonic())


def started(command: Sequence[str], folder: Path, output: IO[bytes]) -> "subprocess.Popen[bytes]":
    ours = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # stages start `python`
    environment = {**os.environ, "PATH": ours}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
    )


def tell_end(ended: Experiment, left: str) -> None:
    seconds = time.monotonic() - ended.began
    if ended.process.returncode == 0:
        note(f"seed {ended.seed}: done in {seconds:.0f} s, {left}")
        return
    lines = ended.log.read_text(encoding="utf-8", errors="replace").splitlines()[-SHOWN_LINES:]
    note("\n".join([f"seed {ended.seed}: FAILED after {seconds:.0f} s, {left}; its last words:", *lines]))


def read_result(project: Project, seed: int, model: str) -> Result:
    """What the experiment of a seed has of a model.

    Raises:
        ValueError: there is no such experiment upon this commit, or the model is not in it.
    """
    commit = (git(project.tree, "rev-parse", "--verify", reference(project, seed)) or "").strip()
    if not commit:
        raise ValueError(
            f"seed {seed}: DVC has no experiment {experiment_name(seed)} on this commit: see `dvc exp list`"
        )
    stages = stages_of(project, params_of(project))
    outs = {Path(out).name: out for out in stages[f"evaluate@{model}"].outs}
    weights = stages[f"train@{model}"].outs[0]
    return Result(
        seed,
        metrics=numbers(project, commit, outs[METRICS_FILE]),
        baseline=numbers(project, commit, outs[BASELINE_FILE]),
        name=weights,
        weights=locked(project, commit).get(weights, ""),
    )


def numbers(project: Project, commit: str, path: str) -> dict[str, float]:
    text = shown(project, commit, path)
    if text is None:
        raise ValueError(f"{path}: not in the experiment {commit[:12]}: run `dvc exp show` to see what it has")
    content = json.loads(text)
    return {name: float(value) for name, value in content.items()}


def locked(project: Project, commit: str) -> Mapping[str, str]:
    """The digests of the outs in the experiment's own dvc.lock."""
    copy = project.work / LOG_FOLDER / LOCK_FILE
    write_text(copy, shown(project, commit, LOCK_FILE) or "")
    return locked_outs(copy)


def shown(project: Project, commit: str, path: str) -> str | None:
    """A file of a commit by its path in the tree, which may lie below the top of the repository."""
    return git(project.tree, "show", f"{commit}:./{path}")
