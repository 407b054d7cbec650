"""Where things are: the files that run, and the folder that keeps the runs."""

import os
from pathlib import Path
from typing import NamedTuple

WORK_FOLDER = ".work"


class Project(NamedTuple):
    """`tree`: the folder with the dvc.yaml that runs; `home`: the folder that keeps database, artifacts and .work.

    They are the same, except in a `dvc exp run --temp` or `--queue`: DVC copies the tree, and the runs stay at home.
    """

    tree: Path
    home: Path

    @property
    def work(self) -> Path:
        return self.home / WORK_FOLDER

    def name(self, path: Path) -> str:
        """The path as dvc.lock writes it: relative to the tree, with forward slashes."""
        absolute = path.absolute()  # not resolve(): a link to data keeps the name that dvc.yaml gives it
        return absolute.relative_to(self.tree).as_posix() if absolute.is_relative_to(self.tree) else absolute.as_posix()


def find_project(start: Path) -> Project:
    """The project around a folder.

    Raises:
        FileNotFoundError: there is no dvc.yaml in the folder or above it.
    """
    start = start.absolute()
    tree = next((folder for folder in (start, *start.parents) if (folder / "dvc.yaml").is_file()), None)
    root = os.environ.get("DVC_ROOT")
    if tree is None:
        raise FileNotFoundError(f"no dvc.yaml in {start} or above it: run this inside of the project")
    return Project(tree, Path(root).absolute() if root else tree)
