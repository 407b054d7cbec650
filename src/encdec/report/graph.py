"""What depends on what among the stages of dvc.yaml."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from encdec.dvc_graph import Stage


class Edge(NamedTuple):
    """`before` writes what `after` reads: positions in the sequence of stages."""

    before: int
    after: int


def find_edges(stages: Sequence[Stage]) -> tuple[Edge, ...]:
    """Who reads what another writes; an edge that a longer way implies is left out."""
    direct = {
        (before, after)
        for before, writer in enumerate(stages)
        for after, reader in enumerate(stages)
        if before != after and any(overlap(out, dep) for out in writer.outs for dep in reader.deps)
    }
    follows = {before: {after for first, after in direct if first == before} for before in range(len(stages))}
    reached = {start: reachable(start, follows) for start in follows}
    return tuple(
        Edge(before, after)
        for before, after in sorted(direct)
        if not any(after in reached[between] for between in follows[before] if between != after)
    )


def overlap(out: str, dep: str) -> bool:
    """The same path, or one lies in the other."""
    first, second = PurePosixPath(out), PurePosixPath(dep)
    return first == second or first in second.parents or second in first.parents


def reachable(start: int, follows: Mapping[int, set[int]]) -> set[int]:
    found: set[int] = set()
    waiting = list(follows[start])
    while waiting:
        stage = waiting.pop()
        if stage not in found:
            found.add(stage)
            waiting.extend(follows[stage])
    return found
