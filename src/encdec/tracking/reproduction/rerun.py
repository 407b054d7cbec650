"""Runs stages of an earlier commit again, in its worktree, from the data of then."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from encdec.tracking.lineage.step import Step
from encdec.tracking.reproduction.contents import Contents
from encdec.tracking.reproduction.graph import Graph, plan, read_graph
from encdec.tracking.reproduction.worktree import FOREIGN

STOP_SECONDS = 10
REPRO = """
import logging, sys
from dvc.exceptions import DvcException
from dvc.repo import Repo

logging.getLogger("dvc").setLevel(logging.WARNING)
stage = sys.argv[1]
print(f"Running stage {stage!r}:", flush=True)
try:
    Repo().reproduce(stage, single_item=True, force=True, no_commit=True)
except DvcException as error:
    sys.exit(f"{error}: {error.__cause__}" if error.__cause__ else str(error))
"""
"""`dvc repro --single-item --force --no-commit` without advice on a tree that goes. Its --quiet hides errors too."""


def run_again(tree: Path, step: Step, chain: Iterable[Step], *, contents: Contents, everything: bool) -> list[str]:
    """Bring the data, and run the stage and what is missing before it; returns the stages that ran."""
    graph = read_graph(tree)
    if step.label not in graph.deps:
        raise ValueError(f"dvc.yaml of commit {step.commit} has no stage {step.label}; it has {', '.join(graph.deps)}")
    recorded = {path: digest for each in reversed(list(chain)) for path, digest in {**each.outs, **each.inputs}.items()}

    def available(path: str) -> bool:
        return path in recorded and contents.bring(path, recorded[path], tree)

    stages = plan(graph, step.label, available=available, everything=everything)
    bring_foreign(graph, stages, recorded, tree=tree, contents=contents)
    environment = environment_of(tree)
    check_code(tree, environment)
    for stage in stages:
        run_stage(stage, tree, environment)
    return stages


def bring_foreign(
    graph: Graph, stages: Sequence[str], recorded: Mapping[str, str], *, tree: Path, contents: Contents
) -> None:
    """A user's own data as they were.

    Raises:
        ValueError: they are not in DVC's cache or remote, and those that lie here are others.
    """
    for path in dict.fromkeys(path for stage in stages for path in graph.foreign(stage)):
        if (
            path in recorded
            and not contents.bring(path, recorded[path], tree)
            and not pulled(path, recorded[path], tree, contents)
        ):
            raise ValueError(
                f"{path}: the data of then (digest {recorded[path]}) are neither in DVC's cache or remote nor those "
                "that lie here now: put them there again, and version such data with `dvc add`"
            )


def pulled(path: str, digest: str, tree: Path, contents: Contents) -> bool:
    """Whether data that were versioned with `dvc add` came from the files beside them."""
    files = [str(file.relative_to(tree)) for file in sorted((tree / path).rglob("*.dvc"))]
    if not files:
        return False
    from dvc.config import Config

    ours = contents.repo.config
    with Config(str(tree / ".dvc")).edit("local") as theirs:
        theirs["cache"] = {"dir": contents.repo.cache.local_cache_dir}
        theirs["remote"] = {name: dict(remote) for name, remote in ours["remote"].items()}
        if ours["core"].get("remote"):
            theirs["core"] = {"remote": ours["core"]["remote"]}
    subprocess.run(
        [sys.executable, "-m", "dvc", "pull", "--quiet", *files], cwd=tree, env=environment_of(tree), check=False
    )
    return contents.bring(path, digest, tree)


def environment_of(tree: Path) -> dict[str, str]:
    """Of the stages: this Python, the code of the tree, and runs in a database of the tree's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    paths = [str(tree / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(paths),
        "DVC_NO_ANALYTICS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def check_code(tree: Path, environment: Mapping[str, str]) -> None:
    """An installed package, or a variable, might put other code before that of the commit.

    Raises:
        ValueError: the stages would not run the code of the tree.
    """
    if not (tree / "src" / "encdec").is_dir():
        return
    command = ["python", "-c", "import encdec; print(encdec.__file__)"]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if not Path(done.stdout.strip()).is_relative_to(tree / "src"):
        found = done.stdout.strip() or done.stderr.strip()
        raise ValueError(f"the code of the commit would not run: Python finds encdec at {found}, not in {tree / 'src'}")


def run_stage(stage: str, tree: Path, environment: Mapping[str, str]) -> None:
    """Run one stage by DVC, whatever its caches have; what it prints goes to stderr.

    Raises:
        ChildProcessError: it failed.
    """
    command = [sys.executable, "-c", REPRO, stage]
    process = subprocess.Popen(
        command, cwd=tree, env=dict(environment), stdout=sys.stderr.fileno(), start_new_session=True
    )
    try:
        status = process.wait()
    finally:
        stop(process)
    if status != 0:
        raise ChildProcessError(f"{stage} failed when it was run again: its own words are above")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End DVC and its stage, where they still run: before their folder goes."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
