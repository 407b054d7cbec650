"""How long a stage takes that has one step of work, beside a bare import of what it is made with.

The bare import is `python -c 'import torch, pytorch_lightning, mlflow'`. The stages run as `dvc repro` starts them, in
a copy of the project, one step, epoch and trial each; tracking, set-up, saving and logging of the model are all there.
With --tracking, the share of the training loop that tracking takes is measured instead, in a longer training.
Needs the outs of `make repro`.
"""

import argparse
import json
import resource
import shlex
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import yaml
from ruamel.yaml import YAML

from benchmarks.project_copy import copy_project, run

STEPS_OF_AN_EPOCH = 20
"""As many as one over digits has (1,278 images, 64 to a batch), whose metrics are logged at its end."""
BARE = "import torch, pytorch_lightning, mlflow"
TIMED = """
import json, runpy, sys, time
import encdec.training.fitting as fitting
from encdec.tracking.run import StageRun

spent = {"tracking": 0.0, "fit": 0.0, "calls": 0}

def timed(function, key):
    def call(*args, **kwargs):
        began = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[key] += time.perf_counter() - began
            spent["calls"] += key == "tracking"
    return call

fit = timed(fitting.fit, "fit")

def fit_alone(*args, **kwargs):
    log_metrics, StageRun.log_metrics = StageRun.log_metrics, timed(StageRun.log_metrics, "tracking")
    try:
        return fit(*args, **kwargs)
    finally:
        StageRun.log_metrics = log_metrics

fitting.fit = fit_alone
runpy.run_path(sys.argv[0], run_name="__main__")
print(json.dumps(spent))
"""
"""Runs a stage's script with two clocks in it: one around the training, one around what tracking does in it."""


class Time(NamedTuple):
    """In seconds: by the clock, and of the processor, which other work on the machine changes less."""

    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", nargs="+", default=["train@vae", "tune@vae"], help="as dvc.yaml names them")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is timed, in turns (7)")
    parser.add_argument("--tracking", metavar="MODEL", help="the share of tracking in a training of this model")
    parser.add_argument("--steps", type=int, default=10_000, help="of the training with --tracking (10000)")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        project = Path(temporary, "project")
        copy_project(project)
        if arguments.tracking:
            print_tracking(project, arguments.tracking, arguments.steps)
        else:
            print_stages(project, arguments.stages, arguments.rounds)


def print_stages(project: Path, stages: list[str], rounds: int) -> None:
    limit_training(project, steps=1, epochs=1)
    commands = {"bare import": [sys.executable, "-c", BARE], **{stage: command(project, stage) for stage in stages}}
    for line in commands.values():
        run(project, *line)  # the first one makes the database and the compiled files
    times: dict[str, list[Time]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, line in commands.items():
            times[name].append(timed(project, line))
    middle = {
        name: Time(*(statistics.median(column) for column in zip(*found, strict=True))) for name, found in times.items()
    }
    bare = middle["bare import"]
    print(f"medians of {rounds}\n")
    print("| | seconds | least to greatest | ratio | processor seconds | ratio |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, found in times.items():
        wall, cpu = middle[name]
        spread = f"{min(time.wall for time in found):.2f} to {max(time.wall for time in found):.2f}"
        print(f"| {name} | {wall:.2f} | {spread} | {wall / bare.wall:.2f} | {cpu:.2f} | {cpu / bare.cpu:.2f} |")


def print_tracking(project: Path, model: str, steps: int) -> None:
    limit_training(project, steps=steps, epochs=max(1, steps // STEPS_OF_AN_EPOCH))
    line = command(project, f"train@{model}")
    code = f"import sys; sys.argv = {line[1:]!r}\n{TIMED}"
    spent = json.loads(run(project, line[0], "-c", code).splitlines()[-1])
    print("| training of | steps | loop in seconds | in tracking | calls | share |\n|---|--:|--:|--:|--:|--:|")
    share = spent["tracking"] / spent["fit"]
    print(f"| {model} | {steps:,} | {spent['fit']:.1f} | {spent['tracking']:.3f} | {spent['calls']:,} | {share:.2%} |")


def limit_training(project: Path, *, steps: int, epochs: int) -> None:
    """Every model trains for so many steps and epochs, and its study has one trial of one step."""
    file, reader = project / "params.yaml", YAML()
    params: Any = reader.load(file)
    for model in params["models"].values():
        model["training"] |= {"max_epochs": epochs, "max_steps": steps, "patience": epochs}
        model["tuning"] |= {"trials": 1, "max_epochs": 1, "max_steps": 1}
        if "beta_warmup_steps" in model:
            model["beta_warmup_steps"] = 0
    reader.dump(params, file)


def command(project: Path, stage: str) -> list[str]:
    stages: dict[str, Any] = yaml.safe_load((project / "dvc.lock").read_bytes())["stages"]
    if stage not in stages:
        raise SystemExit(f"dvc.lock has no stage {stage!r}: give one of {', '.join(stages)}")
    return [sys.executable, *shlex.split(stages[stage]["cmd"])[1:]]


def timed(folder: Path, line: list[str]) -> Time:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run(folder, *line)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Time(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


if __name__ == "__main__":
    main()
