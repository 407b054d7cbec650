"""The committed dvc.lock belongs to the committed code, parameters and table."""

import json
from pathlib import Path

from ruamel.yaml import YAML

from encdec.tracking.digests import dvc_digest, read_ignore


def test_every_file_of_the_repository_that_the_lock_names_is_the_one_of_the_repository(root: Path) -> None:
    """Otherwise a clone computes everything anew, and `git status` is dirty after it."""
    stages = YAML(typ="safe", pure=True).load(root / "dvc.lock")["stages"]
    named = {dep["path"]: dep["md5"] for stage in stages.values() for dep in stage["deps"]}
    ours = {path: digest for path, digest in named.items() if not path.startswith("data/")}
    assert len(ours) > 20
    ignore = read_ignore(root)
    stale = {path for path, digest in ours.items() if dvc_digest(root / path, ignore=ignore) != digest}
    assert stale == set(), "run dvc repro and commit dvc.lock"


def test_the_readme_shows_the_results_that_are_committed(root: Path) -> None:
    readme = (root / "README.md").read_text()
    for path in sorted((root / "data/06_evaluation").glob("*/metrics.json")):
        assert f"| {path.parent.name} " in readme
    accuracy = json.loads((root / "data/06_evaluation/cnn/metrics.json").read_text())["accuracy"]
    assert f"| cnn                   | accuracy ↑         | {accuracy:.3f} [" in readme, "run make results"
