"""The stages of a tree as DVC sees them, and which of them a result needs."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple


class Graph(NamedTuple):
    """The paths that each stage reads and writes, by its name in dvc.yaml; relative to the tree."""

    deps: Mapping[str, Sequence[str]]
    outs: Mapping[str, Sequence[str]]

    def needed(self, stage: str) -> list[tuple[str, str]]:
        """The outs of other stages that a stage reads, each with its stage; of a folder, those in it."""
        return [
            (out, other)
            for dep in self.deps[stage]
            for other, outs in self.outs.items()
            for out in outs
            if other != stage and (within(out, dep) or within(dep, out))
        ]

    def foreign(self, stage: str) -> list[str]:
        """What a stage reads that no stage writes."""
        made = {dep for dep in self.deps[stage] for outs in self.outs.values() for out in outs if overlap(out, dep)}
        return [dep for dep in self.deps[stage] if dep not in made]


def within(path: str, folder: str) -> bool:
    return PurePosixPath(path).is_relative_to(folder)


def overlap(path: str, other: str) -> bool:
    return within(path, other) or within(other, path)


def read_graph(tree: Path) -> Graph:
    """The stages of the dvc.yaml of a tree.

    Raises:
        ValueError: DVC cannot read it.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        stages = [stage for stage in Repo(str(tree)).index.stages if stage.path_in_repo == "dvc.yaml"]
    except DvcException as error:
        raise ValueError(f"dvc.yaml of that commit cannot be read: {error}") from error
    return Graph(
        deps={stage.name: [dep.def_path for dep in stage.deps] for stage in stages},
        outs={stage.name: [out.def_path for out in stage.outs] for stage in stages},
    )


def plan(graph: Graph, stage: str, *, available: Callable[[str], bool], everything: bool) -> list[str]:
    """The stages to run for the outs of one, in their order: itself, and those whose outs are not available.

    Args:
        available: whether an out is there as it was, so that its stage need not run; it may bring it.
        everything: run all stages that it comes from.
    """
    order: list[str] = []
    visiting: set[str] = set()

    def visit(label: str) -> None:
        visiting.add(label)
        for out, other in graph.needed(label):
            if other not in visiting and (everything or not available(out)):
                visit(other)
        order.append(label)

    visit(stage)
    return order
