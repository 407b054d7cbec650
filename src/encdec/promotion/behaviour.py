"""The behavioural tests of tests/model, run against the candidate in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from xml.etree import ElementTree

TESTS = Path("tests", "model")
TIMEOUT_SECONDS = 900
SHOWN_LINES = 5


class Behaviour(NamedTuple):
    """`passed` of the tests that fit the model, `failures` by name, or the `problem` that kept them from running."""

    passed: tuple[str, ...]
    failures: tuple[str, ...]
    problem: str | None


def run_behaviour(tree: Path, *, model: Path, prepared: Path) -> Behaviour:
    """Run the tests that fit a model's folder on the prepared data that it reads.

    Never raises for what a person can mend: then `problem` says it.
    """
    if not (tree / TESTS).is_dir():
        return Behaviour((), (), f"{TESTS.as_posix()}: no such folder in {tree}: promote from the whole project")
    with TemporaryDirectory() as temporary:
        results = Path(temporary, "results.xml")
        command = [sys.executable, "-m", "pytest", str(TESTS), "-q", "-p", "no:cacheprovider", f"--junitxml={results}"]
        # without the project's own settings: they ask for plugins that only `make test` installs
        command += ["-c", os.devnull, f"--rootdir={tree}", f"--confcutdir={tree}"]
        command += [f"--model-folder={model.absolute()}", f"--prepared-folder={prepared.absolute()}"]
        try:
            done = subprocess.run(
                command, cwd=tree, env=clean_environment(), capture_output=True, text=True, timeout=TIMEOUT_SECONDS
            )
        except subprocess.TimeoutExpired:
            return Behaviour((), (), f"{TESTS.as_posix()} did not end within {TIMEOUT_SECONDS} s")
        if not results.is_file() or done.returncode not in (0, 1):
            said = " / ".join((done.stdout + done.stderr).strip().splitlines()[-SHOWN_LINES:])
            return Behaviour((), (), f"{TESTS.as_posix()} could not run (pytest ended with {done.returncode}): {said}")
        return read_results(results)


def read_results(path: Path) -> Behaviour:
    """What a JUnit XML of pytest says; a test that was skipped does not fit the model."""
    passed, failures = [], []
    for case in ElementTree.parse(path).iter("testcase"):
        outcomes = {child.tag for child in case}
        if outcomes & {"failure", "error"}:
            failures.append(case.get("name", ""))
        elif "skipped" not in outcomes:
            passed.append(case.get("name", ""))
    problem = None
    if not passed and not failures:
        problem = f"no test of {TESTS.as_posix()} fits this model: write one, or set promotion.behaviour to false"
    return Behaviour(tuple(passed), tuple(failures), problem)


def clean_environment() -> dict[str, str]:
    """Without what an outer pytest has set."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
