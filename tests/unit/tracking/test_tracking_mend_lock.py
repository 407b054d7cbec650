"""A dvc.lock of which DVC wrote no more than a part, held against what DVC itself takes."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from voluptuous import MultipleInvalid

from encdec.tracking.mend_lock import BROKEN, is_whole, mend

ROOT = Path(__file__).parents[3]
STAGES = 3


@pytest.fixture
def whole() -> str:
    """The first stages of the project's own."""
    lines = (ROOT / "dvc.lock").read_text(encoding="utf-8").splitlines(keepends=True)
    begun = [number for number, line in enumerate(lines) if line.startswith("  ") and line[2] != " "]
    return "".join(lines[: begun[STAGES]])


def dvc_takes(text: str) -> bool:
    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.load(text, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, MultipleInvalid):
        return False
    return True


def commit(tree: Path) -> None:
    who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "start"]):
        subprocess.run(["git", *arguments], cwd=tree, check=True)


def test_no_part_is_taken_for_whole_that_dvc_refuses(whole: str) -> None:
    assert dvc_takes(whole)
    assert is_whole(whole)
    refused = 0
    for size in range(0, len(whole) + 1, 23):
        taken = dvc_takes(whole[:size])
        assert taken or not is_whole(whole[:size]), whole[max(0, size - 200) : size]
        refused += not taken
    assert refused > 50


def test_a_part_gives_way_to_the_lock_of_the_last_commit(tmp_path: Path, whole: str) -> None:
    lock = tmp_path / "dvc.lock"
    lock.write_text(whole, encoding="utf-8")
    commit(tmp_path)
    assert mend(tmp_path, wait=0) is None
    for part in (whole[:-30], ""):
        lock.write_text(part, encoding="utf-8")
        said = mend(tmp_path, wait=0)
        assert said is not None
        assert "is that of the last commit again" in said
        assert lock.read_text(encoding="utf-8") == whole
        assert (tmp_path / BROKEN).read_text(encoding="utf-8") == part


def test_the_marks_of_a_merge_are_left_alone(tmp_path: Path, whole: str) -> None:
    lock = tmp_path / "dvc.lock"
    lock.write_text(whole, encoding="utf-8")
    commit(tmp_path)
    merged = f"<<<<<<< HEAD\n{whole}=======\n{whole}>>>>>>> other\n"
    lock.write_text(merged, encoding="utf-8")
    assert mend(tmp_path, wait=0) is None
    assert lock.read_text(encoding="utf-8") == merged


def test_without_a_whole_one_in_the_commit_a_part_is_moved_aside(tmp_path: Path, whole: str) -> None:
    lock = tmp_path / "dvc.lock"
    part = whole[:-30]
    for committed in (False, True):
        lock.write_text(part, encoding="utf-8")
        if committed:
            commit(tmp_path)
        assert "is made anew" in str(mend(tmp_path, wait=0))
        assert not lock.exists()
        assert (tmp_path / BROKEN).read_text(encoding="utf-8") == part
        assert mend(tmp_path, wait=0) is None


def test_a_dvc_that_is_still_writing_is_waited_for(tmp_path: Path, whole: str) -> None:
    lock, rest = tmp_path / "dvc.lock", tmp_path / "rest"
    lock.write_text(whole[:-30], encoding="utf-8")
    rest.write_text(whole[-30:], encoding="utf-8")
    code = "import sys, time; time.sleep(0.3); open(sys.argv[1], 'a').write(open(sys.argv[2]).read())"
    with subprocess.Popen([sys.executable, "-c", code, str(lock), str(rest)]):
        assert mend(tmp_path, wait=3) is None
    assert lock.read_text(encoding="utf-8") == whole
