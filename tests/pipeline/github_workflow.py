"""Runs a workflow of .github/workflows here, as GitHub would: fresh clones, its files and variables, the real steps.

What cannot be here is stood in for, and nothing else: `gh`, which is kept in a file, and the few actions of
`Runner.use`, each of which does what its documentation says, with folders of this machine.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from github_expressions import Functions, as_text, filled, holds
from ruamel.yaml import YAML

HERE = Path(__file__).parent
REPOSITORY = "team/encdec"
OF_A_JOB = {"name", "needs", "if", "runs-on", "timeout-minutes", "environment"} | {
    "permissions",
    "outputs",
    "env",
    "steps",
}
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
PATIENCE_SECONDS = 600


class Kept(NamedTuple):
    """What outlives a machine of CI. `origin`: the repository; `variables`: of its settings."""

    folder: Path
    origin: Path
    variables: Mapping[str, str]
    secrets: Mapping[str, str]

    @property
    def github(self) -> dict[str, Any]:
        """Pull requests, and workflows that were started."""
        state: dict[str, Any] = json.loads((self.folder / "github.json").read_text())
        return state


class Event(NamedTuple):
    """`inputs`: of a workflow_dispatch. `payload`: more of the event."""

    name: str
    inputs: Mapping[str, Any] = {}
    payload: Mapping[str, Any] = {}


class Kill(NamedTuple):
    """Everything of a job ends, as with its machine, when one of its commands opens that file for writing."""

    at: str
    mark: Path


class Step(NamedTuple):
    name: str
    result: str
    output: str


class Job(NamedTuple):
    """`result`: success, failure or skipped. `summary`: what a reader sees of it. `tree`: its clone."""

    result: str
    outputs: Mapping[str, str]
    steps: Sequence[Step]
    summary: str
    tree: Path

    @property
    def output(self) -> str:
        return "\n".join(step.output for step in self.steps)


class Killed(Exception):
    """The machine is gone."""


def read_workflow(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(file)
    return found


def run_workflow(kept: Kept, name: str, event: Event, *, run_id: int, kill: Kill | None = None) -> dict[str, Job]:
    """Every job in the order of `needs`; the workflow is the one that is committed to the default branch.

    Raises:
        Killed: at the moment that was asked for.
    """
    show = ["git", "--git-dir", str(kept.origin), "show", f"main:.github/workflows/{name}.yml"]
    workflow: dict[str, Any] = YAML(typ="safe", pure=True).load(
        subprocess.run(show, capture_output=True, check=True).stdout.decode()
    )
    assert event.name in workflow["on"], f"{name}.yml does not begin with {event.name}"
    check_known(workflow)
    done: dict[str, Job] = {}
    for job in ordered(workflow["jobs"]):
        done[job] = Runner(kept, workflow, job, event, run_id, done, kill).run()
    return done


def check_known(workflow: Mapping[str, Any]) -> None:
    """A key that is not acted upon here might let pass what is tested as strict."""
    assert workflow.keys() <= {"name", "on", "permissions", "concurrency", "env", "jobs"}
    for job in workflow["jobs"].values():
        assert job.keys() - {"steps"} <= OF_A_JOB, job.keys()
        for step in job["steps"]:
            assert step.keys() <= {"id", "name", "if", "uses", "with", "env", "run"}, step


def ordered(jobs: Mapping[str, Any]) -> list[str]:
    """Each after those that it needs."""
    left, found = dict(jobs), []
    while left:
        ready = [name for name, job in left.items() if set(needs_of(job)) <= set(found)]
        assert ready, f"jobs that need each other: {sorted(left)}"
        for name in ready:
            found.append(name)
            del left[name]
    return found


def needs_of(job: Mapping[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)


class Runner:
    """One job on a machine of its own, which is a folder here."""

    def __init__(
        self,
        kept: Kept,
        workflow: Mapping[str, Any],
        name: str,
        event: Event,
        run_id: int,
        before: Mapping[str, Job],
        kill: Kill | None,
    ) -> None:
        self.kept, self.workflow, self.job, self.kill = kept, workflow, workflow["jobs"][name], kill
        self.machine = kept.folder / "runs" / str(run_id) / name
        self.tree = self.machine / "work"
        self.event, self.run_id, self.before = event, run_id, before
        self.steps: dict[str, dict[str, Any]] = {}
        self.said: list[Step] = []
        self.failed = False
        self.env: dict[str, str] = {}

    def run(self) -> Job:
        if not self.begins():
            return Job("skipped", {}, (), "", self.tree)
        for folder in ("home", "files", "tmp"):
            (self.machine / folder).mkdir(parents=True)
        self.tree.mkdir()
        (self.machine / "files" / "event.json").write_text(json.dumps(self.github["event"]))
        self.env = self.resolved({**self.workflow.get("env", {}), **self.job.get("env", {})})
        for number, step in enumerate(self.job["steps"]):
            self.step(number, step)
        outputs = {key: self.text(value) for key, value in self.job.get("outputs", {}).items()}
        summary = self.machine / "files" / "summary.md"
        result = "failure" if self.failed else "success"
        return Job(result, outputs, self.said, summary.read_text() if summary.exists() else "", self.tree)

    def begins(self) -> bool:
        """A job whose condition asks for nothing else is skipped where one that it needs did not succeed."""
        results = [self.before[name].result for name in needs_of(self.job)]
        functions = {**self.functions, "success": lambda: all(result == "success" for result in results)}
        return holds(self.job.get("if"), self.contexts, functions)

    def step(self, number: int, step: Mapping[str, Any]) -> None:
        name = step.get("name") or step.get("run", step.get("uses", "")).strip().splitlines()[0]
        found = {"outputs": {}, "outcome": "skipped"}
        self.steps[step.get("id", f"step {number}")] = found
        if not holds(step.get("if"), self.contexts, self.functions):
            return
        if "uses" in step:
            self.use(step["uses"].partition("@")[0], {key: self.text(v) for key, v in step.get("with", {}).items()})
            return
        script = self.machine / "files" / f"{number}.sh"
        script.write_text(self.text(step["run"]))
        output = self.machine / "files" / f"{number}.output"
        output.touch()
        status, said = self.execute(script, {**self.env, **self.resolved(step.get("env", {}))}, output)
        found["outputs"], found["outcome"] = outputs_in(output.read_text()), "success" if status == 0 else "failure"
        self.failed |= status != 0
        self.said.append(Step(name, found["outcome"], said))

    def execute(self, script: Path, env: Mapping[str, str], output: Path) -> tuple[int, str]:
        log = self.machine / "files" / f"{script.stem}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*SHELL, str(script)],
                cwd=self.tree,
                env={**self.surroundings(output), **env},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            status = self.wait(process)
        return status, log.read_text(errors="replace")

    def wait(self, process: "subprocess.Popen[bytes]") -> int:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None:
            if self.kill is not None and self.kill.mark.exists():
                end_all(process.pid)
                raise Killed
            assert time.monotonic() < deadline, "the step does not end"
            time.sleep(0.05)
        return process.returncode

    def surroundings(self, output: Path) -> dict[str, str]:
        """What a machine of GitHub has, and nothing of this one but Python with the locked packages."""
        files = self.machine / "files"
        paused = (
            {"at": self.kill.at, "mark": str(self.kill.mark), "commands": True, "seconds": 600} if self.kill else None
        )
        github = self.github
        return {
            "CI": "true",
            "HOME": str(self.machine / "home"),
            "TMPDIR": str(self.machine / "tmp"),
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join(
                [str(HERE / "github"), str(Path(sys.executable).parent), "/usr/local/bin:/usr/bin:/bin"]
            ),
            "PYTHONPATH": os.pathsep.join([str(self.tree / "src"), *([str(HERE / "spy")] if paused else [])]),
            **({"ENCDEC_PAUSE": json.dumps(paused)} if paused else {}),
            "GH_STATE": str(self.kept.folder / "github.json"),
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self.event.name,
            "GITHUB_EVENT_PATH": str(files / "event.json"),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(files / "summary.md"),
            "GITHUB_REF_NAME": github["ref_name"],
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": github["run_id"],
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": github["sha"],
            "GITHUB_WORKSPACE": str(self.tree),
        }

    def use(self, action: str, given: Mapping[str, str]) -> None:
        artifacts = self.kept.folder / "artifacts"
        match action:
            case "actions/checkout":
                assert given["persist-credentials"] == "false"
                depth = [] if given.get("fetch-depth") == "0" else ["--depth", "1"]
                clone = ["git", "clone", "-q", *depth, "--branch", "main", self.kept.origin.as_uri(), str(self.tree)]
                subprocess.run(clone, check=True, capture_output=True)
                make_environment(self.tree)
            case "actions/setup-python" | "actions/cache":
                pass  # Python is there; of caches none has anything, as on the first day
            case "actions/upload-artifact":
                hidden = given.get("include-hidden-files") == "true"
                upload(
                    self.tree, given["path"].split("\n"), artifacts / f"{self.run_id}-{given['name']}", hidden=hidden
                )
            case "actions/download-artifact":
                run_id = given.get("run-id", str(self.run_id))
                shutil.copytree(artifacts / f"{run_id}-{given['name']}", self.tree / given["path"], dirs_exist_ok=True)
            case _:
                raise AssertionError(f"{action}: is not known to the tests")

    @property
    def github(self) -> dict[str, Any]:
        head = ["git", "--git-dir", str(self.kept.origin), "rev-parse", "main"]
        sha = subprocess.run(head, capture_output=True, check=True, text=True).stdout.strip()
        repository = {"full_name": REPOSITORY, "default_branch": "main"}
        return {
            "event_name": self.event.name,
            "event": {"repository": repository, "inputs": dict(self.event.inputs), **self.event.payload},
            "ref": "refs/heads/main",
            "ref_name": "main",
            "repository": REPOSITORY,
            "run_id": str(self.run_id),
            "sha": sha,
            "token": "a token of this job",
        }

    @property
    def contexts(self) -> dict[str, Any]:
        asked = self.workflow["on"].get("workflow_dispatch") or {}
        defaults = {key: each.get("default") for key, each in (asked.get("inputs") or {}).items()}
        dispatched = self.event.name == "workflow_dispatch"
        assert set(self.event.inputs) <= set(defaults), "an input that the workflow does not have"
        return {
            "env": self.env,
            "github": self.github,
            "inputs": {**defaults, **self.event.inputs} if dispatched else {},
            "needs": {
                n: {"outputs": self.before[n].outputs, "result": self.before[n].result} for n in needs_of(self.job)
            },
            "secrets": self.kept.secrets,
            "steps": self.steps,
            "vars": self.kept.variables,
        }

    @property
    def functions(self) -> Functions:
        return {
            "success": lambda: not self.failed,
            "failure": lambda: self.failed,
            "cancelled": lambda: False,
            "always": lambda: True,
            "hashFiles": lambda *_: "no cache has it",
        }

    def text(self, value: Any) -> str:
        return filled(as_text(value), self.contexts, self.functions)

    def resolved(self, env: Mapping[str, Any]) -> dict[str, str]:
        return {key: self.text(value) for key, value in env.items()}


def outputs_in(text: str) -> dict[str, str]:
    """`name=value`, or `name<<MARK`, lines, MARK."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, several, mark = line.partition("<<")
        if several and "=" not in name:
            found[name] = "\n".join(iter(lambda: next(lines), mark))
        else:
            name, _, value = line.partition("=")
            found[name] = value
    return found


def make_environment(tree: Path) -> None:
    """A .venv in which `make` finds all installed: that of these tests, which has the same lock."""
    environment = tree / ".venv"
    environment.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        if (Path(sys.prefix) / name).exists():
            (environment / name).symlink_to(Path(sys.prefix) / name)
    for stamp in (".python", ".runtime", ".dev"):
        (environment / stamp).touch()


def upload(tree: Path, patterns: Sequence[str], to: Path, *, hidden: bool) -> None:
    """What the patterns find, below the folder that all have in common; hidden files only where it is said."""
    asked = [pattern.strip() for pattern in patterns if pattern.strip()]
    found = [file for pattern in asked for each in sorted(tree.glob(pattern)) for file in files_of(each)]
    alone = len(asked) == 1 and (tree / asked[0]).is_dir()
    top = tree / asked[0] if alone else Path(os.path.commonpath([file.parent for file in found]))
    found = [file for file in found if hidden or not any(p.startswith(".") for p in file.relative_to(tree).parts)]
    assert found, f"nothing to upload: {asked}"
    for file in found:
        target = to / file.relative_to(top)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def files_of(path: Path) -> Iterator[Path]:
    yield from (each for each in path.rglob("*") if each.is_file()) if path.is_dir() else iter([path])


def end_all(leader: int) -> None:
    """Everything that a step has started, also what leads a session of its own: as when a machine is gone."""
    processes = [psutil.Process(leader), *psutil.Process(leader).children(recursive=True)]
    for process in processes:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=30)


def actions_of(workflow: Mapping[str, Any]) -> Iterator[str]:
    for job in workflow["jobs"].values():
        yield from (step["uses"] for step in job["steps"] if "uses" in step)
