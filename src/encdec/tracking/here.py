"""The store of the project around the working directory, for commands."""

from pathlib import Path

from encdec.params.loading import load_params
from encdec.tracking.project import find_project
from encdec.tracking.store import Store, open_store


def open_store_here() -> Store:
    """
    Raises:
        FileNotFoundError: there is no project around the working directory.
        TrackingUnavailable: the store cannot be used.
        ValueError: params.yaml is wrong.
    """
    project = find_project(Path.cwd())
    return open_store(load_params(project.tree / "params.yaml").params.tracking.experiment, project)
