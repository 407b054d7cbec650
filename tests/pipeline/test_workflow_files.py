"""What the files in .github/workflows promise: when they begin, what they may do, and in which order."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from github_expressions import evaluate, filled, holds
from github_workflow import actions_of, ordered, read_workflow

from encdec.params.root import MODEL_NAMES

NAMES = ("audit", "ci", "comment", "monitor", "promote", "retrain", "rollback")
MARK = "<!-- encdec: results of this pull request -->"
FROM_OUTSIDE = re.compile(r"\$\{\{")
READ = {"contents": "read"}
CREDENTIALS = READ | {"id-token": "write"}
MAY: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "audit": {"audit": READ},
    "ci": {"run": READ},
    "comment": {"comment": READ | {"actions": "read", "pull-requests": "write"}},
    "monitor": {"monitor": CREDENTIALS, "retrain": {"actions": "write"}},
    "promote": {"promote": CREDENTIALS},
    "retrain": {
        "retrain": CREDENTIALS | {"actions": "read"},
        "propose": {"contents": "write", "pull-requests": "write"},
    },
    "rollback": {"rollback": READ},
}


@pytest.fixture(scope="module")
def workflows(root: Path) -> dict[str, Any]:
    files = sorted((root / ".github" / "workflows").glob("*.yml"))
    return {file.stem: read_workflow(file) for file in files}


def test_they_are_those_that_are_documented(workflows: dict[str, Any]) -> None:
    assert tuple(workflows) == NAMES
    assert all(workflow["name"] == name for name, workflow in workflows.items())


def test_what_begins_them(workflows: dict[str, Any]) -> None:
    on = {name: workflow["on"] for name, workflow in workflows.items()}
    assert set(on["ci"]) == {"push", "pull_request"}
    assert on["ci"]["push"] == {"branches": ["main"]}
    assert set(on["retrain"]) == {"schedule", "workflow_dispatch", "repository_dispatch", "push"}
    assert on["retrain"]["repository_dispatch"] == {"types": ["new-data"]}
    assert on["retrain"]["push"] == {"branches": ["main"], "paths": ["params.yaml", "dvc.yaml", "data/**.dvc"]}
    assert set(on["promote"]) == {"push", "workflow_dispatch"}
    assert on["promote"]["push"] == {"branches": ["main"], "paths": ["dvc.lock"]}
    assert set(on["rollback"]) == {"workflow_dispatch"}
    assert set(on["monitor"]) == {"schedule", "workflow_dispatch"}
    assert on["comment"] == {"workflow_run": {"workflows": ["ci"], "types": ["completed"]}}
    (daily,), (weekly,) = on["monitor"]["schedule"], on["retrain"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", daily["cron"])
    assert re.fullmatch(r"\d+ \d+ \* \* \d", weekly["cron"])


@pytest.mark.parametrize("name", NAMES)
def test_what_they_may_do(workflows: dict[str, Any], name: str) -> None:
    workflow = workflows[name]
    assert workflow["permissions"] == {}
    assert {job: each["permissions"] for job, each in workflow["jobs"].items()} == MAY[name]
    assert all(each["timeout-minutes"] <= 350 for each in workflow["jobs"].values())
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in actions_of(workflow))
    for job in workflow["jobs"].values():
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("name", NAMES)
def test_no_expression_stands_in_a_script(workflows: dict[str, Any], name: str) -> None:
    """Not even one of ours: what GitHub fills in is part of the script then, whatever it is."""
    scripts = [step["run"] for job in workflows[name]["jobs"].values() for step in job["steps"] if "run" in step]
    assert not [script for script in scripts if FROM_OUTSIDE.search(script)]


def test_a_person_is_asked_before_production_moves_and_one_moves_it_at_a_time(workflows: dict[str, Any]) -> None:
    for name in ("promote", "rollback"):
        assert workflows[name]["jobs"][name]["environment"] == "production"
    # one that waits for its approval stops neither a later one nor a rollback, nor one for other models
    group = "promote-${{ inputs.model || 'all' }}"
    assert workflows["promote"]["concurrency"] == {"group": group, "cancel-in-progress": True}
    assert workflows["rollback"]["concurrency"] == {"group": "rollback-${{ inputs.model }}", "queue": "max"}
    for name in ("retrain", "monitor"):
        assert workflows[name]["jobs"][name]["environment"] == "retraining"
        assert workflows[name]["concurrency"] == {"group": name, "queue": "max"}  # for all events, and none is dropped
    with_secrets = {
        name for name, workflow in workflows.items() for job in workflow["jobs"].values() if "secrets." in str(job)
    }
    assert with_secrets == {"monitor", "promote", "retrain", "rollback"}  # each of them in an environment


def test_what_comes_before_what(workflows: dict[str, Any]) -> None:
    assert ordered(workflows["retrain"]["jobs"]) == ["retrain", "propose"]
    assert ordered(workflows["monitor"]["jobs"]) == ["monitor", "retrain"]
    in_order(workflows["retrain"]["jobs"]["retrain"], "make setup", "encdec retrain", "upload-artifact")
    in_order(workflows["retrain"]["jobs"]["propose"], "checkout", "download-artifact", ".ci/propose")
    in_order(workflows["promote"]["jobs"]["promote"], "make setup", ".ci/need", "dvc pull", "encdec promote")
    in_order(workflows["monitor"]["jobs"]["monitor"], "make setup", ".ci/need", "dvc pull", "encdec monitor")
    in_order(workflows["rollback"]["jobs"]["rollback"], "make setup", ".ci/need", "encdec rollback")


def in_order(job: Mapping[str, Any], *marks: str) -> None:
    steps = [f"{step.get('uses', '')} {step.get('run', '')}" for step in job["steps"]]
    places = [next((place for place, step in enumerate(steps) if mark in step), None) for mark in marks]
    assert None not in places, dict(zip(marks, places, strict=True))
    assert places == sorted(places)  # type: ignore[type-var]


@pytest.mark.parametrize("name", ["retrain", "promote", "monitor"])
def test_caches_are_known_by_the_locks(workflows: dict[str, Any], name: str) -> None:
    steps = next(iter(workflows[name]["jobs"].values()))["steps"]
    python = next(step for step in steps if "setup-python" in step.get("uses", ""))
    assert python["with"]["cache-dependency-path"] == "requirements*.lock"
    cache = next(step for step in steps if "actions/cache" in step.get("uses", ""))
    assert cache["with"]["key"] == "dvc-${{ hashFiles('dvc.lock') }}"


def test_a_retraining_ends_by_its_own_budget_before_its_machine_is_taken(workflows: dict[str, Any], root: Path) -> None:
    hours = read_workflow(root / "params.yaml")["retraining"]["hours"]
    assert 60 * hours + 45 <= workflows["retrain"]["jobs"]["retrain"]["timeout-minutes"] < 360


def test_every_model_can_be_chosen(workflows: dict[str, Any]) -> None:
    asked = {name: workflows[name]["on"]["workflow_dispatch"]["inputs"]["model"] for name in ("promote", "rollback")}
    assert asked["promote"]["options"] == ["all", *MODEL_NAMES]
    assert asked["rollback"]["options"] == list(MODEL_NAMES)


FUNCTIONS = {"success": lambda: True, "failure": lambda: False, "cancelled": lambda: False, "always": lambda: True}
CONTEXTS = {"inputs": {"a": "", "b": "x", "yes": True}, "steps": {"one": {"outputs": {"done": "true"}}}, "github": {}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("inputs.a || inputs.b || 'c'", "x"),
        ("github.event.client_payload.batch", None),
        ("inputs.a != '' || github.event.inputs != ''", False),
        ("steps.one.outputs.done == 'TRUE' && inputs.b", "x"),
        ("!(inputs.yes == true) || 'it''s'", "it's"),
        ("null == '' && 1 == '1'", True),
    ],
)
def test_expressions_are_read_as_github_reads_them(expression: str, value: object) -> None:
    assert evaluate(expression, CONTEXTS, FUNCTIONS) == value


def test_what_these_tests_do_not_know_is_an_error() -> None:
    for wrong in ("matrix.os", "toJSON(github)", "inputs.a ||", "inputs.a & inputs.b"):
        with pytest.raises((KeyError, ValueError, IndexError)):
            evaluate(wrong, CONTEXTS, FUNCTIONS)
    assert filled("a ${{ inputs.b }} ${{ inputs.yes }}${{ github.none }}", CONTEXTS, FUNCTIONS) == "a x true"
    failed = {**FUNCTIONS, "success": lambda: False}
    assert not holds("inputs.yes", CONTEXTS, failed)
    assert holds("!cancelled() && inputs.yes", CONTEXTS, failed)


@pytest.mark.parametrize("missing", ["remote", "server"])
def test_what_a_step_needs_is_said_before_it_begins(root: Path, tmp_path: Path, missing: str) -> None:
    done = subprocess.run(
        [root / ".ci" / "need", missing], cwd=tmp_path, capture_output=True, text=True, check=False, env=bare(root)
    )
    assert done.returncode == 1
    assert {"remote": "dvc remote add --default", "server": "MLFLOW_TRACKING_URI is not set"}[missing] in done.stderr


def bare(root: Path) -> dict[str, str]:
    return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(root)}


PULLS = [
    {"number": 3, "state": "open", "head": {"label": "ann:beta", "sha": "old"}},
    {"number": 4, "state": "open", "head": {"label": "eve:beta", "sha": "new"}},
]


def test_a_pull_request_has_one_comment_that_is_brought_up_to_date(root: Path, tmp_path: Path) -> None:
    state, text = tmp_path / "github.json", tmp_path / "results.md"
    person = {"id": 1, "pull": "4", "user": {"type": "User"}, "body": f"{MARK}\nmine"}
    state.write_text(json.dumps({"pulls": PULLS, "started": [], "comments": [person]}))
    asked = {"HEAD_OWNER": "eve", "HEAD_BRANCH": "beta", "HEAD_SHA": "new", "GITHUB_REPOSITORY": "team/encdec"}
    env = {**bare(root), **asked, "GH_TOKEN": "a token", "GH_STATE": str(state)}
    env["PATH"] = f"{Path(__file__).parent / 'github'}:{env['PATH']}"

    def comments(said: str) -> list[str]:
        text.write_text(said)
        subprocess.run([root / ".ci" / "comment", text], env=env, check=True, capture_output=True)
        return [each["body"] for each in json.loads(state.read_text())["comments"]]

    assert comments("accuracy 0.9") == [person["body"], f"{MARK}\nWritten by the code of new:\n\naccuracy 0.9"]
    assert comments("x" * 100_000)[1] == f"{MARK}\nWritten by the code of new:\n\n{'x' * 100_000}"[:60_000]
    env["HEAD_SHA"] = "gone on"
    assert len(comments("of a commit that is not the last one")) == 2
    assert "gone on" not in state.read_text()


SAID = "Retraining: drift (fixes #3, closes o/n#4, GH-5, @all, https://x/issues/6)."
TITLE = "Retraining: drift (fixes #\u200b3, closes o/n#\u200b4, GH\u200b-5, @\u200ball, https:\u200b//x/issues/6)."
FILES = ["src/code.py", ".github/workflows/ci.yml", "data.py", "data/00_source/dvc.yaml", "data/06_evaluation/link"]


class Proposed(NamedTuple):
    tree: Path
    origin: Path
    state: Path
    env: Mapping[str, str]

    def git(self, *arguments: str) -> bytes:
        command = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments]
        return subprocess.run(command, cwd=self.tree, check=True, capture_output=True).stdout

    def propose(self, *options: str) -> "subprocess.CompletedProcess[str]":
        """After what the tree has in its index is written as the patch, and is gone from the tree."""
        (self.tree / ".work" / "retraining").mkdir(parents=True, exist_ok=True)
        results = self.tree / ".work" / "retraining"
        (results / "retrain.patch").write_bytes(self.git("diff", "--cached", "--binary"))
        (results / "retrain.json").write_text(json.dumps({"accepted": True, "sentence": SAID}))
        (results / "pull-request.md").write_text(f"## Retraining\n\n{'long ' * 20_000}\n")
        self.git("reset", "-q", "--hard")
        return self.again(*options)

    def again(self, *options: str) -> "subprocess.CompletedProcess[str]":
        command = [".ci/propose", *options]
        return subprocess.run(command, cwd=self.tree, env=self.env, capture_output=True, text=True, check=False)

    @property
    def pulls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.state.read_text())["pulls"]
        return found


@pytest.fixture
def proposed(root: Path, tmp_path: Path) -> Proposed:
    origin, tree, state = tmp_path / "origin.git", tmp_path / "tree", tmp_path / "github.json"
    (tree / ".ci").mkdir(parents=True)
    shutil.copy2(root / ".ci" / "propose", tree / ".ci" / "propose")
    (tree / ".gitignore").write_text(".work/\n")
    (tree / "dvc.lock").write_text("old\n")
    (tree / "gate.py").write_text("the gate\n" * 20)
    env = {**bare(root), "GH_TOKEN": "a token", "GH_STATE": str(state), "GITHUB_REPOSITORY": "team/encdec"}
    env["PATH"] = f"{Path(__file__).parent / 'github'}:{env['PATH']}"
    found = Proposed(tree, origin, state, env)
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True)
    found.git("init", "-q", "-b", "main")
    found.git("add", "-A")
    found.git("commit", "-qm", "start")
    found.git("remote", "add", "origin", str(origin))
    (tree / "dvc.lock").write_text("new\n")
    return found


@pytest.mark.parametrize("smuggled", FILES)
def test_what_is_proposed_holds_no_code(proposed: Proposed, smuggled: str) -> None:
    """The patch was made on a machine that has read foreign data, and is pushed by one that may write."""
    file = proposed.tree / smuggled
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.name == "link":
        file.symlink_to("/etc/passwd")
    else:
        file.write_text("evil\n")
    proposed.git("add", "-A")
    refused(proposed, smuggled)


def test_neither_does_it_move_code_away_nor_run_a_dvc_file(proposed: Proposed) -> None:
    (proposed.tree / "data").mkdir()
    proposed.git("mv", "gate.py", "data/notes.txt")
    proposed.git("add", "-A")
    refused(proposed, "gate.py")


DIGEST = "- md5: 0123456789abcdef0123456789abcdef.dir"


@pytest.mark.parametrize(
    "text",
    [
        "cmd: evil\nouts:\n- path: x\n",
        f"outs:\n{DIGEST}\n  path: ../tests/model/test_evil.py\n",
        f"outs:\n{DIGEST}\n  path: /etc/cron.d/x\n",
        f"outs:\n{DIGEST}\n  path: x/y\n",
        f"outs:\n{DIGEST}\n  path: x\n{DIGEST}\n  path: y\n",
        f"outs:\n{DIGEST}\n  path: x\nwdir: ..\n",
        "{wdir: ../.., outs: [{md5: 0123456789abcdef0123456789abcdef, path: x}]}\n",
        f'outs:\n{DIGEST}\n  "path": ../x\n',
        f"outs:\n{DIGEST}\n  path: x\n  path: ../y\n",
        "",
    ],
)
def test_a_dvc_file_has_nothing_but_the_digest_of_what_it_is_called_after(proposed: Proposed, text: str) -> None:
    """`dvc pull` would write wherever its path leads, also code, and does so beside the secrets of `promote`."""
    (proposed.tree / "data").mkdir(exist_ok=True)
    (proposed.tree / "data" / "x.dvc").write_text(text)
    proposed.git("add", "-A")
    refused(proposed, "data/x.dvc")


def test_no_dvc_file_is_called_after_the_folder_above(proposed: Proposed) -> None:
    (proposed.tree / "data").mkdir()
    (proposed.tree / "data" / "...dvc").write_text(f"outs:\n{DIGEST}\n  path: ..\n")
    proposed.git("add", "-A")
    refused(proposed, "data/...dvc")


def refused(proposed: Proposed, name: str) -> None:
    done = proposed.propose()
    assert done.returncode == 1
    assert "more than results, parameters and data" in done.stderr
    assert name in done.stderr
    assert not proposed.state.exists()
    assert proposed.git("ls-remote", "origin") == b""


def test_a_retraining_is_proposed_once_and_not_against_a_persons_will(proposed: Proposed) -> None:
    images = proposed.tree / "data" / "00_source" / "images"
    images.mkdir(parents=True)
    (images / "Ärger.dvc").write_text(f"outs:\n{DIGEST}\n  size: 1\n  nfiles: 1\n  hash: md5\n  path: Ärger\n")
    proposed.git("add", "-A")
    done = proposed.propose()
    assert done.returncode == 0, done.stderr
    (pull,) = proposed.pulls
    assert len(pull["body"]) < 65_536
    assert "The rest is in the results" in pull["body"]
    assert (pull["base"], pull["title"]) == ("main", TITLE)
    assert proposed.git("log", "-1", "--format=%s", f"origin/{pull['head']}").decode().strip() == TITLE
    assert "Ärger" in proposed.git("-c", "core.quotePath=false", "show", "--stat", f"origin/{pull['head']}").decode()
    assert proposed.git("status", "--porcelain") == b""  # the tree is as it was
    assert (proposed.again().returncode, len(proposed.pulls)) == (0, 1)
    proposed.state.write_text(json.dumps({"pulls": [{**pull, "state": "CLOSED"}], "started": [], "comments": []}))
    (proposed.tree / "news.txt").write_text("Somebody goes on with other things.\n")
    proposed.git("add", "news.txt")
    proposed.git("commit", "-qm", "Go on")
    assert "was proposed before, and is closed" in proposed.again().stdout
    assert len(proposed.pulls) == 1
    assert (proposed.again("--again").returncode, len(proposed.pulls)) == (0, 2)


def test_for_another_host_it_only_makes_the_commit(proposed: Proposed) -> None:
    proposed.git("add", "-A")
    commit = proposed.propose("--commit").stdout.strip()
    assert proposed.git("show", f"{commit}:dvc.lock") == b"new\n"
    assert proposed.git("log", "-1", "--format=%B", commit).decode().startswith(f"{TITLE}\n\n## Retraining")
    assert proposed.git("ls-remote", "origin") == b""
