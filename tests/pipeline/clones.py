"""Clones of one project, as the members of a team have them: the real graph, cut to its smallest model."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML
from small_project import Project, new_project
from started import end, start

MODEL = "cnn"
TRACKED = {"ingest@images", "validate@images", "prepare@images", "baselines@images", "tune@cnn", "train@cnn"}
TRACKED |= {"evaluate@cnn", "report"}
"""The stages of that graph that make a run; `check` makes none."""


class Finished(NamedTuple):
    """A clone, and all that its commands printed."""

    project: Project
    output: str


def first_clone(root: Path, folder: Path, *, s3: str) -> Project:
    """One model on one kind of data, with the team's DVC remote in .dvc/config, which holds no key."""
    project = new_project(root, folder)
    project.edit_params("pairs", "enabled", value=False)
    for name in ("autoencoder", "sparse_autoencoder", "denoising_autoencoder", "vae", "seq2seq"):
        project.edit_params("models", name, "enabled", value=False)
    project.edit_params("promotion", "behaviour", value=False)  # what a few steps of training gave behaves badly
    project.edit_params("promotion", "models", MODEL, "floors", value={"accuracy": 0.01})
    project.edit_params("promotion", "models", MODEL, "margin", value=1.0)
    cut_graph(project.path / "dvc.yaml")
    project.run("dvc", "remote", "add", "--default", "team", "s3://dvc/encdec")
    project.run("dvc", "remote", "modify", "team", "endpointurl", s3)
    project.run("git", "commit", "-qam", "small")
    return project


def cut_graph(file: Path) -> None:
    yaml = YAML()
    graph = yaml.load(file)
    graph["vars"][0]["model"] = {MODEL: {"kind": "images", "baselines": "images"}}
    del graph["plots"]
    stages = graph["stages"]
    for name in ("ingest", "validate", "prepare"):
        del stages[name]["foreach"]["pairs"]
    for name in ("noise", "pairs"):
        del stages["baselines"]["foreach"][name]
    stages["report"]["deps"].remove("data/03_prepared/pairs/rejected.csv")
    yaml.dump(graph, file)


def clone(project: Project, folder: Path) -> Project:
    folder.mkdir()
    copy = Project(folder / "project", folder / "spy")
    copy.spy.mkdir()
    subprocess.run(["git", "clone", "-q", str(project.path), str(copy.path)], check=True)
    return copy


def repro_at_once(
    projects: Mapping[str, Project], environments: Mapping[str, Mapping[str, str]]
) -> dict[str, Finished]:
    """`dvc repro` in all of them at the same time, each with its own environment."""
    running = {name: start(project, ["dvc", "repro"], env=environments[name]) for name, project in projects.items()}
    ended = {name: end(process, patience=600) for name, process in running.items()}
    for name, each in ended.items():
        assert each.code == 0, f"{name}:\n{each.output}"
    return {name: Finished(project, ended[name].output) for name, project in projects.items()}
