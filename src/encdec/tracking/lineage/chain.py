"""The chain of a result in both directions: what it was made from, and what was made from it."""

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from encdec.tracking.lineage.history import History, Version
from encdec.tracking.lineage.reference import Focus, resolve
from encdec.tracking.lineage.step import Step

FORMAT = 1
"""Of the JSON; another number means that a key has gone or means something else."""


class Edge(NamedTuple):
    """`source` made the data at a path, with that digest, and `target` read them; both are keys of steps."""

    source: str
    target: str
    path: str
    digest: str


class Lineage(NamedTuple):
    """`steps`: by key. `above`, `below`: the edges towards where the focus came from, and away from it.

    `versions`: in the registry, by the key of the training run.
    """

    reference: str
    focus: Focus
    steps: dict[str, Step]
    above: list[Edge]
    below: list[Edge]
    versions: dict[str, list[Version]]

    def document(self) -> dict[str, Any]:
        """As JSON has it; see docs/lineage.md."""
        registered = [version for versions in self.versions.values() for version in versions]
        return {
            "format": FORMAT,
            "reference": self.reference,
            "focus": self.focus.step.key,
            "data": list(self.focus.only),
            "nodes": [
                *(step.document() for step in self.steps.values()),
                *({"id": each.key, "kind": "version", **each._asdict()} for each in registered),
            ],
            "edges": [
                *(
                    {"from": edge.source, "to": edge.target, "path": edge.path, "digest": edge.digest}
                    for edge in dict.fromkeys([*self.above, *self.below])
                ),
                *({"from": each.run_id, "to": each.key, "path": None, "digest": None} for each in registered),
            ],
        }


def trace(history: History, reference: str, *, every: bool) -> Lineage:
    """Everything that a result came from and everything that came from it.

    Args:
        reference: see `reference.resolve`.
        every: show each run, also those that made the same as a later one.

    Raises:
        ValueError: the reference means nothing, or several things.
    """
    focus = resolve(history, reference)
    steps = {focus.step.key: focus.step}
    above = climb(history, steps, focus.step)
    below = descend(history, steps, focus, every=every)
    versions = {key: list(found) for key, step in steps.items() if (found := history.versions(step))}
    return Lineage(reference, focus, steps, above, below, versions)


def climb(history: History, steps: dict[str, Step], start: Step) -> list[Edge]:
    """Add what `start` was made from to the steps; each step is looked at once."""
    edges: list[Edge] = []
    waiting, seen = deque([start]), {start.key}
    while waiting:
        step = waiting.popleft()
        for path, digest in step.inputs.items():
            source = history.source(step, path, digest)
            edges.append(Edge(source.key, step.key, path, digest))
            steps.setdefault(source.key, source)
            waiting.extend(unseen([source], seen))
    return edges


def descend(history: History, steps: dict[str, Step], focus: Focus, *, every: bool) -> list[Edge]:
    """Add what was made from the focus to the steps; of all that the first step made, only what was meant."""
    edges: list[Edge] = []
    waiting, seen = deque([focus.step]), {focus.step.key}
    while waiting:
        step = waiting.popleft()
        meant = focus.only if step.key == focus.step.key else ()
        for path, digest in step.outs.items():
            if meant and path not in meant:
                continue
            found = history.readers(path, digest, every=every)
            edges += [Edge(step.key, target.key, path, digest) for target in found]
            for target in found:
                steps.setdefault(target.key, target)
            waiting.extend(unseen(found, seen))
    return edges


def unseen(found: Iterable[Step], seen: set[str]) -> list[Step]:
    new = [step for step in found if step.key not in seen]
    seen.update(step.key for step in new)
    return new
