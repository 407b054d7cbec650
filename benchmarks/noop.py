"""What a `dvc repro` with nothing to do costs here, beside trivial graphs of the same stages and paths.

In the trivial graphs each path is one small file and each command writes it: one has no parameters, the other has the
project's params.yaml and asks for the same keys of it. Needs the outs of `make repro`.
"""

import argparse
import resource
import shutil
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import yaml

from benchmarks.project_copy import copy_project, run


class Time(NamedTuple):
    """In seconds: by the clock, and of the processor, which other work on the machine changes less."""

    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="how often each is timed, in turns (7)")
    rounds: int = parser.parse_args().rounds
    with TemporaryDirectory() as temporary:
        project = Path(temporary, "project")
        copy_project(project)
        run(project, "dvc", "commit", "--force", "--quiet")  # up to date as it is, whatever dvc.lock says
        stages = locked_stages(project)
        trivial, with_params = Path(temporary, "trivial"), Path(temporary, "trivial, with params.yaml")
        make_trivial(trivial, stages, params=None)
        make_trivial(with_params, stages, params=project / "params.yaml")
        times: dict[Path, list[Time]] = {trivial: [], with_params: [], project: []}
        for _ in range(rounds):
            for folder, found in times.items():
                found.append(timed_noop(folder))
    paths = sum(len(stage[place]) for stage in stages.values() for place in ("deps", "outs"))
    print(f"{len(stages)} stages, {paths} paths of deps and outs; medians of {rounds}\n")
    print_table({folder.name: found for folder, found in times.items()})


def locked_stages(project: Path) -> dict[str, dict[str, list[str]]]:
    """The deps, outs and keys of parameters of each stage, with every variable and foreach of dvc.yaml filled in."""
    locked: dict[str, Any] = yaml.safe_load((project / "dvc.lock").read_bytes())["stages"]
    return {
        name: {
            "deps": [dep["path"] for dep in stage.get("deps", ())],
            "outs": [out["path"] for out in stage.get("outs", ())],
            "params": list(stage.get("params", {}).get("params.yaml", ())),
        }
        for name, stage in locked.items()
    }


def make_trivial(folder: Path, stages: dict[str, dict[str, list[str]]], *, params: Path | None) -> None:
    folder.mkdir()
    outs = {path for stage in stages.values() for path in stage["outs"]}
    deps = {path for stage in stages.values() for path in stage["deps"]} - outs
    above = {parent.as_posix() for path in outs | deps for parent in Path(path).parents}
    for path in deps - above:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    if params is not None:
        shutil.copyfile(params, folder / "params.yaml")
    graph = {
        name.replace("@", "-"): {
            "cmd": [f"mkdir -p {Path(path).parent} && echo {path} > {path}" for path in stage["outs"]],
            "deps": stage["deps"],
            "outs": stage["outs"],
            **({} if params is None else {"params": stage["params"]}),
        }
        for name, stage in stages.items()
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": graph}, sort_keys=False))
    run(folder, "git", "init", "-q")
    run(folder, "dvc", "init", "--quiet")
    run(folder, "dvc", "repro", "--quiet")


def timed_noop(folder: Path) -> Time:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    told = run(folder, "dvc", "repro")
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if "Running stage" in told or "up to date" not in told:
        raise RuntimeError(f"{folder}: `dvc repro` had something to do:\n{told}")
    return Time(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def print_table(times: dict[str, list[Time]]) -> None:
    middle = {
        name: Time(*(statistics.median(column) for column in zip(*found, strict=True))) for name, found in times.items()
    }
    first = next(iter(middle.values()))
    print("| no-op `dvc repro` | seconds | least to greatest | above trivial | ratio | processor seconds |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, found in times.items():
        wall, cpu = middle[name]
        spread = f"{min(time.wall for time in found):.2f} to {max(time.wall for time in found):.2f}"
        print(f"| {name} | {wall:.2f} | {spread} | {wall - first.wall:+.2f} | {wall / first.wall:.2f} | {cpu:.2f} |")


if __name__ == "__main__":
    main()
