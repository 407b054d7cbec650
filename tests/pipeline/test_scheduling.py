"""docs/scheduling.md does what it says: its crontab under Debian's cron, its jobs for GitLab by a shell."""

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps
from retraining_project import results, write_digits
from ruamel.yaml import YAML
from scheduled import Crontab, account, block, cron_program, read_crontab, run_by_cron, run_line
from small_project import Project, copy_project

from encdec.cli.main import COMMANDS, main
from encdec.retraining.patch import patch_of

pytestmark = pytest.mark.xdist_group("retraining")
WEEKLY, DAILY = 0, 1
LOG = Path(".work", "cron.log")
NOTHING = "Not retraining: nothing changed since run "
STATUSES = (10, 20, 30, 1)


@pytest.fixture(scope="module")
def page(root: Path) -> Path:
    return root / "docs" / "scheduling.md"


def set_up(tree: Path, page: Path, programs: Path) -> None:
    """What the page says beside clone, setup and crontab; `make setup` is a folder of programs that there are."""
    (tree / ".venv").mkdir()
    (tree / ".venv" / "bin").symlink_to(programs)
    lines = [line for line in block(page, "sh").splitlines() if not line.startswith(("git clone", "make", "crontab"))]
    subprocess.run(["/bin/sh", "-ec", "\n".join(lines)], cwd=tree, check=True)
    assert stat.S_IMODE((tree / ".env").stat().st_mode) == 0o600
    with (tree / ".env").open("a") as secrets:
        secrets.write(f"export FROM_FILE='a secret' PYTHONPATH={shlex.quote(str(tree / 'src'))}\n")


@pytest.fixture
def project(base: Project, page: Path, tmp_path: Path) -> Project:
    project = copy_project(base, tmp_path)
    set_up(project.path, page, Path(sys.executable).parent)
    assert project.run("git", "status", "--porcelain").stdout == "", "git takes neither the secrets nor the log"
    return project


def decision(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((results(project) / "decision.json").read_text())
    return found


def test_debian_s_cron_runs_the_crontab_and_mails_what_failed(project: Project, page: Path, tmp_path: Path) -> None:
    cron_program()
    crontab = read_crontab(page, clone=project.path, scans=tmp_path / "missing")
    log, mail = project.path / LOG, tmp_path / "mail"
    done = f"grep -q '^{NOTHING}' {log} && grep -q 'no such file or folder' {mail}"
    ended = run_by_cron(project, crontab, tmp_path, until=done)
    said = f"{ended.output}\n{log.read_text() if log.exists() else 'no log'}"
    assert ended.code == 0, said
    assert decision(project)["sentence"].startswith(NOTHING)
    assert decision(project)["outcome"] == "nothing"
    mailed = mail.read_text()
    assert "To: you@example.org" in mailed
    subjects = [line for line in mailed.splitlines() if line.startswith("Subject: Cron")]
    assert all(subject.startswith(f"Subject: Cron <{account()}@") for subject in subjects)
    assert all(".ci/watch" in subject for subject in subjects), "what succeeds is not mailed"


def test_both_lines_work_in_the_environment_of_cron(project: Project, page: Path, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    write_digits(scans, slice(60, 80))
    for file in scans.rglob("*.png"):
        ImageOps.invert(Image.open(file)).save(file)
    crontab = read_crontab(page, clone=project.path, scans=scans)
    weekly = run_line(crontab, crontab.lines[WEEKLY], tmp_path)
    assert (weekly.returncode, weekly.stdout, weekly.stderr) == (0, "", "")
    assert decision(project)["sentence"].startswith(NOTHING)
    # a shift is a reason to train; here its policy says no, so that the test is no training
    project.edit_params("retraining", "triggers", value=["schedule"])
    daily = run_line(crontab, crontab.lines[DAILY], tmp_path)
    assert (daily.returncode, daily.stdout, daily.stderr) == (0, "", "")
    assert "has shifted" in decision(project)["monitored"]
    assert decision(project)["sentence"].startswith("Not retraining: new data (80 rows of images), but ")
    log = (project.path / LOG).read_text()
    assert log.count("Not retraining: ") == 2
    assert "a secret" not in log


@pytest.fixture
def stub(root: Path, page: Path, tmp_path: Path) -> Path:
    """A clone whose `encdec` only notes how it is called, and ends as a file says."""
    programs, tree = tmp_path / "programs", tmp_path / "clone"
    programs.mkdir()
    (tree / ".ci").mkdir(parents=True)
    for name in ("watch", "propose"):
        shutil.copy2(root / ".ci" / name, tree / ".ci" / name)
    for name in ("encdec", "dvc", "pip", "make"):
        write_program(programs / name, f'echo "{name} $*" >>"{tmp_path}/calls"\n[ -z "$1" ] || . "{tmp_path}/ends"')
    (tmp_path / "calls").touch()
    set_up(tree, page, programs)
    return tree


def write_program(file: Path, script: str) -> None:
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def let_end(tree: Path, **statuses: int) -> None:
    """With which status `encdec <word>` ends; others with 0. Its output tells what it saw."""
    cases = "".join(f'{word}) echo "$1: $FROM_FILE"; exit {status} ;; ' for word, status in statuses.items())
    (tree.parent / "ends").write_text(f'case "$1" in {cases} *) exit 0 ;; esac\n')


def calls(tree: Path) -> list[str]:
    return (tree.parent / "calls").read_text().splitlines()


def line_of(page: Path, tree: Path, number: int) -> subprocess.CompletedProcess[str]:
    crontab: Crontab = read_crontab(page, clone=tree, scans=tree.parent / "scans")
    return run_line(crontab, crontab.lines[number], tree.parent)


@pytest.mark.parametrize("status", [0, *STATUSES])
def test_a_line_prints_the_log_where_its_status_is_not_0(page: Path, stub: Path, status: int) -> None:
    let_end(stub, retrain=status)
    done = line_of(page, stub, WEEKLY)
    assert calls(stub) == ["encdec retrain --reason schedule"]
    log = (stub / LOG).read_text()
    assert log.endswith("\nretrain: a secret\n"), "the variables come from .env"
    assert done.stdout == ("" if status == 0 else log)
    assert done.stderr == ""


def test_a_line_without_its_folder_or_its_secrets_is_heard(page: Path, stub: Path) -> None:
    let_end(stub)
    (stub / ".env").unlink()
    assert ".env" in line_of(page, stub, WEEKLY).stderr
    stub.rename(stub.with_name("elsewhere"))
    assert "clone" in line_of(page, stub, WEEKLY).stderr
    assert calls(stub) == []


@pytest.mark.parametrize(
    ("monitor", "retrain", "status"),
    [(0, 0, 0), (20, 0, 20), (1, 0, 1), (10, 0, 0), (10, 10, 10), (10, 20, 20), (10, 30, 30), (10, 1, 1)],
)
def test_only_a_shift_retrains_and_every_other_status_stays(
    page: Path, stub: Path, monitor: int, retrain: int, status: int
) -> None:
    let_end(stub, monitor=monitor, retrain=retrain)
    done = line_of(page, stub, DAILY)
    assert (done.stdout == "") == (status == 0)
    scans = stub.parent / "scans"
    asked = f"encdec monitor {scans} --kind images --out .work/watch"
    retrained = f"encdec retrain --batch {scans} --kind images --monitor .work/watch/monitor.json"
    assert calls(stub) == ([asked, retrained] if monitor == 10 else [asked])
    by_hand = subprocess.run([stub / ".ci" / "watch", scans, "images", "--promote"], capture_output=True, check=False)
    assert by_hand.returncode == status
    assert calls(stub)[-1] == (f"{retrained} --promote" if monitor == 10 else asked)


@pytest.fixture(scope="module")
def jobs(page: Path) -> dict[str, Any]:
    """Of the GitLab file, each with what it extends."""
    file: dict[str, Any] = YAML(typ="safe", pure=True).load(block(page, "yaml"))
    jobs = {name: job for name, job in file.items() if name not in ("default", "variables", "stages")}

    def whole(job: dict[str, Any]) -> dict[str, Any]:
        return {**whole(jobs[job["extends"]]), **job} if "extends" in job else job

    found = {name: whole(job) for name, job in jobs.items() if not name.startswith(".")}
    assert {job["stage"] for job in found.values()} == {*file["stages"]}
    return found


def commands(job: Mapping[str, Any]) -> list[str]:
    return [*job.get("before_script", ()), *job["script"]]


def test_the_gitlab_file_is_one(page: Path, tmp_path: Path) -> None:
    file = tmp_path / ".gitlab-ci.yml"
    file.write_text(block(page, "yaml"))
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(file)]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_what_the_gitlab_jobs_call_is_there(root: Path, jobs: dict[str, Any]) -> None:
    called = [shlex.split(line) for job in jobs.values() for line in commands(job) if "'" not in line]
    firsts = {words[0] for words in called}
    assert {"encdec", "make", ".ci/run", "dvc"} <= firsts
    assert all(os.access(root / first, os.X_OK) for first in firsts if first.startswith(".ci/"))
    assert {words[1] for words in called if words[0] == "encdec"} == {"retrain", "promote", "rollback"} & {*COMMANDS}
    targets = {words[1] for words in called if words[0] == "make"}
    assert targets == {"setup"}
    assert "\nsetup: " in (root / "Makefile").read_text()
    assert ".ci/need remote server" in commands(jobs["promote"])
    assert ".ci/need server" in commands(jobs["rollback"])
    assert all(job["timeout"] for job in jobs.values())
    assert {jobs[name]["rules"][0]["when"] for name in ("promote", "rollback")} == {"manual"}
    assert {jobs[name]["environment"]["name"] for name in ("promote", "rollback")} == {"champion"}


def test_the_commands_have_every_option_that_the_page_uses(
    root: Path, page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [block(page, "crontab"), block(page, "yaml"), (root / ".ci" / "watch").read_text()]
    used = re.findall(r"\bencdec ([a-z]+) ([^\n;|)]*)", "\n".join(texts))
    assert {command for command, _ in used} == {"monitor", "promote", "retrain", "rollback"}
    for command, arguments in used:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        shown = capsys.readouterr().out
        assert all(option in shown for option in re.findall(r"--[a-z-]+", arguments)), (command, arguments)


def run_job(tree: Path, job: Mapping[str, Any], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """As GitLab's runner does: one bash that stops at the first command that fails."""
    script = "\n".join(["set -eo pipefail", *commands(job)])
    plain = {"PATH": f"{tree / '.venv' / 'bin'}:{os.environ['PATH']}", "HOME": str(tree.parent), "FROM_FILE": ""}
    return subprocess.run(["bash", "-c", script], cwd=tree, env={**plain, **env}, capture_output=True, text=True)


def commit(tree: Path) -> None:
    """A history in which `encdec` has changed dvc.lock since."""
    for name in ("dvc.lock", "params.yaml", "README.md", "data/report.txt"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("old\n")
    (tree / ".gitignore").write_text(".env\n.work/\n.venv/\n")
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), (*identity, "commit", "-qm", "start")):
        subprocess.run(["git", *command], cwd=tree, check=True)
    (tree / "dvc.lock").write_text("new\n")
    (tree / ".work" / "retraining").mkdir()


@pytest.mark.parametrize("status", [0, *STATUSES])
def test_the_gitlab_job_keeps_the_status(stub: Path, jobs: dict[str, Any], status: int) -> None:
    let_end(stub, retrain=status)
    done = run_job(stub, jobs["retrain"], {})
    assert done.returncode == status, done.stderr
    assert calls(stub) == ["make setup EXTRAS=s3", "encdec retrain --reason schedule"]
    assert jobs["retrain"]["allow_failure"] == {"exit_codes": [10, 30]}


def leave_results(tree: Path, body: str) -> None:
    """What `encdec retrain` makes of a changed tree; another machine has that and the commit, and nothing else."""
    results = tree / ".work" / "retraining"
    (results / "retrain.patch").write_bytes(patch_of(tree))
    (results / "retrain.json").write_text(json.dumps({"accepted": True, "sentence": "Retraining: it was time."}))
    (results / "pull-request.md").write_text(body)
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=tree, check=True)


def test_the_merge_request_has_the_text_and_nobody_sees_the_token(
    stub: Path, jobs: dict[str, Any], tmp_path: Path
) -> None:
    let_end(stub)
    commit(stub)
    body = "## Retraining: a changed parameter (models.cnn.x).\n\n### What triggered it\n\n- A changed parameter\n"
    leave_results(stub, body)
    remote, options = tmp_path / "remote.git", tmp_path / "options"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(remote)], check=True)
    subprocess.run(["git", "-C", str(remote), "config", "receive.advertisePushOptions", "true"], check=True)
    write_program(remote / "hooks" / "pre-receive", f'env | grep ^GIT_PUSH_OPTION_ | sort >"{options}"')
    env = {
        "CI_PIPELINE_ID": "7",
        "CI_SERVER_HOST": "gitlab.example.org",
        "CI_DEFAULT_BRANCH": "main",
        "CI_PROJECT_URL": str(tmp_path / "remote"),
        "PUSH_TOKEN": "glpat-secret",
    }
    done = run_job(stub, jobs["propose"], env)
    assert done.returncode == 0, done.stderr
    assert options.read_text().splitlines() == [
        "GIT_PUSH_OPTION_0=merge_request.create",
        "GIT_PUSH_OPTION_1=merge_request.target=main",
        "GIT_PUSH_OPTION_COUNT=2",
    ]
    shown = ["git", "-C", str(remote), "show", "--stat", "--format=%B", "retrain/7"]
    commit_text = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
    assert commit_text.startswith(f"Retraining: it was time.\n\n{body}")
    assert "dvc.lock | 2 +-" in commit_text
    assert "glpat-secret" not in done.stdout + done.stderr + (stub / ".git" / "config").read_text()
    (push,) = (words for words in map(shlex.split, jobs["propose"]["script"]) if "push" in words)
    fill = [*push[: push.index("push")], "credential", "fill"]
    asked = "protocol=https\nhost=gitlab.example.org\n\n"
    filled = subprocess.run(fill, cwd=stub, env={**os.environ, **env}, input=asked, capture_output=True, text=True)
    assert "username=retraining\npassword=glpat-secret\n" in filled.stdout, "git has it from the environment"


def test_nothing_new_makes_no_merge_request(stub: Path, jobs: dict[str, Any]) -> None:
    let_end(stub)
    commit(stub)
    (stub / "dvc.lock").write_text("old\n")
    leave_results(stub, "")
    assert (stub / ".work" / "retraining" / "retrain.patch").read_bytes() == b""
    assert run_job(stub, jobs["propose"], {}).returncode == 0
    refs = subprocess.run(["git", "for-each-ref"], cwd=stub, capture_output=True, text=True, check=True).stdout
    assert refs.count("\n") == 1
